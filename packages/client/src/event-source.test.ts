import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EventSource, type EventSourceInit } from './event-source.ts'
import { inTime } from './testing/of-hub.ts'
import { type Exchange, RawServer, withRawServer } from './testing/raw-server.ts'

const STREAM = { 'Content-Type': 'text/event-stream' }
/** The least that a server can ask for: tests need not wait long. */
const SOON = 'retry: 100\n\n'

describe('EventSource', () => {
  it('asks as the standard says', () =>
    withSource(async ({ server, source, heard }) => {
      assert.equal(source.readyState, EventSource.CONNECTING)
      assert.equal(source.url, `${server.url}/a?b=c`)
      assert.equal(source.withCredentials, false)
      const exchange = await server.next()
      assert.equal(exchange.method, 'GET')
      assert.equal(exchange.path, '/a?b=c')
      assert.equal(exchange.headers.get('accept'), 'text/event-stream')
      assert.equal(exchange.headers.has('last-event-id'), false)
      exchange.head()
      await exchange.write(':\n\n')
      assert.deepEqual(await heard.next(), 'open 1')
    }, '/a?b=c'))

  it('fetches with no cache, and with credentials when it is told so', async () => {
    const asked: RequestInit[] = []
    const fetch: typeof globalThis.fetch = async (_, init) => {
      asked.push(init as RequestInit)
      return new Response(null, { status: 204 })
    }
    for (const withCredentials of [false, true]) {
      const source = new EventSource('http://fanline.test/', { fetch, withCredentials })
      await new Promise((resolve) => source.addEventListener('error', resolve))
      assert.equal(source.withCredentials, withCredentials)
    }
    assert.deepEqual(
      asked.map(({ cache, credentials }) => [cache, credentials]),
      [
        ['no-store', 'same-origin'],
        ['no-store', 'include'],
      ],
    )
  })

  it('sends the headers that it is given', () =>
    withSource(
      async ({ server }) => {
        assert.equal((await server.next()).headers.get('authorization'), 'Bearer t')
      },
      '/',
      { headers: { Authorization: 'Bearer t' } },
    ))

  it('refuses what is no URL, also a relative one where there is no page', () => {
    for (const url of ['http://this is invalid/', '/relative']) {
      assert.throws(() => new EventSource(url), { name: 'SyntaxError' })
    }
  })

  it('has the constants of the standard', () => {
    const source = new EventSource(new URL('http://127.0.0.1:1/'))
    for (const holder of [EventSource, source]) {
      assert.deepEqual([holder.CONNECTING, holder.OPEN, holder.CLOSED], [0, 1, 2])
    }
    source.close()
  })

  it('can stand where the native one stands', () => {
    // Its type does; that it behaves so is what the other tests say.
    const native: globalThis.EventSource = new EventSource('data:,')
    native.close()
  })

  it('gives every event its data, type, last id and origin', () =>
    withSource(async ({ server, heard }) => {
      const exchange = await server.next()
      exchange.head()
      await exchange.write('data: 1\n\nid: 7\n\ndata: a\ndata: b\n\nid: é\nevent: special\ndata: 3\n\n')
      await heard.next()
      const events = [await heard.nextMessage(), await heard.nextMessage(), await heard.nextMessage()]
      assert.deepEqual(
        events.map(({ type, data, lastEventId, origin }) => ({ type, data, lastEventId, origin })),
        [
          { type: 'message', data: '1', lastEventId: '', origin: server.url },
          { type: 'message', data: 'a\nb', lastEventId: '7', origin: server.url },
          { type: 'special', data: '3', lastEventId: 'é', origin: server.url },
        ],
      )
    }))

  it('delivers events named like those of the connection, and stays open', () =>
    withSource(async ({ server, source, heard }) => {
      const exchange = await server.next()
      exchange.head()
      await exchange.write('event: error\ndata: x\n\nevent: open\ndata: y\n\n')
      await heard.next()
      for (const [type, data] of [
        ['error', 'x'],
        ['open', 'y'],
      ]) {
        const event = await heard.nextMessage()
        assert.deepEqual([event.type, event.data, source.readyState], [type, data, EventSource.OPEN])
      }
    }))

  for (const type of [
    'text/event-stream;',
    'text/event-stream; charset=utf-8',
    'text/event-stream;charset=windows-1252',
    'text/event-stream;x bogus',
    'TEXT/Event-Stream',
  ]) {
    it(`takes a stream of the type "${type}"`, () =>
      withSource(async ({ server, heard }) => {
        ;(await server.next()).head({ 'Content-Type': type })
        assert.equal(await heard.next(), 'open 1')
      }))
  }

  for (const type of ['text/html', 'text/event-streams', 'text/event-stream bogus', 'application/json', '']) {
    it(`fails for good when the type is "${type}"`, () =>
      withSource(async ({ server, heard }) => {
        const exchange = await server.next()
        exchange.head(type === '' ? {} : { 'Content-Type': type })
        assert.equal(await heard.next(), 'error 2')
        await inTime(exchange.closed, () => 'the end of the connection')
      }))
  }

  for (const status of [204, 205, 210, 299, 400, 401, 404, 410, 429, 500, 502, 503]) {
    it(`fails for good when the status is ${status}, also when it comes back`, () =>
      withSource(async ({ server, heard }) => {
        ;(await server.next()).stream(SOON)
        assert.deepEqual([await heard.next(), await heard.next()], ['open 1', 'error 0'])
        ;(await server.next()).answer(status, STREAM)
        assert.equal(await heard.next(), 'error 2')
      }))
  }

  it('asks no more once it has failed', () =>
    withSource(async ({ server, source, heard }) => {
      ;(await server.next()).stream(SOON)
      ;(await server.next()).answer(503)
      assert.deepEqual(
        [await heard.next(), await heard.next(), await heard.next()],
        ['open 1', 'error 0', 'error 2'],
      )
      await new Promise((resolve) => setTimeout(resolve, 300))
      assert.deepEqual([server.unread, source.readyState], [0, EventSource.CLOSED])
    }))

  it('fails for good when nobody could ever answer', async () => {
    const source = new EventSource('mailto:who@fanline.test')
    await inTime(new Promise((resolve) => (source.onerror = resolve)), () => 'the error')
    assert.equal(source.readyState, EventSource.CLOSED)
  })

  const endings: Record<string, (exchange: Exchange) => void> = {
    ends: (exchange) => exchange.end(),
    'is cut': (exchange) => exchange.cut(),
    'is reset': (exchange) => exchange.reset(),
  }
  for (const [name, end] of Object.entries(endings)) {
    it(`comes back with its last id when the stream ${name}`, () =>
      withSource(async ({ server, heard }) => {
        const first = await server.next()
        first.head()
        await first.write(`${SOON}id: 1\ndata: one\n\nid: 2\ndata: unfinished\n`)
        assert.equal(await heard.next(), 'open 1')
        assert.equal((await heard.nextMessage()).data, 'one')
        end(first)
        assert.equal(await heard.next(), 'error 0')
        const second = await server.next()
        assert.equal(second.headers.get('last-event-id'), '1')
        second.head()
        await second.write('data: two\n\n')
        assert.equal(await heard.next(), 'open 1')
        const { data, lastEventId } = await heard.nextMessage()
        assert.deepEqual([data, lastEventId], ['two', '1'])
      }))
  }

  for (const [block, id] of [
    ['id: alone\n\n', 'alone'],
    ['id: é€🥌\ndata: x\n\n', 'é€🥌'],
    [`id: ${'x'.repeat(4000)}\ndata: x\n\n`, 'x'.repeat(4000)],
    ['id: 5\ndata: x\n\nid\ndata: y\n\n', undefined],
    ['id: 5\ndata: x\n\nid: a\0b\ndata: y\n\n', '5'],
  ] as const) {
    it(`says Last-Event-ID: ${id?.slice(0, 9)} after ${JSON.stringify(block.slice(0, 40))}`, () =>
      withSource(async ({ server }) => {
        ;(await server.next()).stream(SOON + block)
        const sent = (await server.next()).headers.get('last-event-id')
        assert.equal(sent && Buffer.from(sent, 'latin1').toString(), id)
      }))
  }

  it('waits as long as the server says, also on later streams that say nothing', () =>
    withSource(async ({ server }) => {
      ;(await server.next()).stream('retry: 250\n\n')
      let began = performance.now()
      for (let n = 0; n < 2; n++) {
        const exchange = await server.next()
        const waitedMs = performance.now() - began
        assert.ok(waitedMs > 240 && waitedMs < 2900, `${waitedMs} ms`)
        exchange.stream(':\n\n')
        began = performance.now()
      }
    }))

  it('keeps trying while nobody listens', async () => {
    const first = await RawServer.start()
    const source = new EventSource(first.url)
    ;(await first.next()).stream(SOON)
    await first.close()
    let refusals = 0
    await inTime(
      new Promise<void>((resolve) => {
        source.onerror = () => {
          assert.equal(source.readyState, EventSource.CONNECTING)
          if (++refusals === 3) resolve()
        }
      }),
      () => 'three refusals',
    )
    const second = await RawServer.start(first.port)
    ;(await second.next()).head()
    source.close()
    await second.close()
  })

  for (const status of [301, 302, 303, 307, 308]) {
    it(`follows a redirect with ${status}, tells its origin, and asks the first URL again`, () =>
      withRawServer((target) =>
        withSource(async ({ server, heard }) => {
          ;(await server.next()).answer(status, { Location: `${target.url}/there` })
          const redirected = await target.next()
          assert.equal(redirected.path, '/there')
          redirected.stream(`${SOON}data: x\n\n`)
          await heard.next()
          assert.equal((await heard.nextMessage()).origin, target.url)
          assert.equal((await server.next()).path, '/')
        }),
      ))
  }

  it('is silent after close, also about events that have already come', () =>
    withSource(async ({ server, source, heard }) => {
      const exchange = await server.next()
      exchange.head()
      source.addEventListener('message', () => source.close())
      await exchange.write('data: 1\n\ndata: 2\n\n')
      await heard.next()
      assert.equal((await heard.nextMessage()).data, '1')
      await inTime(exchange.closed, () => 'the end of the connection')
      assert.equal(source.readyState, EventSource.CLOSED)
      assert.equal(heard.unread, 0)
    }))

  it('can be closed while it asks', () =>
    withSource(async ({ server, source, heard }) => {
      const exchange = await server.next()
      source.close()
      await inTime(exchange.closed, () => 'the end of the connection')
      assert.deepEqual([source.readyState, heard.unread], [EventSource.CLOSED, 0])
    }))

  it('can be closed while it waits', () =>
    withSource(async ({ server, source, heard }) => {
      ;(await server.next()).stream(SOON)
      await heard.next()
      await heard.next()
      source.close()
      await new Promise((resolve) => setTimeout(resolve, 300))
      assert.deepEqual([server.unread, heard.unread], [0, 0])
    }))

  it('can be closed by the handler of its error', () =>
    withSource(async ({ server, source, heard }) => {
      source.onerror = () => source.close()
      ;(await server.next()).stream(SOON)
      assert.deepEqual([await heard.next(), await heard.next()], ['open 1', 'error 0'])
      await new Promise((resolve) => setTimeout(resolve, 300))
      assert.deepEqual([server.unread, source.readyState], [0, EventSource.CLOSED])
    }))

  it('calls handlers where they were first set, with itself as this', () =>
    withSource(async ({ server, source }) => {
      const calls: string[] = []
      const done = new Promise((resolve) => source.addEventListener('end', resolve))
      source.onmessage = () => assert.fail('was replaced')
      source.addEventListener('message', () => calls.push('listener'))
      source.onmessage = function ({ data }) {
        assert.equal(this, source)
        calls.push(`handler ${data}`)
        source.onmessage = null
        assert.equal(source.onmessage, null)
      }
      source.onopen = 'no function' as never
      assert.equal(source.onopen, null)
      ;(await server.next()).stream('data: 1\n\ndata: 2\n\nevent: end\ndata\n\n')
      await inTime(done, () => 'the end')
      assert.deepEqual(calls, ['handler 1', 'listener', 'listener'])
    }))
})

