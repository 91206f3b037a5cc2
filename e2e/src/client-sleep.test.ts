// What the client makes of a machine that slept: its clock has jumped, and whatever was open may be dead.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { addClient, blankPage } from './client-bundle.ts'
import { type DevServer, startDevServer } from './dev-server.ts'

let server: DevServer
let browser: Browser

declare global {
  interface Window {
    /** Data of events, and gaps. */
    told: unknown[]
    states: string[]
  }
}

before(async () => {
  server = await startDevServer()
  browser = await launchChromium()
})

after(async () => {
  await browser?.close()
  await server?.stop()
})

/** A page that listens to a channel. */
async function listeningTo(channel: string): Promise<Page> {
  const context = await browser.newContext()
  await addClient(context)
  const page = await blankPage(context, server.origin)
  await page.evaluate(async (channel) => {
    window.told = []
    window.states = []
    window.stream = window.fanline.connect('/v1/events', { channels: [channel] })
    window.stream.onAny(({ data }) => window.told.push(data))
    window.stream.onGap((gap) => window.told.push(gap))
    await window.stream.caughtUp
    window.stream.onStatus(({ state, failures }) => window.states.push(`${state} ${failures}`))
  }, channel)
  return page
}

/** An hour passes in a moment, and the machine is opened again; what is published then goes to this channel. */
function sleepAnHour(channel: string | undefined): void {
  const { now } = Date
  if (channel) void fetch(`/v1/publish/${channel}`, { method: 'POST', body: 'it still speaks' })
  Date.now = () => now() + 3_600_000
  window.dispatchEvent(new Event('online'))
  document.dispatchEvent(new Event('visibilitychange'))
}

async function publish(channel: string, data: string): Promise<void> {
  const answer = await fetch(`${server.origin}/v1/publish/${channel}`, { method: 'POST', body: data })
  assert.equal(answer.status, 200)
}

test('after a sleep a stream is asked for once, at once, and catches up without a failure', async () => {
  const page = await listeningTo('slept')
  await publish('slept', 'before')
  await page.waitForFunction(() => window.told.length === 1)
  await page.evaluate(sleepAnHour, undefined)
  await page.waitForFunction(() => window.states.at(-1) === 'live 0')
  await publish('slept', 'after')
  await page.waitForFunction(() => window.told.length === 2)
  assert.deepEqual(await page.evaluate(() => window.told), ['before', 'after'])
  assert.deepEqual(await page.evaluate(() => window.states), ['connecting 0', 'catching-up 0', 'live 0'])
  await page.context().close()
})

test('a stream that is there after a sleep is kept', async () => {
  const page = await listeningTo('kept')
  const before = await page.evaluate(() => window.stream.status.connection)
  // By the page itself: what comes later than half a second after the sleep is too late.
  await page.evaluate(sleepAnHour, 'kept')
  await page.waitForFunction(() => window.told.length === 1)
  // Longer than what has come in may take to be read: by then the other test has its second connection.
  const other = await listeningTo('other')
  await other.evaluate(sleepAnHour, undefined)
  await other.waitForFunction(() => window.states.at(-1) === 'live 0')
  assert.equal(await page.evaluate(() => window.stream.status.connection), before)
  assert.deepEqual(await page.evaluate(() => window.states), [])
  await other.context().close()
  await page.context().close()
})

test('a page that comes back from the back-forward cache goes on where it was', async () => {
  const page = await listeningTo('cached')
  const hide = (persisted: boolean): void => {
    window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted }))
  }
  await page.evaluate(hide, true)
  await page.waitForFunction(() => window.states.at(-1)?.startsWith('waiting'))
  await publish('cached', 'meanwhile')
  await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))
  await page.waitForFunction(() => window.told.length === 1)
  assert.deepEqual(await page.evaluate(() => window.told), ['meanwhile'])
  await page.context().close()
})
