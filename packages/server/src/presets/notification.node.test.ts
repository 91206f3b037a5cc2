import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '@redis/client'
import { EventSource } from 'eventsource'
import type { RunningServer } from '../compose.ts'
import { composed } from '../testing/composed.ts'
import { curl, curlStream } from '../testing/curl.ts'
import { eventually } from '../testing/eventually.ts'
import { freePort } from '../testing/free-port.ts'
import { type HeardEvent, type HeardStream, openStream } from '../testing/heard-stream.ts'
import { type Post, postMany } from '../testing/post-many.ts'
import { figure, type PresetProgram, startPresets } from '../testing/preset-program.ts'
import { Program } from '../testing/program.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { takesUnder } from '../testing/takes-under.ts'

const JSON_TYPE = 'Content-Type: application/json'
const GREETING = { strict: '', enhanced: ':\n\n' }

interface Served {
  readonly server: RunningServer
  readonly base: string
  /** Sends messages to a user, one after the other. */
  send(user: string, ...messages: readonly string[]): Promise<void>
  /** Opens a stream that the hub has made live. */
  listen(user: string): Promise<HeardStream>
}

async function start(
  test: TestContext,
  level: string,
  options: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const server = await composed(test, {}, { preset: 'notification', presetLevel: level, ...options })
  const base = `http://127.0.0.1:${server.port}`
  return {
    server,
    base,
    async send(user, ...messages) {
      const answers = await postMany(server.port, posts(user, messages), { count: 1 })
      assert.deepEqual(answers, new Map([['200 Notification sent', messages.length]]))
    },
    async listen(user) {
      const before = server.hub.connectionsOf(user)
      const stream = await openStream(test, `${base}/notifications?userID=${user}`)
      await eventually(() => server.hub.connectionsOf(user) === before + 1, 'the stream')
      return stream
    },
  }
}

