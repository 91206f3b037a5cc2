import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, OutgoingMessage, type ServerResponse } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { describe, it } from 'node:test'
import { createParser, type EventSourceMessage, type ParseError } from 'eventsource-parser'
import { type CreateHubOptions, createHub, type EmbeddedHub } from '../create-hub.ts'
import { memoryLog } from '../log/memory.ts'
import type { Log } from '../log.ts'
import { eventually, inTime } from '../testing/deadline.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { RawClient } from '../testing/raw-client.ts'

type Handler = (req: IncomingMessage, res: ServerResponse, hub: EmbeddedHub) => void

const STREAM: Handler = (req, res, hub) => void hub.handle(req, res, { channels: ['a'] })

describe('the bytes of a stream', () => {
  it('go straight to the socket, as valid chunks, when nobody is in between', () =>
    withServer(STREAM, async ({ hub, url }) => {
      const client = await RawClient.connect(url)
      const writes = await countingWrites(async () => {
        await (await client.ask('/')).until('fanline.hello')
        await publishAndHear(hub, client)
      })
      assert.equal(writes, 1, 'all but the greeting went around the response')
      assertStream(client)
      await client.close()
    }))

  const inBetween: Record<string, Handler> = {
    'the write of the response was wrapped': (req, res, hub) => {
      const write = res.write.bind(res) as (chunk: Uint8Array) => boolean
      res.write = ((chunk: Uint8Array) => write(chunk)) as typeof res.write
      STREAM(req, res, hub)
    },
    'the response has a Content-Encoding': (req, res, hub) => {
      res.setHeader('Content-Encoding', 'identity')
      STREAM(req, res, hub)
    },
  }
  for (const [name, handler] of Object.entries(inBetween)) {
    it(`go through the response when ${name}`, () =>
      withServer(handler, async ({ hub, url }) => {
        const client = await RawClient.connect(url)
        const writes = await countingWrites(async () => {
          await (await client.ask('/')).until('fanline.hello')
          await publishAndHear(hub, client)
        })
        assert.ok(writes > 1, 'something went around the response')
        assertStream(client)
        await client.close()
      }))
  }

  it('are not chunked for HTTP/1.0, and end with the connection', () =>
    withServer(STREAM, async ({ hub, url }) => {
      const client = await RawClient.connect(url)
      await client.ask('/', [], '1.0').until('fanline.hello')
      await publishAndHear(hub, client)
      hub.disconnect({ channel: 'a' })
      await inTime(client.closed, () => 'the end of the connection')
      const [response] = client.responses()
      assert.equal(response!.headers.get('transfer-encoding'), undefined)
      assert.deepEqual(namesIn(response!.body), ['fanline.hello', ...EVENTS, 'fanline.bye'])
    }))

  it('come to HTTP/2, and a client that leaves is gone at once', async () => {
    const hub = createHub()
    const server = createHttp2Server((req, res) => STREAM(req as never, res as never, hub))
    const url = await listen(server)
    const session = connect(url)
    const stream = session.request({ ':path': '/', accept: 'text/event-stream' })
    let text = ''
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    const headers = await inTime(
      new Promise<Record<string, unknown>>((resolve) => stream.on('response', resolve)),
      () => 'headers',
    )
    assert.equal(headers[':status'], 200)
    assert.equal(headers['content-type'], 'text/event-stream')
    await eventually(() => text.includes('fanline.hello'), 'a hello')
    await publishEvents(hub)
    await eventually(() => text.includes('event: last'), 'the last event')
    assert.deepEqual(namesIn(text), ['fanline.hello', ...EVENTS])
    const second = session.request({ ':path': '/' })
    await eventually(() => hub.stats().connections === 2, 'a second stream on the same connection')
    stream.close()
    await eventually(() => hub.stats().connections === 1, 'the end of one stream')
    second.resume()
    hub.disconnect({ channel: 'a' })
    await inTime(new Promise((resolve) => second.on('close', resolve)), () => 'the end of the other stream')
    assert.equal(hub.stats().connections, 0)
    session.close()
    await hub.close()
    await new Promise((resolve) => server.close(resolve))
  })

  it('stay apart from what other requests of the same connection get', () =>
    withServer(
      (req, res, hub) => {
        if (req.url === '/slow') setImmediate(() => res.end('slow'))
        else if (req.url === '/quick') res.end('quick')
        else STREAM(req, res, hub)
      },
      async ({ hub, url }) => {
        const client = await RawClient.connect(url)
        // All at once: the stream has no socket of its own until the slow answer has left.
        client.ask('/slow').ask('/stream').ask('/quick').ask('/stream')
        await client.until('fanline.hello')
        await publishAndHear(hub, client)
        hub.disconnect({ connection: [...hub.connections()][0]!.id })
        await client.until('quick')
        await client.until('fanline.hello', 2)
        await client.until('event: last', 2)
        hub.disconnect({ channel: 'a' })
        await client.until('fanline.bye', 2)
        await eventually(() => client.text.endsWith('0\r\n\r\n'), 'the end of the last response')
        const responses = client.responses()
        assert.ok(responses.every(({ isComplete }) => isComplete))
        assert.deepEqual(
          responses.map(({ body }) => (body.startsWith('retry') ? namesIn(body) : body)),
          [
            'slow',
            ['fanline.hello', ...EVENTS, 'fanline.bye'],
            'quick',
            ['fanline.hello', ...EVENTS, 'fanline.bye'],
          ],
        )
        await client.close()
      },
    ))

  it('serve one stream after the other on a connection that is kept', () =>
    withServer(STREAM, async ({ hub, url, sockets }) => {
      const client = await RawClient.connect(url)
      for (let round = 1; round <= 15; round++) {
        await client.ask('/').until('fanline.hello', round)
        await publishEvents(hub)
        await client.until('event: last', round)
        hub.disconnect({ channel: 'a' })
        await client.until('0\r\n\r\n', round)
      }
      const responses = client.responses()
      assert.equal(responses.length, 15)
      for (const { body, isComplete } of responses) {
        assert.ok(isComplete)
        assert.deepEqual(namesIn(body), ['fanline.hello', ...EVENTS, 'fanline.bye'])
      }
      const [socket] = sockets
      for (const event of ['drain', 'close', 'error']) {
        assert.ok(socket!.listenerCount(event) < 8, `${socket!.listenerCount(event)} listeners for ${event}`)
      }
      await client.close()
    }))
})

