// What a browser's own EventSource makes of the streams, and curl.
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { type Browser, type BrowserContext, devices, type Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { CurlStream } from './curl-stream.ts'
import { startCuttingProxy } from './cutting-proxy.ts'
import { type DevServer, startDevServer } from './dev-server.ts'
import { eventually } from './eventually.ts'
import { countInPage, publishNumbers } from './number-counter.ts'

/** What a person would wait for something to happen, in milliseconds. */
const PATIENCE_MS = 20_000
const EVENTS = 10_000
/** The browser is told to come back after 0.5 to 1.5 s: the least that the server can be set to. */
const FLAGS = ['--delivery-retry-ms', '1000']

let server: DevServer
let browser: Browser
let context: BrowserContext

before(async () => {
  server = await startDevServer(undefined, FLAGS)
  browser = await launchChromium()
})

after(async () => {
  await browser?.close()
  await server?.stop()
})

beforeEach(async () => {
  context = await browser.newContext()
})

afterEach(() => context.close())

test('10,000 events while the network breaks after every 50 ms: each once, in order', async (t) => {
  // The publisher is done before the browser has come back a few times. So the bytes of a stream are rationed, or one of
  // the first would catch up with everything.
  const proxy = await startCuttingProxy(server.port, {
    aliveMs: 50,
    bytesOf: (n) => 12_000 + ((n * 7919) % 26_000),
    cuts: 1000,
  })
  t.after(() => proxy.close())
  const page = await blankPage(context, proxy.origin)
  await page.evaluate(countInPage, { url: '/v1/events/broken' })
  await publishNumbers(server.origin, 'broken', EVENTS)
  const tally = await page.evaluate(() => window.tally)
  t.diagnostic(`${proxy.cuts} cuts`)
  assert.ok(proxy.cuts >= 10, 'the network was bad')
  assert.deepEqual(tally, { count: EVENTS, wrong: [], streams: tally.streams, gaps: [] })
})

test('10,000 events while the page renews its EventSource every 50 ms: each once, in order', async (t) => {
  const page = await blankPage(context, server.origin)
  await page.evaluate(countInPage, { url: '/v1/events/renewed', renewMs: 50 })
  await publishNumbers(server.origin, 'renewed', EVENTS)
  const tally = await page.evaluate(() => window.tally)
  t.diagnostic(`${tally.streams} streams`)
  assert.ok(tally.streams >= 10, 'many streams were needed')
  assert.deepEqual(tally, { count: EVENTS, wrong: [], streams: tally.streams, gaps: [] })
})

test('a page that is cut off before its first event misses nothing', async (t) => {
  const proxy = await startCuttingProxy(server.port, { aliveMs: 50, bytesOf: () => 10_000, cuts: 1 })
  t.after(() => proxy.close())
  const page = await blankPage(context, proxy.origin)
  await page.evaluate(countInPage, { url: '/v1/events/cut' })
  await proxy.allCut
  await publishNumbers(server.origin, 'cut', 5)
  const tally = await page.evaluate(() => window.tally)
  assert.deepEqual(tally, { count: 5, wrong: [], streams: 2, gaps: [] })
})

test('two tabs, a phone and a curl of a user get a message, and nobody else', async () => {
  const phone = await browser.newContext(devices['Pixel 7'])
  const [tab, secondTab, phoneTab, stranger] = [
    await listen(await blankPage(context), 'alice'),
    await listen(await blankPage(context), 'alice'),
    await listen(await blankPage(phone), 'alice'),
    await listen(await blankPage(context), 'bob'),
  ]
  const curl = new CurlStream(`${server.origin}/v1/events?user=alice`)
  assert.equal((await curl.next()).event, 'fanline.hello')

  const toAlice = await publish({ user: 'alice', data: 'Your parcel is here' })
  assert.equal(toAlice.delivered, 4)
  // Comes later in the log: who has it would have what was published before it.
  const toAll = await publish({ all: true, event: 'end', data: 'We close' })
  assert.equal(toAll.delivered, 5)

  const both = [
    { id: toAlice.id, event: 'message', data: 'Your parcel is here' },
    { id: toAll.id, event: 'end', data: 'We close' },
  ]
  for (const page of [tab, secondTab, phoneTab]) assert.deepEqual(await heardUntil(page, 'end'), both)
  assert.deepEqual([await curl.next(), await curl.next()], both)
  assert.deepEqual(await heardUntil(stranger, 'end'), both.slice(1))
  await curl.leave()
  await phone.close()
})

test('a page whose connection is ended by an operator hears why', async () => {
  const page = await listen(await blankPage(context), 'erin')
  const { connections } = await (await fetch(`${server.origin}/v1/connections?user=erin`)).json()
  assert.equal(connections.length, 1)
  await fetch(`${server.origin}/v1/connections/${connections[0].id}`, { method: 'DELETE' })
  const [bye] = await heardUntil(page, 'fanline.bye')
  assert.equal(bye?.data, '{"reason":"kicked","reconnect":false}')
})

test('the server is restarted under a page: a farewell, a gap, larger ids', async () => {
  const page = await listen(await blankPage(context), 'alice')
  const old = await publish({ user: 'alice', data: 'before' })
  assert.deepEqual(await heardUntil(page, 'message'), [{ id: old.id, event: 'message', data: 'before' }])

  await server.stop()
  const [bye] = await heardUntil(page, 'fanline.bye')
  assert.equal(bye?.data, '{"reason":"drain","reconnect":true}')

  server = await startDevServer(server.port, FLAGS)
  const greeting = await heardUntil(page, 'fanline.checkpoint')
  assert.deepEqual(
    greeting.map(({ event }) => event),
    ['fanline.hello', 'fanline.gap', 'fanline.gap', 'fanline.checkpoint'],
  )
  const [hello, ...gaps] = greeting.map(({ data }) => JSON.parse(data))
  assert.equal(hello.resumed, true)
  assert.equal(greeting[0]?.id, old.id, 'it goes on from what the page had')
  gaps.pop()
  assert.deepEqual(gaps.map(({ channel }) => channel).sort(), ['@all', '@user:alice'])
  for (const { reason, from, to } of gaps) {
    assert.equal(reason, 'restarted')
    assert.equal(from, old.id)
    assert.ok(Number(to) > Number(from))
  }

  const young = await publish({ user: 'alice', data: 'after' })
  assert.ok(Number(young.id) > Number(greeting.at(-1)?.id) && Number(young.id) > Number(old.id))
  assert.deepEqual(await heardUntil(page, 'message'), [{ id: young.id, event: 'message', data: 'after' }])
})

test('the first bytes of a quiet stream come at once, and a client that left is gone from the list', async (t) => {
  await context.close()
  const began = performance.now()
  const curl = new CurlStream(`${server.origin}/v1/events/quiet`)
  assert.equal((await curl.next()).event, 'fanline.hello')
  const firstBytesMs = performance.now() - began
  // Held back, they would have come with the first heartbeat.
  assert.ok(firstBytesMs < 10_000, `${firstBytesMs} ms`)

  await curl.leave()
  const left = performance.now()
  await eventually(async () => (await connectionsOf('quiet')) === 0, 'it is out of the list')
  t.diagnostic(
    `first bytes after ${firstBytesMs.toFixed()} ms with the start of curl; ` +
      `out of the list ${(performance.now() - left).toFixed()} ms after curl was gone`,
  )
})

interface Heard {
  readonly id: string
  readonly event: string
  readonly data: string
}

declare global {
  interface Window {
    heard: Heard[]
    /** Runs when something was heard. */
    onheard: () => void
  }
}

/** A page of the server without scripts of its own. */
async function blankPage(context: BrowserContext, origin: string = server.origin): Promise<Page> {
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  await page.goto(`${origin}/livez`)
  return page
}

/** Lets a page listen as a user with an EventSource of its own; resolves once it was greeted. */
async function listen(page: Page, user: string): Promise<Page> {
  await page.evaluate((url) => {
    window.heard = []
    window.onheard = () => undefined
    const source = new EventSource(url)
    const names = ['fanline.hello', 'fanline.checkpoint', 'fanline.gap', 'fanline.bye', 'message', 'end']
    for (const name of names) {
      source.addEventListener(name, ({ lastEventId, data }) => {
        window.heard.push({ id: lastEventId, event: name, data })
        window.onheard()
        if (name === 'fanline.bye' && !JSON.parse(data).reconnect) source.close()
      })
    }
  }, `/v1/events?user=${user}`)
  await heardUntil(page, 'fanline.hello')
  return page
}

/** Takes what a page has heard up to the next event of this name. */
function heardUntil(page: Page, event: string): Promise<Heard[]> {
  return page.evaluate(
    (event) =>
      new Promise((resolve) => {
        window.onheard = () => {
          const last = window.heard.findIndex((heard) => heard.event === event)
          if (last !== -1) resolve(window.heard.splice(0, last + 1))
        }
        window.onheard()
      }),
    event,
  )
}

async function publish(request: object): Promise<{ id: string; delivered: number }> {
  const response = await fetch(`${server.origin}/v1/publish`, {
    method: 'POST',
    body: JSON.stringify(request),
  })
  assert.equal(response.status, 200)
  return response.json()
}

async function connectionsOf(channel: string): Promise<number> {
  const response = await fetch(`${server.origin}/v1/connections?channel=${channel}`)
  return (await response.json()).connections.length
}
