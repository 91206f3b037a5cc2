import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ConnectOptions, connect, StreamError, type StreamGap, type StreamStatus } from './index.ts'
import { endless, memoryPeak } from './testing/endless.ts'
import { eventually, inTime } from './testing/of-hub.ts'
import { type Exchange, type RawServer, withRawServer } from './testing/raw-server.ts'

const HTML = { 'Content-Type': 'text/html' }
const MEBI = 1024 * 1024

/** What a client has heard so far. */
interface Setting {
  readonly server: RawServer
  readonly stream: ReturnType<typeof connect>
  readonly events: (readonly [type: string, data: unknown, id: string | undefined])[]
  readonly gaps: StreamGap[]
  readonly statuses: StreamStatus[]
  /** Waits until it has heard so many events; answers the data of all. */
  heard(count: number): Promise<unknown[]>
  /** Waits for the next status of this state. */
  becomes(state: StreamStatus['state']): Promise<StreamStatus>
}

describe('a client of a hostile server', () => {
  it('hears each event once when the bytes come one by one', () =>
    withClient(async ({ server, heard }) => {
      const exchange = await server.next()
      exchange.head()
      const text = `${hello()}${event(1, 'é€🥌')}: x\r\n\r\n${event(2, 'b').replaceAll('\n', '\r\n')}${event(3, 'c')}`
      for (const byte of Buffer.from(text)) await exchange.write(Uint8Array.of(byte))
      assert.deepEqual(await heard(3), ['é€🥌', 'b', 'c'])
    }))

  const breaks: Record<string, (exchange: Exchange) => void> = {
    'is reset': (exchange) => exchange.reset(),
    'is cut': (exchange) => exchange.cut(),
    ends: (exchange) => exchange.end(),
    'goes on with what is no HTTP': (exchange) => exchange.raw('zz\r\ndata: nonsense\n\n'),
  }
  for (const [name, breakIt] of Object.entries(breaks)) {
    it(`hears an event once when the stream ${name} in the middle of it`, () =>
      withClient(async ({ server, heard, events, statuses }) => {
        const first = await server.next()
        first.head()
        await first.write(hello() + event(1, 'a') + event(2, 'b').slice(0, -1))
        assert.deepEqual(await heard(1), ['a'])
        breakIt(first)
        const second = await server.next()
        assert.equal(second.headers.get('last-event-id'), '1')
        second.head()
        await second.write(hello({ resumed: true }) + event(2, 'b') + event(3, 'c'))
        assert.deepEqual(await heard(3), ['a', 'b', 'c'])
        assert.equal(events.length, 3)
        assert.ok(statuses.every(({ error }) => error === undefined || codeOf(error) === 'network'))
      }))
  }

  it('leaves a stream that has gone silent, and comes back at once', () =>
    withClient(async ({ server, stream, heard }) => {
      const first = await server.next()
      first.head()
      await first.write(hello({ heartbeatMs: 40 }) + event(1, 'a'))
      await heard(1)
      const second = await server.next()
      await inTime(first.closed, () => 'the end of the silent connection')
      assert.equal(second.headers.get('last-event-id'), '1')
      assert.equal(codeOf(stream.status.error), 'silent')
    }))

  it('does not wait for ever for the head of an answer', () =>
    withClient(
      async ({ server, becomes }) => {
        const first = await server.next()
        assert.equal(codeOf((await becomes('waiting')).error), 'silent')
        await inTime(first.closed, () => 'the end of the connection')
        const second = await server.next()
        second.head()
        await second.write(hello())
        await becomes('live')
      },
      { connectTimeoutMs: 100 },
    ))

  it('does not wait for ever for the text of a refusal', () =>
    withClient(
      async ({ server, becomes }) => {
        ;(await server.next()).head(HTML, 503)
        assert.equal(codeOf((await becomes('waiting')).error), 'silent')
      },
      { connectTimeoutMs: 100 },
    ))

  it('ends for good when the answer is a web page, and says how that begins', () =>
    withClient(async ({ server, becomes }) => {
      ;(await server.next()).answer(200, HTML, `<title>Log in</title>${'x'.repeat(999)}`)
      const { error } = await becomes('closed')
      assert.ok(error instanceof StreamError)
      assert.deepEqual([error.code, error.status], ['not-a-stream', 200])
      assert.match(error.message, /text\/html.*<title>Log in<\/title>/)
      assert.equal(error.body?.length, 300)
    }))

  it('tries again when a web page comes where there was a stream', () =>
    withClient(async ({ server, becomes, heard }) => {
      ;(await server.next()).stream(event(1, 'a'))
      await heard(1)
      ;(await server.next()).answer(200, HTML, 'We are back soon')
      assert.equal(codeOf((await becomes('waiting')).error), 'network')
      await eventually(() => server.unread === 1, 'another attempt')
    }))

  it('ends for good when there is nothing to follow', () =>
    withClient(async ({ server, becomes }) => {
      ;(await server.next()).answer(204)
      assert.equal(codeOf((await becomes('closed')).error), 'ended')
    }))

  for (const status of [400, 403, 404, 410]) {
    it(`ends for good after ${status}`, () =>
      withClient(async ({ server, becomes }) => {
        ;(await server.next()).answer(status, { 'Content-Type': 'text/plain' }, 'no')
        const { error } = await becomes('closed')
        assert.ok(error instanceof StreamError)
        assert.deepEqual([error.code, error.status, error.body], ['status', status, 'no'])
      }))
  }

  for (const status of [408, 425, 429, 500, 502, 503, 504]) {
    it(`tries again after ${status}`, () =>
      withClient(async ({ server, becomes }) => {
        ;(await server.next()).answer(status)
        assert.equal(codeOf((await becomes('waiting')).error), 'status')
        ;(await server.next()).stream(event(1, 'a'))
      }))
  }

  it('gets out of a loop of redirects', () =>
    withClient(async ({ server, becomes, heard }) => {
      server.always((exchange) => exchange.answer(302, { Location: exchange.path }))
      assert.equal(codeOf((await becomes('waiting')).error), 'network')
      server.always((exchange) => exchange.stream(event(1, 'a')))
      await heard(1)
    }))

  it('gets a new token when the first one is refused, at once', () => {
    const tokens = ['old', 'new']
    return withClient(
      async ({ server, becomes, statuses }) => {
        const first = await server.next()
        assert.equal(first.headers.get('authorization'), 'Bearer old')
        first.answer(401)
        const second = await server.next()
        assert.equal(second.headers.get('authorization'), 'Bearer new')
        second.head()
        await second.write(hello())
        await becomes('live')
        assert.ok(statuses.every(({ state }) => state !== 'waiting'))
      },
      { getToken: () => tokens.shift() as string },
    )
  })

  it('ends for good when the new token is refused, too', () =>
    withClient(
      async ({ server, becomes }) => {
        for (let n = 0; n < 2; n++) (await server.next()).answer(401)
        const { error } = await becomes('closed')
        assert.ok(error instanceof StreamError)
        assert.deepEqual([error.code, error.status], ['unauthorized', 401])
      },
      { getToken: () => 'token' },
    ))

  it('ends for good after 401 when it has no token to renew', () =>
    withClient(async ({ server, becomes }) => {
      ;(await server.next()).answer(401)
      assert.equal(codeOf((await becomes('closed')).error), 'unauthorized')
    }))

  for (const [what, value] of [
    ['seconds', () => '120'],
    ['a date', () => new Date(Date.now() + 121_000).toUTCString()],
  ] as const) {
    it(`waits as long as a 503 asks, in ${what}`, () =>
      withClient(async ({ server, becomes }) => {
        ;(await server.next()).answer(503, { 'Retry-After': value() })
        const { retryAt = 0 } = await becomes('waiting')
        const waitsMs = retryAt - Date.now()
        assert.ok(waitsMs > 115_000 && waitsMs < 125_000, `${waitsMs} ms`)
      }))
  }

  it('never waits longer than an hour', () =>
    withClient(async ({ server, becomes }) => {
      ;(await server.next()).stream(`retry: ${'9'.repeat(400)}\n\n`)
      const { retryAt = 0 } = await becomes('waiting')
      const waitsMs = retryAt - Date.now()
      assert.ok(waitsMs > 3_500_000 && waitsMs <= 3_600_000, `${waitsMs} ms`)
    }))

  it('waits longer each time when streams end as soon as they begin', () =>
    withClient(async ({ server, becomes }) => {
      server.always((exchange) => exchange.stream(hello()))
      for (let n = 1; n <= 4; n++) assert.equal((await becomes('waiting')).failures, n)
    }))

  const long = 'x'.repeat(64 * 1024)
  const endlessStreams: Record<string, { start: string; piece: string; isEvent?: boolean }> = {
    'line of data': { start: 'id: 2\ndata: ', piece: long, isEvent: true },
    'row of lines of data': { start: 'id: 2\ndata: ', piece: `${long}\ndata: `, isEvent: true },
    comment: { start: ':', piece: long },
  }
  for (const [name, { start, piece, isEvent }] of Object.entries(endlessStreams)) {
    it(`keeps its memory bounded during an endless ${name}`, () =>
      withClient(
        async ({ server, gaps, heard }) => {
          const exchange = await server.next()
          exchange.head()
          await exchange.write(hello() + event(1, 'a'))
          await heard(1)
          const grewBytes = await memoryPeak(() => endless(exchange, start, piece, 200 * MEBI))
          await exchange.write(`\n\n${event(3, 'c')}`)
          assert.deepEqual(await heard(2), ['a', 'c'])
          assert.ok(grewBytes < 150 * MEBI, `${Math.round(grewBytes / MEBI)} MiB more`)
          const gap = { channel: '', from: '1', to: '2', reason: 'too-large' }
          assert.deepEqual(gaps, isEvent ? [gap] : [])
        },
        { maxEventLength: MEBI },
      ))
  }

  it('reads no more of an endless refusal than it shows', () =>
    withClient(async ({ server, becomes }) => {
      const exchange = await server.next()
      exchange.head(HTML, 503)
      void endless(exchange, '', 'x'.repeat(64 * 1024), 1024 * MEBI)
      const { error } = await becomes('waiting')
      assert.equal((error as StreamError).body?.length, 300)
      await inTime(exchange.closed, () => 'the end of the connection')
    }))

  it('passes over ids of fanline that repeat or go back: it has heard them', () =>
    withClient(async ({ server, heard }) => {
      const exchange = await server.next()
      exchange.head()
      await exchange.write(hello() + [1, 2, 2, 1, 3, 0, 4].map((id) => event(id, String(id))).join(''))
      await heard(4)
      assert.deepEqual(await heard(4), ['1', '2', '3', '4'])
    }))

  it('hears all that other servers say, whatever their ids; the last one is where it goes on', () =>
    withClient(async ({ server, heard }) => {
      const ids = ['7', '7', '3', 'x', '€']
      ;(await server.next()).stream(ids.map((id) => event(id, id)).join(''))
      assert.deepEqual(await heard(5), ids)
      const sent = (await server.next()).headers.get('last-event-id') ?? ''
      assert.equal(Buffer.from(sent, 'latin1').toString(), '€')
    }))

  it('takes the second of two byte order marks for a part of the first line', () =>
    withClient(async ({ server, heard }) => {
      const exchange = await server.next()
      exchange.head()
      await exchange.write(`\ufeff\ufeffdata: lost\n\n${event(1, 'b')}`)
      assert.deepEqual(await heard(1), ['b'])
    }))

  for (const nonsense of [
    'event: fanline.hello\ndata: {\n\n',
    'event: fanline.hello\ndata: null\n\n',
    'event: fanline.gap\ndata\n\n',
    'event: fanline.bye\ndata: x\n\n',
  ]) {
    it(`tries again after ${JSON.stringify(nonsense)}`, () =>
      withClient(async ({ server, becomes, heard }) => {
        const exchange = await server.next()
        exchange.head()
        await exchange.write(nonsense)
        assert.equal(codeOf((await becomes('waiting')).error), 'network')
        ;(await server.next()).stream(event(1, 'a'))
        await heard(1)
      }))
  }
})

