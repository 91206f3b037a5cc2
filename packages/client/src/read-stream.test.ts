import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHub } from '@fanline/hub'
import { grantAccess, nativeRoutes, openAccess } from '@fanline/hub/routes'
import { StreamError } from './index.ts'
import { cancelStream, type PartStream, readStream } from './read-stream.ts'
import { type HubServer, type HubServerOptions, serve, withServer } from './testing/hub-server.ts'

/** Runs a test beside a hub, with the address of the stream in `chat`. */
function withStream(
  options: HubServerOptions,
  test: (server: HubServer, url: string) => Promise<void>,
): Promise<void> {
  return withServer({ delivery: { retryMs: 1000 }, ...options }, (server) =>
    test(server, server.url.replace('/events', '/streams/chat')),
  )
}

async function textOf(parts: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const part of parts) text += part
  return text
}

/** Gives numbers, as often as the event loop turns. */
async function* numbers(count: number): AsyncGenerator<string> {
  for (let i = 0; i < count; i++) {
    await new Promise((resolve) => setTimeout(resolve, i % 10 === 0 ? 2 : 0))
    yield `${i} `
  }
}

const NUMBERS = (count: number): string => Array.from({ length: count }, (_, i) => `${i} `).join('')

/** A source that waits to be stopped. */
function untilStopped(...parts: readonly unknown[]): {
  readonly source: (signal: AbortSignal) => AsyncGenerator<unknown>
  readonly stopped: Promise<void>
} {
  let stop: () => void
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  return {
    stopped,
    async *source(signal) {
      yield* parts
      signal.addEventListener('abort', () => stop())
      await stopped
    },
  }
}