for (const level of ['strict', 'enhanced'] as const) {
  describe(`clients of go-sse-notification, ${level}`, () => {
    it('002.1 a ping is answered pong', async (t) => {
      const { base } = await start(t, level)
      assert.equal(await curl(`${base}/ping`), 'pong')
    })

    it('002.2 a stream needs a userID', async (t) => {
      const { base } = await start(t, level)
      for (const path of ['/notifications', '/notifications?userID=', '/notifications?userid=1']) {
        assert.equal(await curl('-w', '%{http_code}', base + path), 'User ID is required\n400')
      }
      const head = await curl('-D', '-', '-o', '/dev/null', `${base}/notifications`)
      assert.match(head, /^X-Content-Type-Options: nosniff\r$/m)
    })

    it('002.3 a message is sent, whether or not anybody listens', async (t) => {
      const { base } = await start(t, level)
      const body = '{"userID": "user123", "message": "Hello, User!"}'
      const answer = await curl('-X', 'POST', `${base}/send`, '-H', JSON_TYPE, '-d', body)
      assert.equal(answer, 'Notification sent')
      assert.equal(answer.length, 17)
    })

    it('002.4 bodies are refused in its words, and read as leniently', async (t) => {
      const { base } = await start(t, level)
      const send = (body: string): Promise<string> =>
        curl('-w', '%{http_code}', '-X', 'POST', `${base}/send`, '-d', body)
      assert.equal(await send('{"userID":"u"}'), 'Missing userID or message\n400')
      assert.equal(await send('{"userID":"u","message":""}'), 'Missing userID or message\n400')
      assert.equal(await send('{"message":"m"}'), 'Missing userID or message\n400')
      assert.equal(await send('junk'), 'Inavlid request body\n400')
      assert.equal(await send('["userID"]'), 'Inavlid request body\n400')
      assert.equal(await send('{"userID":"u","message":5}'), 'Inavlid request body\n400')
      assert.equal(await send('{"userID":5,"message":"m"}'), 'Inavlid request body\n400')
      assert.equal(await send('{"USERID":"u","Message":"m"} and more'), 'Notification sent200')
    })

    it('002.5 a message is a frame with an id and text', async (t) => {
      const { server, base } = await start(t, level)
      const stream = curlStream(t, '-D', '-', `${base}/notifications?userID=user123`)
      const other = curlStream(t, `${base}/notifications?userID=user124`)
      await eventually(() => server.hub.stats().connections === 2, 'two streams')
      const body = '{"userID": "user123", "message": "Hello, User!"}'
      await curl('-X', 'POST', `${base}/send`, '-H', JSON_TYPE, '-d', body)
      await stream.until(/data: Hello, User!\n\n$/)
      const [head, text] = stream.text.split('\r\n\r\n', 2) as [string, string]
      assert.match(text, new RegExp(`^${GREETING[level]}id: \\d+\\ndata: Hello, User!\\n\\n$`))
      assert.match(head, /^Content-Type: text\/event-stream\r$/m)
      assert.match(head, /^Cache-Control: no-cache\r$/m)
      assert.match(head, /^Connection: keep-alive\r?$/m)
      assert.doesNotMatch(head, /^Access-Control/m)
      assert.equal(other.text, GREETING[level])
    })

    it('002.6 who comes back gets what they missed, by header or by query', async (t) => {
      const { base, listen, send } = await start(t, level)
      const first = await listen('u')
      await send('u', '1', '2', '3', '4', '5')
      const all = await first.take(5)
      const [a, b, c, d, e] = all.map(({ id }) => id as string) as [string, string, string, string, string]
      assert.deepEqual(
        [a, b, c, d, e].map(Number),
        [a, b, c, d, e].map(Number).toSorted((x, y) => x - y),
      )
      const url = `${base}/notifications?userID=u`
      const frames = (...events: readonly HeardEvent[]): string =>
        GREETING[level] + events.map(({ id, data }) => `id: ${id}\ndata: ${data}\n\n`).join('')

      const byHeader = curlStream(t, '-H', `Last-Event-ID: ${a}`, url)
      assert.deepEqual(await byHeader.take(4), all.slice(1))
      assert.equal(byHeader.text, frames(...all.slice(1)))
      const byQuery = curlStream(t, `${url}&lastEventID=${c}`)
      assert.deepEqual(await byQuery.take(2), all.slice(3))
      assert.equal(byQuery.text, frames(...all.slice(3)))
      const headerFirst = await openStream(t, `${url}&lastEventID=${a}`, { 'Last-Event-ID': d })
      assert.deepEqual(await headerFirst.take(1), all.slice(4))

      const above = String(Number(e) + 60_000_000)
      const fresh = await Promise.all(
        ['', '0', 'abc', '-1', '1.5', e, above].map((id) =>
          openStream(t, url, id === '' ? {} : { 'Last-Event-ID': id }),
        ),
      )
      await eventually(
        async () => (await curl(`${base}/metrics`)).includes('\nsse_active_clients 11\n'),
        'all',
      )
      await send('u', '6')
      for (const stream of fresh) {
        const event = await stream.next()
        assert.equal(event.data, '6')
        assert.equal(stream.text, frames(event))
      }
    })

    it('002.8 the metrics have its names, for any method', async (t) => {
      const { base, listen, send } = await start(t, level)
      await listen('user123')
      await send('user123', 'a', 'b', 'c')
      for (const method of ['GET', 'POST', 'DELETE']) {
        const text = await curl('-X', method, `${base}/metrics`)
        for (const line of [
          'sse_active_clients 1',
          'sse_message_sent_total{user="user123"} 3',
          'sse_dropped_message_total 0',
        ]) {
          assert(text.includes(`\n${line}\n`), line)
        }
        assert.match(text, /^process_resident_memory_bytes \d+$/m)
      }
      const head = await curl('-I', `${base}/metrics`)
      assert.match(head, /^Content-Type: text\/plain; version=0\.0\.4/m)
    })

    it('002.10 a message with line breaks is one message', async (t) => {
      const { listen, send } = await start(t, level)
      const stream = await listen('u')
      const messages = ['two\nlines', 'x\n\nevent: evil\ndata: y', 'id: 1\n\n\n', '\n', ' x']
      await send('u', ...messages)
      const heard = await stream.take(messages.length)
      assert.deepEqual(
        heard.map(({ event, data }) => ({ event, data })),
        messages.map((data) => ({ event: 'message', data })),
      )
    })

    it('002.12 a reading client gets all of a burst of 2,200, in order', async (t) => {
      const { server, listen } = await start(t, level)
      const stream = await listen('u')
      const burst = Array.from({ length: 2200 }, (_, i) => String(i))
      const answers = await postMany(server.port, posts('u', burst), { count: 4, inFlight: 100 })
      assert.deepEqual(answers, new Map([['200 Notification sent', 2200]]))
      const heard = await stream.take(2200)
      assert.equal(new Set(heard.map(({ data }) => data)).size, 2200)
      for (const [i, { id }] of heard.entries()) assert(i === 0 || Number(id) > Number(heard[i - 1]?.id))
    })

    it('002.14 SIGTERM ends streams and the program well; SERVER_ADDR may be a port alone', async (t) => {
      const args = ['start', '--preset', 'notification', '--preset-auth', 'open', '--preset-level', level]
      await takesUnder(5000, async () => {
        const port = await freePort()
        // Without HOST it would listen on all addresses, as its system did.
        const program = new Program(t, args, { env: { SERVER_ADDR: String(port), HOST: '127.0.0.1' } })
        await program.prints(new RegExp(`"host":"127.0.0.1","port":${port}`))
        const stream = await openStream(t, `http://127.0.0.1:${port}/notifications?userID=u`)
        const began = performance.now()
        program.signal('SIGTERM')
        assert.equal(await stream.over, true, 'ended, not cut')
        assert.equal(await program.exitCode, 0)
        return performance.now() - began
      })
    })

    it('other methods are refused with nothing but what is allowed', async (t) => {
      const { base } = await start(t, level)
      for (const [method, path, allow] of [
        ['POST', '/ping', 'GET'],
        ['DELETE', '/notifications', 'GET'],
        ['GET', '/send', 'POST'],
      ] as const) {
        const answer = await curl('-i', '-X', method, base + path)
        assert.match(answer, new RegExp(`^HTTP/1\\.1 405 .*\\r\\nAllow: ${allow}\\r\\n.*\\r\\n\\r\\n$`, 's'))
      }
    })

    it('what is too large, or no user, is refused as a line of text', async (t) => {
      const { base } = await start(t, level)
      const large = JSON.stringify({ userID: 'u', message: 'x'.repeat(3_000_000) })
      for (const [status, body] of [
        [413, large],
        [413, JSON.stringify({ userID: 'u', message: 'x'.repeat(1_500_000) })],
        [400, JSON.stringify({ userID: 'x'.repeat(257), message: 'm' })],
      ] as const) {
        const refused = await fetch(`${base}/send`, { method: 'POST', body })
        assert.equal(refused.status, status)
        assert.equal(refused.headers.get('content-type'), 'text/plain; charset=utf-8')
        assert.equal(refused.headers.get('x-content-type-options'), 'nosniff')
        assert.match(await refused.text(), /^[A-Z][^{}]*\.\n$/)
      }
    })
  })
}

