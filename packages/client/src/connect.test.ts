import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Tracer } from '@fanline/hub'
import { connect, EventOverflow, StreamError, type StreamGap, type StreamStatus, savedIn } from './index.ts'
import { serve, withServer } from './testing/hub-server.ts'
import { reaches } from './testing/reaches.ts'

function codeOf(error: Error | undefined): string | undefined {
  return error instanceof StreamError ? error.code : undefined
}

describe('a stream', () => {
  it('gives each event as it was published', () =>
    withServer({}, async ({ hub, url }) => {
      const stream = connect(url, { channels: ['news', 'orders'], headers: { 'X-Any': 'thing' } })
      const events = stream.events()
      await stream.ready
      const values = ['text', '7', 7, null, { a: [1, 'é\n\u2028'] }, '', '"quoted"', true, 'a\nb']
      for (const data of values) await hub.publish({ channel: 'news', event: 'note', data })
      for (const data of values) {
        const { value } = await events.next()
        assert.deepEqual(
          { ...value, id: typeof value?.id },
          { type: 'note', data, id: 'string', channel: 'news' },
        )
      }
      await hub.publish({ all: true, data: 1, ephemeral: true })
      assert.deepEqual(
        { ...(await events.next()).value },
        { type: 'message', data: 1, id: undefined, channel: '@all' },
      )
      stream.close()
      assert.deepEqual(await events.next(), { done: true, value: undefined })
    }))

  it('tells which trace an event belongs to, where the hub traces', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const tracer: Tracer = {
      publish: (_publication, _origin, work) => work(traceparent),
      append: (_, work) => work(),
      deliver: () => undefined,
    }
    return withServer({ tracer }, async ({ hub, url }) => {
      const stream = connect(url, { channels: ['c'] })
      const events = stream.events()
      await stream.ready
      await hub.publish({ channel: 'c', data: 1 })
      const { value } = await events.next()
      assert.deepEqual({ ...value, id: '' }, { type: 'message', data: 1, id: '', channel: 'c', traceparent })
      stream.close()
    })
  })

  it('hears each event once and in order, however often it is cut', () =>
    withServer({}, async ({ hub, url, cut }) => {
      const count = 400
      const stream = connect(url, { channels: ['c'], maxPauseMs: 5, healthyMs: 0 })
      const heard: unknown[] = []
      const done = new Promise<void>((resolve) => {
        stream.on('n', ({ data }) => {
          if (heard.push(data) === count) resolve()
        })
      })
      const gaps: StreamGap[] = []
      stream.onGap((gap) => gaps.push(gap))
      await stream.caughtUp
      for (let i = 0; i < count; i++) {
        await hub.publish({ channel: 'c', event: 'n', data: i })
        if (i % 40 === 20) cut()
      }
      await done
      assert.deepEqual(
        heard,
        Array.from({ length: count }, (_, i) => i),
      )
      assert.deepEqual(gaps, [])
      stream.close()
    }))

  it('says where it stands, in snapshots', () =>
    withServer({}, async ({ hub, url, cut }) => {
      const stream = connect(`${url}?user=ann`, { maxPauseMs: 5 })
      const seen: StreamStatus[] = [stream.status]
      stream.onStatus((status) => seen.push(status))
      await stream.ready
      const { connection } = stream.status
      assert.equal(stream.status.user, 'ann')
      assert.deepEqual(
        [...hub.connections()].map(({ id }) => id),
        [connection],
      )
      cut()
      await reaches(stream, (status) => status.state === 'live' && status.connection !== connection)
      stream.close()
      assert.deepEqual(
        [...new Set(seen)].map(({ state }) => state),
        ['connecting', 'live', 'waiting', 'connecting', 'catching-up', 'live', 'closed'],
      )
      const waiting = seen.find(({ state }) => state === 'waiting')
      assert.equal(waiting?.failures, 1)
      assert.equal(codeOf(waiting?.error), 'network')
      assert.ok(Object.isFrozen(waiting))
      await assert.rejects(stream.ready, /closed/)
    }))

  it('goes on where the page before it was', () =>
    withServer({}, async ({ hub, url }) => {
      const kept = new Map<string, string>()
      const storage = {
        getItem: (key: string) => kept.get(key) ?? null,
        setItem: (key: string, value: string) => void kept.set(key, value),
      }
      const open = () => connect(url, { channels: ['c'], saved: savedIn(storage, 'cursor') })
      const first = open()
      await first.ready
      first.close()
      await hub.publish({ channel: 'c', data: 'meanwhile' })
      const second = open()
      const { value } = await second.events().next()
      assert.equal(value?.data, 'meanwhile')
      second.close()
      const third = open()
      const events = third.events()
      await third.caughtUp
      await hub.publish({ channel: 'c', data: 'now' })
      assert.equal((await events.next()).value?.data, 'now')
      third.close()
    }))

  it('tells a loss to who listens for it, and else as an error', () =>
    withServer({ history: { maxEvents: 2 } }, async ({ hub, url }) => {
      const first = await hub.publish({ channel: 'c', data: 0 })
      for (let i = 1; i <= 5; i++) await hub.publish({ channel: 'c', data: i })
      const options = { channels: ['c'], lastEventId: first.id as string }
      const listening = connect(url, options)
      const gaps: StreamGap[] = []
      listening.onGap((gap) => gaps.push(gap))
      const heard: unknown[] = []
      listening.onAny(({ data }) => heard.push(data))
      await listening.caughtUp
      assert.deepEqual(
        gaps.map(({ channel, from, reason }) => ({ channel, from, reason })),
        [{ channel: 'c', from: first.id, reason: 'trimmed' }],
      )
      assert.deepEqual(heard, [4, 5])
      listening.close()

      const errors: unknown[] = []
      const deaf = connect(url, { ...options, onError: (error) => errors.push(error) })
      await deaf.caughtUp
      assert.match(String(errors), /Events are lost.*"trimmed"/)
      deaf.close()
    }))

  it('is closed by a signal, and says nothing after that', () =>
    withServer({}, async ({ hub, url }) => {
      const stop = new AbortController()
      const stream = connect(url, { channels: ['c'], signal: stop.signal })
      const heard: unknown[] = []
      stream.onAny(({ data }) => {
        heard.push(data)
        stop.abort()
      })
      await stream.ready
      await Promise.all([1, 2, 3].map((data) => hub.publish({ channel: 'c', data })))
      await reaches(stream, ({ state }) => state === 'closed')
      assert.deepEqual(heard, [1])
      const late = connect(url, { signal: stop.signal })
      assert.equal(late.status.state, 'closed')
      assert.deepEqual(await late.events().next(), { done: true, value: undefined })
    }))

  it('goes on when a callback throws, or its promise rejects', () =>
    withServer({}, async ({ hub, url }) => {
      const errors: string[] = []
      const stream = connect(url, { channels: ['c'], onError: (error) => errors.push(String(error)) })
      stream.on('e', () => {
        throw new Error('thrown')
      })
      stream.on('e', async () => {
        throw new Error('rejected')
      })
      stream.onStatus(() => {
        throw new Error('in a status')
      })
      const events = stream.events('e')
      await stream.ready
      for (const data of [1, 2]) await hub.publish({ channel: 'c', event: 'e', data })
      assert.equal((await events.next()).value?.data, 1)
      assert.equal((await events.next()).value?.data, 2)
      stream.close()
      assert.equal(errors.filter((error) => error.includes('thrown')).length, 2)
      assert.equal(errors.filter((error) => error.includes('rejected')).length, 2)
      assert.ok(errors.some((error) => error.includes('in a status')))
    }))
})