/** Keeps what a source dispatches: `open` and `error` as text with the state, all else as it is. */
class Heard {
  readonly #waiting: (string | MessageEvent)[] = []
  #wake: () => void = () => undefined

  constructor(source: EventSource) {
    for (const type of ['open', 'error', 'message', 'special']) {
      source.addEventListener(type, (event: Event) => {
        this.#waiting.push(event instanceof MessageEvent ? event : `${type} ${source.readyState}`)
        this.#wake()
      })
    }
  }

  get unread(): number {
    return this.#waiting.length
  }

  async next(): Promise<string | MessageEvent> {
    if (this.#waiting.length === 0) {
      await inTime(new Promise<void>((resolve) => (this.#wake = resolve)), () => 'an event')
    }
    return this.#waiting.shift() as string | MessageEvent
  }

  async nextMessage(): Promise<MessageEvent> {
    const event = await this.next()
    assert.ok(event instanceof MessageEvent, `${event} instead of a message`)
    return event
  }
}

async function withSource(
  test: (setting: { server: RawServer; source: EventSource; heard: Heard }) => Promise<void>,
  path = '/',
  init: EventSourceInit = {},
): Promise<void> {
  await withRawServer(async (server) => {
    const source = new EventSource(server.url + path, init)
    try {
      await test({ server, source, heard: new Heard(source) })
    } finally {
      source.close()
    }
  })
}