describe('clients of go-sse-notification', () => {
  it('002.7 strict: after 150 messages an old id brings the last 100', async (t) => {
    const { base, listen, send } = await start(t, 'strict')
    const all = await sendMany({ listen, send }, 150)
    const stream = await openStream(t, `${base}/notifications?userID=u`, {
      'Last-Event-ID': all[0]?.id ?? '',
    })
    assert.deepEqual(await stream.take(100), all.slice(50))
    await send('u', 'live')
    assert.equal((await stream.next()).data, 'live')
  })

  it('002.7 enhanced: after 150 messages an old id brings all of them', async (t) => {
    const { base, listen, send } = await start(t, 'enhanced')
    const all = await sendMany({ listen, send }, 150)
    const stream = await openStream(t, `${base}/notifications?userID=u`, {
      'Last-Event-ID': all[0]?.id ?? '',
    })
    assert.deepEqual(await stream.take(149), all.slice(1))
  })

  it('002.7 enhanced: where 100 are kept, an old id brings a gap notice and then these', async (t) => {
    const { base, listen, send } = await start(t, 'enhanced', { 'history.maxEvents': '100' })
    const all = await sendMany({ listen, send }, 150)
    const oldest = all[0]?.id ?? ''
    const stream = await openStream(t, `${base}/notifications?userID=u`, { 'Last-Event-ID': oldest })
    const gap = await stream.next()
    assert.deepEqual({ id: gap.id, event: gap.event }, { id: undefined, event: 'fanline.gap' })
    assert.deepEqual(JSON.parse(gap.data), {
      channel: '@user:u',
      from: oldest,
      to: all[49]?.id,
      reason: 'trimmed',
    })
    assert.deepEqual(await stream.take(100), all.slice(50))
  })

  it('002.8 the first hundred users have a series of their own, all others share one', async (t) => {
    const { server, base } = await start(t, 'enhanced')
    await openStream(t, `${base}/notifications?userID=u249`)
    await eventually(() => server.hub.connectionsOf('u249') === 1, 'the stream')
    const users = Array.from({ length: 250 }, (_, i) => `u${i}`)
    await postMany(
      server.port,
      users.flatMap((user) => [...posts(user, ['m'])]),
      { count: 1, inFlight: 50 },
    )
    const text = await curl(`${base}/metrics`)
    const series = [...text.matchAll(/^sse_message_sent_total\{user="(.*)"\} (\d+)$/gm)].map(
      ([, user]) => user,
    )
    assert.deepEqual(series, [...users.slice(0, 100), '_other'])
    assert(text.includes('\nsse_message_sent_total{user="_other"} 1\n'))
  })

  for (const level of ['strict', 'enhanced'] as const) {
    it(`002.9 ${level}: what is sent to one instance is heard from another on the same Redis`, async (t) => {
      const redis = await RedisServer.start()
      t.after(() => redis.stop())
      const env = { REDIS_ADDR: `127.0.0.1:${redis.port}` }
      const flags = ['--preset-level', level]
      const [a, b] = await Promise.all([1, 2].map(() => startPresets(t, 'notification', flags, { env })))
      const stream = await openStream(t, `${b?.base}/notifications?userID=u`)
      await eventually(async () => (await figure(b?.base ?? '', 'sse_active_clients')) === 1, 'the stream')
      const messages = Array.from({ length: 100 }, (_, i) => String(i))
      const answers = await postMany(a?.port ?? 0, posts('u', messages), { count: 1, inFlight: 10 })
      assert.deepEqual(answers, new Map([['200 Notification sent', 100]]))
      const heard = await stream.take(100)
      assert.deepEqual(
        heard.map(({ data }) => data),
        messages,
      )
      const lastId = heard[49]?.id ?? ''
      const resumed = await openStream(t, `${a?.base}/notifications?userID=u`, { 'Last-Event-ID': lastId })
      assert.deepEqual(await resumed.take(50), heard.slice(50))
    })
  }

  it('002.13 of 10,000 messages a client that reconnects every 50 ms misses none, and hears none twice', async (t) => {
    const { port, base } = await startPresets(t, 'notification')
    const url = `${base}/notifications?userID=u`
    const messages = Array.from({ length: 10_000 }, (_, i) => String(i))
    let stream = await openStream(t, url)
    const sending = postMany(port, posts('u', messages), { count: 1, inFlight: 20 })
    // Only an event gives a client an id to come back with.
    await stream.next()
    const heard: HeardEvent[] = []
    let visits = 1
    for (; heard.length + stream.events.length < messages.length; visits++) {
      await delay(50)
      stream.leave()
      heard.push(...stream.events)
      stream = await openStream(t, url, { 'Last-Event-ID': heard.at(-1)?.id ?? '' })
      assert(visits < 2000, `${heard.length} messages in ${visits} visits`)
    }
    heard.push(...stream.events)
    assert.deepEqual(await sending, new Map([['200 Notification sent', messages.length]]))
    assert(visits > 10, `${visits} visits`)
    assert.deepEqual(
      heard.map(({ event, data }) => (event === 'message' ? data : `${event} ${data}`)),
      messages,
    )
  })

  it('a real EventSource hears messages, and goes on where it was cut', async (t) => {
    const { server, base, send } = await start(t, 'enhanced')
    const source = new EventSource(`${base}/notifications?userID=u`)
    t.after(() => source.close())
    const heard: string[] = []
    source.onmessage = ({ data }) => heard.push(data)
    await eventually(() => server.hub.connectionsOf('u') === 1, 'the stream')
    await send('u', 'a')
    await eventually(() => heard.length === 1, 'the first message')
    server.hub.disconnect({ user: 'u' })
    await send('u', 'b', 'c')
    await eventually(() => heard.length === 3, 'what came meanwhile')
    assert.deepEqual(heard, ['a', 'b', 'c'])
  })

  it('its Redis is found by its variables, and nothing says the password', async (t) => {
    const password = 'hunter2/@:%'
    const redis = await RedisServer.start()
    t.after(() => redis.stop())
    const admin = await createClient({ url: redis.url }).connect()
    await admin.configSet('requirepass', password)
    const directory = mkdtempSync(join(tmpdir(), 'fanline-'))
    t.after(() => rmSync(directory, { recursive: true }))
    writeFileSync(join(directory, '.env'), `REDIS_PASSWORD='${password}'\nREDIS_DB=3\n`)
    const url = `redis://:${encodeURIComponent(password)}@127.0.0.1:${redis.port}`
    const flags = ['--log-level', 'debug']
    const programs: PresetProgram[] = []
    for (const options of [
      { directory, env: { REDIS_ADDR: `127.0.0.1:${redis.port}` } },
      { env: { REDIS_ADDR: `${url}/3` } },
      { env: { REDIS_URL: `${url}/3` } },
      { env: { REDIS_ADDR: 'nowhere:1', FANLINE_REDIS: `${url}/3` } },
    ]) {
      programs.push(await startPresets(t, 'notification', flags, options))
    }
    const streams = await Promise.all(
      programs.map(({ base }) => openStream(t, `${base}/notifications?userID=u`)),
    )
    for (const { base } of programs) {
      await eventually(async () => (await figure(base, 'sse_active_clients')) === 1, 'the stream')
    }
    for (const { port } of programs) await postMany(port, posts('u', ['m']), { count: 1 })
    for (const stream of streams) await stream.take(programs.length)
    await admin.select(3)
    assert((await admin.keys('*fanline*')).length > 0, 'in the database that REDIS_DB names')

    await admin.close()
    await redis.kill()
    const [first] = programs
    const refused = await fetch(`${first?.base}/send`, {
      method: 'POST',
      body: '{"userID":"u","message":"m"}',
    })
    assert.equal(`${refused.status} ${await refused.text()}`, '500 Failed to persist notifcations\n')
    // An EventSource would never come back after a status.
    const back = { headers: { 'Last-Event-ID': streams[0]?.events[0]?.id ?? '' } }
    const away = await fetch(`${first?.base}/notifications?userID=u`, back)
    assert.match(`${away.status} ${await away.text()}`, /^200 retry: \d+\n\n$/)
    for (const { program } of programs) program.signal('SIGTERM')
    for (const { program } of programs) {
      assert.equal(await program.exitCode, 0)
      for (const secret of [password, encodeURIComponent(password), 'hunter2']) {
        assert(!(program.stdout + program.stderr).includes(secret))
      }
    }
    const print = new Program(t, ['config', 'print', '--preset', 'notification'], { env: { REDIS_URL: url } })
    assert.equal(await print.exitCode, 0)
    assert.match(print.stdout, /^redis: \(set\) # REDIS_URL in the environment$/m)
  })
})

/** Sends so many messages to the user `u`, and answers them as they were heard. */
async function sendMany(
  { listen, send }: Pick<Served, 'listen' | 'send'>,
  count: number,
): Promise<readonly HeardEvent[]> {
  const stream = await listen('u')
  await send('u', ...Array.from({ length: count }, (_, i) => String(i)))
  return stream.take(count)
}

function* posts(userID: string, messages: Iterable<string>): Generator<Post> {
  for (const message of messages) yield { path: '/send', body: JSON.stringify({ userID, message }) }
}