function hello(fields: object = {}): string {
  const said = { connection: 'k', user: null, channels: [], resumed: false, heartbeatMs: 15_000, ...fields }
  return `event: fanline.hello\ndata: ${JSON.stringify(said)}\n\n`
}

function event(id: number | string, data: string): string {
  return `id: ${id}\ndata: ${data}\n\n`
}

function codeOf(error: Error | undefined): string | undefined {
  return error instanceof StreamError ? error.code : undefined
}

async function withClient(
  test: (setting: Setting) => Promise<void>,
  options: ConnectOptions = {},
): Promise<void> {
  await withRawServer(async (server) => {
    const stream = connect(`${server.url}/stream`, { maxPauseMs: 5, ...options })
    const events: Setting['events'] = []
    const gaps: StreamGap[] = []
    const statuses: StreamStatus[] = []
    stream.onAny(({ type, data, id }) => events.push([type, data, id]))
    stream.onGap((gap) => gaps.push(gap))
    stream.onStatus((status) => statuses.push(status))
    let looked = 0
    const setting: Setting = {
      server,
      stream,
      events,
      gaps,
      statuses,
      async heard(count) {
        await eventually(() => events.length >= count, `${count} events`)
        return events.map(([, data]) => data)
      },
      async becomes(state) {
        const find = (): number => statuses.findIndex((status, n) => n >= looked && status.state === state)
        await eventually(() => find() !== -1, `the state ${state}`)
        looked = find() + 1
        return statuses[looked - 1] as StreamStatus
      },
    }
    try {
      await test(setting)
    } finally {
      stream.close()
    }
  })
}