describe('channels of an open stream', () => {
  it('come and go on the same connection, and what was missed of a new one comes, too', () =>
    withServer({}, async ({ hub, url }) => {
      const stream = connect(`${url}?channel=fixed`, { channels: ['a'] })
      const events = stream.events()
      await stream.ready
      const { connection } = stream.status
      await hub.publish({ channel: 'b', data: 'before' })
      await stream.follow('b')
      assert.deepEqual(stream.channels, ['a', 'b'])
      await stream.unfollow('a')
      await hub.publish({ channel: 'a', data: 'not any more' })
      await hub.publish({ channel: 'fixed', data: 'always' })
      assert.equal((await events.next()).value?.data, 'before')
      assert.equal((await events.next()).value?.data, 'always')
      assert.equal(stream.status.connection, connection)
      stream.close()
    }))

  it('stay what they were when the hub refuses', () =>
    withServer({}, async ({ hub, url }) => {
      const stream = connect(url, { channels: ['a'] })
      const events = stream.events()
      await stream.ready
      await assert.rejects(stream.follow('no good'), { name: 'StreamError', code: 'status', status: 400 })
      await stream.follow('b')
      assert.deepEqual(stream.channels, ['a', 'b'])
      await hub.publish({ channel: 'b', data: 1 })
      assert.equal((await events.next()).value?.data, 1)
      stream.close()
    }))

  it('are asked for anew where an application serves the stream', () =>
    withServer(
      {
        other: (hub) => (req, res) => {
          const url = new URL(req.url ?? '', 'http://localhost')
          if (url.pathname === '/stream')
            void hub.handle(req, res, { channels: url.searchParams.getAll('channel') })
          else res.writeHead(404).end()
        },
      },
      async ({ hub, url }) => {
        const stream = connect(new URL('/stream', url), { channels: ['a'] })
        const events = stream.events()
        await stream.ready
        const { connection } = stream.status
        const states: string[] = []
        stream.onStatus(({ state }) => states.push(state))
        for (const channel of ['b', 'c', 'd']) {
          await hub.publish({ channel, data: channel })
          await stream.follow(channel)
          assert.equal((await events.next()).value?.data, channel)
        }
        assert.notEqual(stream.status.connection, connection)
        assert.ok(!states.includes('waiting'), 'there was no pause')
        stream.close()
      },
    ))

  it('that are changed before the stream is there are followed by it', () =>
    withServer({}, async ({ hub, url }) => {
      const stream = connect(url, { channels: ['a'] })
      const events = stream.events()
      await Promise.all([stream.follow('b'), stream.follow('c'), stream.unfollow('a')])
      assert.deepEqual(stream.channels, ['b', 'c'])
      await stream.ready
      await stream.follow('d')
      for (const channel of ['a', 'b', 'c', 'd']) await hub.publish({ channel, data: channel })
      for (const channel of ['b', 'c', 'd']) assert.equal((await events.next()).value?.data, channel)
      stream.close()
    }))
})