describe('reading a stream', () => {
  it('gives each part once and in order, however often it is cut, early or late', () =>
    withStream({ onProblem: () => undefined }, async ({ hub, cut }, url) => {
      const { id, ended } = await hub.stream('chat', numbers(400))
      const fast = { maxPauseMs: 5, healthyMs: 0 }
      const early = readStream(url, fast)
      const cutting = setInterval(cut, 30)
      const late = new Promise<PartStream>((resolve) =>
        setTimeout(() => resolve(readStream(url, { ...fast, lastEventId: id })), 100),
      )
      const [a, b] = await Promise.all([textOf(early), late.then(textOf)])
      clearInterval(cutting)
      assert.deepEqual([a, b], [NUMBERS(400), NUMBERS(400)])
      assert.deepEqual(await early.done, { end: 'complete' })
      assert.deepEqual(await ended, { end: 'complete' })
    }))

  it('gives values as they are, and strings as they travelled', () =>
    withStream({}, async ({ hub }, url) => {
      const parts = [{ done: 1 }, 'one ', 'two\r\n', null, 3, '\ud83d', '\ude00']
      const { id } = await hub.stream(
        'chat',
        (async function* () {
          yield* parts
        })(),
      )
      const heard: unknown[] = []
      for await (const part of readStream<unknown>(url, { lastEventId: id })) heard.push(part)
      assert.deepEqual(heard, [{ done: 1 }, 'one two\r\n', null, 3, '😀'])
    }))

  it('says when nothing runs', () =>
    withStream({}, async (_, url) => {
      const stream = readStream(url)
      assert.equal(await stream.begun(), false)
      assert.equal(await textOf(stream), '')
      assert.deepEqual(await stream.done, { end: 'none' })
      assert.equal(await stream.cancel(), false)
    }))

  it('a cancel stops the producer, and is heard by everybody', () =>
    withStream({}, async ({ hub }, url) => {
      const { source, stopped } = untilStopped('Once')
      await hub.stream('chat', source)
      const [mine, other] = [readStream(url), readStream(url)]
      assert.equal(await mine.begun(), true)
      assert.equal((await mine[Symbol.asyncIterator]().next()).value, 'Once')
      assert.equal(await cancelStream(url), true)
      await stopped
      assert.equal(await textOf(mine), '')
      assert.equal(await textOf(other), 'Once')
      assert.deepEqual([await mine.done, await other.done], [{ end: 'cancelled' }, { end: 'cancelled' }])
    }))

  it('throws where the stream failed', () =>
    withStream({ onProblem: () => undefined }, async ({ hub }, url) => {
      const { id } = await hub.stream(
        'chat',
        // biome-ignore lint/correctness/useYield: it fails before it has anything to give
        async function* () {
          throw new Error('secret')
        },
        { errorText: () => 'The model is asleep.' },
      )
      const stream = readStream(url, { lastEventId: id })
      await assert.rejects(textOf(stream), { message: 'The model is asleep.' })
      assert.equal((await stream.done).end, 'failed')
    }))

  it('a stream that its server no longer knows has failed', async () => {
    const authenticator = openAccess()
    const hubs = [createHub({ onProblem: () => undefined }), createHub()]
    let routes = nativeRoutes(hubs[0]!, { authenticator })
    const { origin, cut, close } = await serve((req, res) => void routes.handle(req, res))
    await hubs[0]!.stream('chat', untilStopped('Once').source)
    const stream = readStream(`${origin}/v1/streams/chat`, { maxPauseMs: 5 })
    const parts = stream[Symbol.asyncIterator]()
    assert.equal((await parts.next()).value, 'Once')
    routes = nativeRoutes(hubs[1]!, { authenticator })
    cut()
    await assert.rejects(parts.next(), StreamError)
    assert.equal((await stream.done).end, 'failed')
    for (const hub of hubs) await hub.close({ drainMs: 0 })
    await close()
  })

  it('ends where a part is lost, or goes on for who hears of that', () =>
    withStream({ history: { maxEvents: 3 } }, async ({ hub }, url) => {
      const { source } = untilStopped('1 ', '2 ')
      const { id } = await hub.stream('chat', source)
      for (let i = 0; i < 3; i++) await hub.publish({ channel: 'chat', data: 'of something else' })
      await hub.cancelStream('chat')
      const strict = readStream(url, { lastEventId: id })
      await assert.rejects(textOf(strict), /lost \(trimmed\)/)
      const reasons: string[] = []
      const lax = readStream(url, { lastEventId: id, onGap: ({ reason }) => reasons.push(reason) })
      assert.equal(await textOf(lax), '')
      assert.deepEqual([reasons, await lax.done], [['trimmed'], { end: 'cancelled' }])
    }))

  it('goes on without a reader that leaves, by a loop, a signal or close', () =>
    withStream({}, async ({ hub }, url) => {
      const { source } = untilStopped('Once', { done: 0.5 })
      const { ended } = await hub.stream('chat', source)
      const looping = readStream<unknown>(url)
      for await (const part of looping) if (part === 'Once') break
      const leave = new AbortController()
      const signalled = readStream(url, { signal: leave.signal })
      await signalled.begun()
      leave.abort()
      const closed = readStream(url)
      const reader = closed.readable().getReader()
      assert.equal((await reader.read()).value, 'Once')
      await reader.cancel()
      for (const stream of [looping, signalled, closed]) assert.deepEqual(await stream.done, { end: 'left' })
      while (hub.stats().connections > 0) await new Promise((resolve) => setTimeout(resolve, 1))
      await hub.cancelStream('chat')
      assert.deepEqual(await ended, { end: 'cancelled' })
    }))

  it('shows its token, and may stop only what it may', () => {
    const authenticator: HubServerOptions['authenticator'] = ({ header }) =>
      header('authorization') === 'Bearer good' ? grantAccess({ subscribe: ['chat'] }) : undefined
    return withStream({ authenticator }, async ({ hub }, url) => {
      await hub.stream('chat', untilStopped('Once').source)
      const stream = readStream(url, { getToken: () => 'good' })
      assert.equal((await stream[Symbol.asyncIterator]().next()).value, 'Once')
      await assert.rejects(stream.cancel(), { code: 'status', status: 403 })
      await assert.rejects(readStream(url).begun(), { code: 'unauthorized' })
      stream.close()
    })
  })
})