describe('a client that leaves while the log opens', () => {
  it('is not kept', async () => {
    const memory = memoryLog()
    let open: () => void = () => undefined
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const log: Log = {
      open: (listener) => opened.then(() => memory.open(listener)),
      append: (drafts) => memory.append(drafts),
      read: (query) => memory.read(query),
      watch: (channel) => memory.watch(channel),
      unwatch: (channel) => memory.unwatch(channel),
      removeRevocations: (positions) => memory.removeRevocations(positions),
      close: () => memory.close(),
    }
    let ended: Promise<void> | undefined
    let gone: Promise<unknown> | undefined
    const handler: Handler = (req, res, hub) => {
      gone = once(res, 'close')
      ended = hub.handle(req, res, { channels: ['a'] })
    }
    await withServer(
      handler,
      async ({ hub, url }) => {
        const client = await RawClient.connect(url)
        client.ask('/')
        await eventually(() => gone !== undefined, 'a request')
        await client.close()
        await gone
        open()
        await hub.publish({ channel: 'b', data: 1 })
        await inTime(ended!, () => 'the end of the stream')
        assert.equal(hub.stats().connections, 0)
        assert.equal(hub.isFollowed('a'), false)
      },
      { log },
    )
  })
})

describe('a stalled client', () => {
  const LARGE = 'x'.repeat(256 * 1024)

  /** Publishes until the client's socket is full. */
  async function stall(hub: EmbeddedHub): Promise<void> {
    for (let n = 0; n < 400 && hub.stats().behind === 0; n++) {
      await hub.publish({ channel: 'a', data: LARGE })
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(hub.stats().behind, 1, 'the socket takes everything')
  }

  it('is cut when it has taken nothing for the time-out', () => {
    const clock = new FakeClock()
    return withServer(
      STREAM,
      async ({ hub, url, sockets }) => {
        const client = await RawClient.connect(url)
        await client.ask('/').until('fanline.hello')
        client.socket.pause()
        await stall(hub)
        for (let second = 0; second < 40 && hub.stats().connections > 0; second++) {
          clock.advance(1000)
          await new Promise((resolve) => setImmediate(resolve))
        }
        assert.equal(hub.stats().connections, 0)
        await eventually(() => sockets.size === 0, 'the end of its socket')
        await client.close()
      },
      { clock, delivery: { stallTimeoutMs: 30_000 } },
    )
  })

  it('does not keep a hub from closing at its deadline', () =>
    withServer(STREAM, async ({ hub, url, sockets }) => {
      const client = await RawClient.connect(url)
      await client.ask('/').until('fanline.hello')
      client.socket.pause()
      await stall(hub)
      await inTime(hub.close({ drainMs: 50 }), () => 'the end of the drain')
      await eventually(() => sockets.size === 0, 'the end of its socket')
      await client.close()
    }))

  it('does not keep its socket for ever once it was ended', () => {
    const clock = new FakeClock()
    return withServer(
      STREAM,
      async ({ hub, url, sockets }) => {
        const client = await RawClient.connect(url)
        await client.ask('/').until('fanline.hello')
        client.socket.pause()
        await stall(hub)
        assert.equal(hub.disconnect({ channel: 'a' }), 1)
        for (let second = 0; second < 40; second++) {
          clock.advance(1000)
          await new Promise((resolve) => setImmediate(resolve))
        }
        await eventually(() => sockets.size === 0, 'the end of its socket')
        await client.close()
      },
      { clock, delivery: { stallTimeoutMs: 30_000 } },
    )
  })
})

const EVENTS = ['first', 'second', 'third', 'large', 'last']

async function publishEvents(hub: EmbeddedHub): Promise<void> {
  for (const event of EVENTS) {
    await hub.publish({ channel: 'a', event, data: event === 'large' ? 'größe\n'.repeat(20_000) : event })
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function publishAndHear(hub: EmbeddedHub, client: RawClient): Promise<void> {
  await publishEvents(hub)
  await client.until('event: last')
  await client.until('data: last\n\n')
}

/** The names of the events in a stream; every large one is whole. That a client was behind for a moment is no matter. */
function namesIn(text: string): string[] {
  const names: string[] = []
  const onEvent = ({ event = 'message', data }: EventSourceMessage): void => {
    if (event !== 'fanline.checkpoint') names.push(event)
    if (event === 'large') assert.equal(data, 'größe\n'.repeat(20_000))
  }
  // What is no field of ours is a piece of chunked coding, or of something else that must not be there.
  const onError = (error: ParseError): void => {
    if (error.field !== 'channel') throw error
  }
  createParser({ onEvent, onError }).feed(text)
  return names
}

function assertStream(client: RawClient): void {
  const [response, ...others] = client.responses()
  assert.equal(others.length, 0)
  assert.equal(response!.status, 200)
  assert.equal(response!.headers.get('content-type'), 'text/event-stream')
  assert.equal(response!.headers.get('cache-control'), 'no-store, no-transform')
  assert.equal(response!.headers.get('x-accel-buffering'), 'no')
  assert.deepEqual(namesIn(response!.body), ['fanline.hello', ...EVENTS])
}

/** How often something was written through a response meanwhile. */
async function countingWrites(during: () => Promise<void>): Promise<number> {
  const original = OutgoingMessage.prototype.write
  let writes = 0
  OutgoingMessage.prototype.write = function (this: OutgoingMessage, ...args: unknown[]) {
    writes++
    return original.apply(this, args as Parameters<typeof original>)
  } as typeof original
  try {
    await during()
  } finally {
    OutgoingMessage.prototype.write = original
  }
  return writes
}

interface Served {
  readonly hub: EmbeddedHub
  readonly url: string
  /** The server's ends of open connections. */
  readonly sockets: ReadonlySet<import('node:net').Socket>
}

async function withServer(
  handler: Handler,
  test: (served: Served) => Promise<void>,
  options: CreateHubOptions = {},
): Promise<void> {
  const hub = createHub(options)
  const server = createServer((req, res) => handler(req, res, hub))
  const sockets = new Set<import('node:net').Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const url = await listen(server)
  try {
    await test({ hub, url, sockets })
  } finally {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
    await hub.close({ drainMs: 0 })
  }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