describe('a request', () => {
  it('is made by the `fetch` that was given, called as a function', () =>
    withServer({}, async ({ url }) => {
      const callers: unknown[] = []
      const stream = connect(url, {
        fetch(this: unknown, ...request) {
          callers.push(this) // a browser's own refuses any but the window, or none
          return fetch(...request)
        },
      })
      await stream.ready
      stream.close()
      assert.deepEqual(callers, [undefined])
    }))
})

describe('a loop over events', () => {
  it('that is too slow fails after what waited', () =>
    withServer({}, async ({ hub, url }) => {
      const stream = connect(url, { channels: ['c'] })
      const events = stream.events('n', { limit: 3 })
      const all = stream.events('n')
      await stream.ready
      for (let i = 0; i < 5; i++) await hub.publish({ channel: 'c', event: 'n', data: i })
      for (let i = 0; i < 5; i++) assert.equal((await all.next()).value?.data, i)
      for (let i = 0; i < 3; i++) assert.equal((await events.next()).value?.data, i)
      await assert.rejects(events.next(), EventOverflow)
      assert.equal((await events.next()).done, true)
      stream.close()
    }))

  it('that takes each at once keeps up with many that come together', async () => {
    const text = Array.from({ length: 300 }, (_, i) => `data: ${i}\n\n`).join('')
    const headers = { 'Content-Type': 'text/event-stream' }
    const stream = connect('http://localhost', { fetch: async () => new Response(text, { headers }) })
    let heard = 0
    for await (const { data } of stream.events('message', { limit: 5 })) {
      assert.equal(data, String(heard++))
      if (heard === 300) break
    }
    stream.close()
  })

  it('that may hold the stream up loses nothing', () =>
    withServer({}, async ({ hub, url }) => {
      const stream = connect(url, { channels: ['c'] })
      const slow = stream.events('n', { limit: 2, overflow: 'wait' })
      const heard: unknown[] = []
      stream.on('n', ({ data }) => heard.push(data))
      await stream.ready
      for (let i = 0; i < 50; i++) await hub.publish({ channel: 'c', event: 'n', data: i })
      assert.equal((await slow.next()).value?.data, 0)
      for (let i = 1; i < 50; i++) {
        assert.ok(heard.length <= i + 3, `${heard.length} at ${i}`)
        assert.equal((await slow.next()).value?.data, i)
      }
      stream.close()
    }))

  it('ends with a break, with a signal and with the stream', () =>
    withServer({}, async ({ hub, url }) => {
      const stream = connect(url, { channels: ['c'] })
      const stop = new AbortController()
      const stopped = stream.events(undefined, { signal: stop.signal })
      const pending = stopped.next()
      const left = stream.events('n')
      await stream.ready
      await hub.publish({ channel: 'c', event: 'n', data: 1 })
      for await (const { data } of left) {
        assert.equal(data, 1)
        break
      }
      assert.equal((await pending).value?.data, 1)
      const last = stopped.next()
      stop.abort()
      assert.equal((await last).done, true)
      const reader = stream.readable('n').getReader()
      await hub.publish({ channel: 'c', event: 'n', data: 2 })
      assert.equal((await reader.read()).value?.data, 2)
      const end = reader.read()
      stream.close()
      assert.equal((await end).done, true)
    }))

  it('that begins after its end ends at once', () =>
    withServer({}, async ({ url }) => {
      const stream = connect(url)
      const aborted = stream.events('n', { signal: AbortSignal.abort() })
      assert.equal((await aborted.next()).done, true)
      stream.close()
      assert.equal((await stream.events('n').next()).done, true)
    }))
})

describe('a server other than fanline', () => {
  it('is followed by its own ids, and its data are text, or what `parse` makes of them', async () => {
    const ids: (string | undefined)[] = []
    const server = await serve((req, res) => {
      ids.push(req.headers['last-event-id'] as string | undefined)
      res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' })
      const n = ids.length
      res.end(`retry: 1\nid: b${n}\nevent: tick\ndata: ${n}\n\nid: skipped\n\n`)
    })
    const text = connect(server.origin, { maxPauseMs: 2, healthyMs: 0 })
    const events = text.events('tick')
    assert.deepEqual(
      { ...(await events.next()).value },
      { type: 'tick', data: '1', id: 'b1', channel: undefined },
    )
    assert.equal((await events.next()).value?.data, '2')
    text.close()
    const parsed = connect(server.origin, { parse: JSON.parse })
    assert.equal(typeof (await parsed.events('tick').next()).value?.data, 'number')
    parsed.close()
    assert.deepEqual(ids.slice(0, 2), [undefined, 'skipped'])
    await server.close()
  })

  it('is live when it has answered, even if it says nothing yet', async () => {
    const server = await serve((_, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
    })
    const stream = connect(server.origin)
    await stream.caughtUp
    stream.close()
    await server.close()
  })
})
