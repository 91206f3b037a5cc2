import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { CurlStream, type HeardEvent } from './curl-stream.ts'
import { RunningExample } from './running-example.ts'

const folder = new URL('../../examples/', import.meta.url)
/** They have tests of their own. */
const others = ['ai-chat', 'migrate', 'react', 'resumable-stream', 'vue']
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !others.includes(entry.name))
  .map((entry) => entry.name)

let browser: Browser

before(async () => {
  browser = await launchChromium()
})

after(() => browser?.close())

test('there is an example for each framework, all with the same page', () => {
  assert.deepEqual(names, ['express', 'fastify', 'hono', 'node-http'])
  const pages = names.map((name) =>
    readFileSync(fileURLToPath(new URL(`${name}/index.html`, folder)), 'utf8'),
  )
  for (const page of pages) assert.equal(page, pages[0])
})

for (const name of names) {
  describe(`example ${name}`, () => {
    let example: RunningExample

    before(async () => {
      example = await RunningExample.start(name)
    })

    after(() => example?.terminate())

    test('an order reaches its customer and the barista, and nobody else', async () => {
      const [alice, bob, barista] = [await listen('alice'), await listen('bob'), await listen('barista')]
      await order('alice')
      await order('bob')
      assert.deepEqual(dataOf(await alice.next()), { number: 1, customer: 'alice' })
      assert.deepEqual(dataOf(await bob.next()), { number: 2, customer: 'bob' })
      assert.deepEqual(dataOf(await barista.next()), { number: 1, customer: 'alice' })
      assert.deepEqual(dataOf(await barista.next()), { number: 2, customer: 'bob' })
      await Promise.all([alice, bob, barista].map((stream) => stream.leave()))
    })

    test('who was away gets what was missed', async () => {
      const before = await listen('alice')
      await order('alice')
      const last = await before.next()
      await before.leave()
      const missed = [await order('alice'), await order('alice')]

      const back = streamOf('alice', '-H', `Last-Event-ID: ${last.id}`)
      const hello = await back.next()
      assert.equal(hello.event, 'fanline.hello')
      assert.equal(hello.id, last.id)
      assert.deepEqual([dataOf(await back.next()), dataOf(await back.next())], missed)
      assert.equal((await back.next()).event, 'fanline.checkpoint')
      const next = await order('alice')
      assert.deepEqual(dataOf(await back.next()), next)
      await back.leave()
    })

    test('who did not sign in gets nothing', async () => {
      assert.equal((await fetch(`${example.origin}/events`)).status, 401)
      assert.equal((await fetch(`${example.origin}/orders`, { method: 'POST' })).status, 401)
      assert.equal((await fetch(`${example.origin}/nothing`)).status, 404)
    })

    test('the native API stands under /push', async () => {
      const push = `${example.origin}/push/v1`
      const stream = new CurlStream(`${push}/events/orders?user=carol`)
      const { connection } = dataOf(await stream.next()) as { connection: string }

      const toUser = await publish(`${push}/publish`, '{"user":"carol","data":{"n":1}}', 'application/json')
      const toChannel = await publish(`${push}/publish/orders`, '{ as it is }', 'text/plain')
      assert.deepEqual([toUser.delivered, toChannel.delivered], [1, 1])
      assert.deepEqual(await stream.next(), { id: toUser.id, event: 'message', data: '{"n":1}' })
      assert.deepEqual(await stream.next(), { id: toChannel.id, event: 'message', data: '{ as it is }' })

      const lines = '{"user":"carol","data":2}\n{"channel":"a channel"}\n'
      const answers = await text(`${push}/publish`, lines, 'application/x-ndjson')
      assert.equal((await stream.next()).data, '2')
      assert.deepEqual(answers.trim().split('\n').map(codeOfLine), [undefined, 'channel-invalid'])

      const history = await fetch(`${push}/channels/orders/history?limit=1000`).then((response) =>
        response.json(),
      )
      assert.equal(history.events.at(-1).data, '{ as it is }')
      assert.equal((await fetch(`${push}/nothing`)).status, 404)

      await fetch(`${push}/connections/${connection}`, { method: 'DELETE' })
      assert.deepEqual(dataOf(await stream.next()), { reason: 'kicked', reconnect: false })
      assert.equal(await stream.over, 0)
    })

    test('the page shows orders as they come', async () => {
      const context = await browser.newContext()
      const page = await context.newPage()
      page.setDefaultTimeout(10_000)
      await page.goto(example.origin)
      await page.fill('[name=user]', 'dora')
      await page.click('text=Sign in')
      await page.locator('#state', { hasText: 'Connected as dora.' }).waitFor()
      await page.click('#order')
      await page.locator('#orders li', { hasText: /^Coffee \d+ for dora$/ }).waitFor()
      await context.close()
    })

    test('SIGTERM: streams hear a farewell, and it ends with exit code 0', async () => {
      const stream = await listen('alice')
      // A spare connection, as browsers keep them: no request ever comes on it.
      const spare = connect(example.port, '127.0.0.1')
      await once(spare, 'connect')
      const began = performance.now()
      const exit = example.terminate()
      const bye = await stream.next()
      assert.equal(bye.event, 'fanline.bye')
      assert.deepEqual(dataOf(bye), { reason: 'drain', reconnect: true })
      assert.equal(await stream.over, 0, 'the stream came to its end')
      assert.equal(await exit, 0)
      assert.ok(performance.now() - began < 10_000, 'before Docker would kill it')
      spare.destroy()
    })

    /** A stream of this user, once it was greeted. */
    async function listen(user: string): Promise<CurlStream> {
      const stream = streamOf(user)
      const hello = await stream.next()
      assert.equal(hello.event, 'fanline.hello')
      assert.equal((dataOf(hello) as { user: string }).user, user)
      return stream
    }

    function streamOf(user: string, ...args: readonly string[]): CurlStream {
      return new CurlStream('-b', `user=${user}`, ...args, `${example.origin}/events`)
    }

    async function order(user: string): Promise<unknown> {
      const headers = { Cookie: `user=${user}` }
      const response = await fetch(`${example.origin}/orders`, { method: 'POST', headers })
      assert.equal(response.status, 201)
      return response.json()
    }
  })
}

test('example fastify: what hooks put on a reply stands on the hub’s answers, too', async () => {
  const example = await RunningExample.start('fastify')
  const leave = new AbortController()
  const stream = await fetch(`${example.origin}/events`, {
    headers: { Cookie: 'user=alice' },
    signal: leave.signal,
  })
  const stats = await fetch(`${example.origin}/push/v1/stats`)
  for (const { headers } of [stream, stats]) assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.equal(stream.headers.get('content-type'), 'text/event-stream')
  leave.abort()
  assert.equal(await example.terminate(), 0)
})

async function text(url: string, body: string, type: string): Promise<string> {
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': type }, body })
  assert.equal(response.status, 200)
  return response.text()
}

async function publish(url: string, body: string, type: string): Promise<{ id: string; delivered: number }> {
  return JSON.parse(await text(url, body, type))
}

function codeOfLine(line: string): string | undefined {
  return JSON.parse(line).code
}

function dataOf({ data }: HeardEvent): unknown {
  return JSON.parse(data)
}
