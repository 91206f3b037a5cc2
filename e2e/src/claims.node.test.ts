// What is promised to those who come from five other systems, with its figure: docs/migrate/claims.md.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { after, before, describe, type TestContext, test } from 'node:test'
import { launchChromium } from './chromium.ts'
import { CurlStream } from './curl-stream.ts'
import { startDevServer } from './dev-server.ts'
import { eventually } from './eventually.ts'
import { InterruptedClient } from './interrupted-client.ts'
import { publishLines } from './publish-lines.ts'
import type { RunningServer } from './running-server.ts'
import { ServerView } from './server-view.ts'

const ALL_PRESETS = 'user-channel,client-id,notification,session,starter'

declare global {
  interface Window {
    /** Who wants to come in. */
    visitors: { source: EventSource; breaks: number; heard: string[] }[]
  }
}

describe('10.4 publishers at full speed, and a client that reconnects 500 times: each message once, in order', () => {
  const RECONNECTS = 500
  const agent = new Agent({ keepAlive: true })
  let server: RunningServer

  before(async () => {
    server = await startDevServer(undefined, ['--preset', 'notification,session'])
  })

  after(() => {
    agent.destroy()
    return server?.stop()
  })

  test('notification', async (t) => {
    await interrupt(t, '/notifications?userID=u', (text) => post('/send', { userID: 'u', message: text }))
  })

  test('session', async (t) => {
    await interrupt(t, '/sse?session=s', (text) => post('/pm?session=s', { event: 'n', data: text }))
  })

  /** Each of four publishers counts from 1, as fast as it gets answers. */
  async function interrupt(
    t: TestContext,
    path: string,
    publish: (text: string) => Promise<void>,
  ): Promise<void> {
    const client = new InterruptedClient(server.origin + path, RECONNECTS)
    await client.connected
    const publishers = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (name) => {
        let count = 0
        while (!client.isDone) await publish(`${name} ${++count}`)
        return { name, count }
      }),
    )
    const total = publishers.reduce((sum, { count }) => sum + count, 0)
    const heard = await client.heard(total)
    t.diagnostic(`${total} messages, ${client.connections} connections`)
    assert.ok(client.connections > RECONNECTS)
    const ids = heard.map(({ id }) => Number(id))
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => a - b),
    )
    for (const { name, count } of publishers) {
      const numbers = heard
        .map(({ data }) => data.replaceAll('"', '').split(' '))
        .flatMap(([from, number]) => (from === name ? [Number(number)] : []))
      assert.deepEqual(
        numbers,
        Array.from({ length: count }, (_, i) => i + 1),
      )
    }
    assert.equal(heard.length, total, 'and nothing else')
  }

  /** Over connections that are kept: with fetch the publishers would be slower than the client. */
  async function post(path: string, body: object): Promise<void> {
    const asking = request(server.origin + path, { method: 'POST', agent }).end(JSON.stringify(body))
    const [response] = (await once(asking, 'response')) as [IncomingMessage]
    await once(response.resume(), 'end')
    assert.ok(response.statusCode === 200 || response.statusCode === 202, `${path}: ${response.statusCode}`)
  }
})

for (const level of ['strict', 'enhanced']) {
  test(`10.15 a browser that is one too many comes in once another has left, ${level}`, async (t) => {
    const streams = {
      '/sse?userID=1': 'current-value',
      '/sse?id=1': 'message',
      '/notifications?userID=1': 'message',
      '/sse?session=1': 'message',
      '/sse/stream?user_id=1': 'message',
    }
    const count = Object.keys(streams).length
    const server = await startDevServer(undefined, [
      ...['--preset', ALL_PRESETS, '--preset-level', level],
      ...['--limits-connections', String(count), '--delivery-retry-ms', '1000'],
    ])
    t.after(() => server.stop())
    const view = new ServerView(server.origin)
    const browser = await launchChromium()
    t.after(() => browser.close())
    const page = await browser.newPage()
    await page.goto(`${server.origin}/livez`)

    const others = Array.from({ length: count }, () => new CurlStream(`${server.origin}/v1/events`))
    await Promise.all(others.map((other) => other.next()))
    await page.evaluate((streams) => {
      window.visitors = Object.entries(streams).map(([url, event]) => {
        const visitor = { source: new EventSource(url), breaks: 0, heard: [] as string[] }
        visitor.source.onerror = () => visitor.breaks++
        visitor.source.addEventListener(event, ({ data }) => visitor.heard.push(data))
        return visitor
      })
    }, streams)
    await page.waitForFunction(() => window.visitors.every(({ breaks }) => breaks >= 2))
    const states = await page.evaluate(() => window.visitors.map(({ source }) => source.readyState))
    assert.ok(!states.includes(EVENT_SOURCE_CLOSED), 'none of them has given up')

    const left = performance.now()
    await Promise.all(others.map((other) => other.leave()))
    await eventually(async () => (await view.statesOf('1')).length === count, 'all are in')
    t.diagnostic(`all are in ${Math.round(performance.now() - left)} ms after others have left`)
    await publishLines(server.origin, [[{ user: '1', data: 'welcome' }]])
    await page.waitForFunction(() => window.visitors.every(({ heard }) => heard.length > 0))
    const heard = await page.evaluate(() => window.visitors.map(({ heard }) => heard))
    assert.deepEqual(heard, [['{"data":"welcome"}'], ['welcome'], ['welcome'], ['"welcome"'], ['"welcome"']])
  })
}

const EVENT_SOURCE_CLOSED = 2
