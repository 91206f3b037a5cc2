import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProblemError } from '@fanline/protocol'
import { systemClock } from './clock.ts'
import { createHub } from './create-hub.ts'
import { memoryLog } from './log/memory.ts'
import type { Log } from './log.ts'
import { awkwardLog } from './testing/awkward-log.ts'
import { eventually } from './testing/deadline.ts'
import { seededRandom } from './testing/seeded-random.ts'
import { inProcessDoor, nativeDoor, type ServedHub, withHub } from './testing/served-hub.ts'
import { isPublished, json, type StreamClient } from './testing/stream-client.ts'

/** A memory log, some of whose methods do something else. */
function logWith(methods: (log: Log) => Partial<Log>): Log {
  const log = memoryLog()
  const own: Partial<Log> = methods(log)
  return {
    open: own.open ?? ((listener) => log.open(listener)),
    append: own.append ?? ((drafts) => log.append(drafts)),
    read: own.read ?? ((query) => log.read(query)),
    watch: own.watch ?? ((channel) => log.watch(channel)),
    unwatch: own.unwatch ?? ((channel) => log.unwatch(channel)),
    removeRevocations: own.removeRevocations ?? ((positions) => log.removeRevocations(positions)),
    close: own.close ?? (() => log.close()),
  }
}

/** Something that happens when the test says so. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

describe('while the log opens', () => {
  it('publishes and streams wait for it', async () => {
    const { opened, open } = gate()
    const log = logWith((memory) => ({ open: (listener) => opened.then(() => memory.open(listener)) }))
    await withHub(inProcessDoor, { log }, async (served) => {
      const asked = served.listen('/v1/events/a')
      const published = served.publish({ channel: 'b', data: 1 })
      assert.equal(served.hub.stats().connections, 0)
      open()
      const client = await asked
      assert.equal((await published).status, 200)
      await served.publish({ channel: 'a', data: 2 })
      assert.equal((await client.next()).data, '2')
    })
  })

  it('a client that leaves is not kept', async () => {
    const { opened, open } = gate()
    const log = logWith((memory) => ({ open: (listener) => opened.then(() => memory.open(listener)) }))
    await withHub(inProcessDoor, { log }, async (served) => {
      const abort = new AbortController()
      const asked = served.fetch(`${served.url}/v1/events/a`, { signal: abort.signal })
      await new Promise((resolve) => setImmediate(resolve))
      abort.abort()
      open()
      await (await asked).body?.cancel().catch(() => undefined)
      assert.equal(served.hub.stats().connections, 0)
      assert.equal(served.hub.isFollowed('a'), false)
    })
  })

  it('a hub that is closed keeps nobody, and takes nothing', async () => {
    const { opened, open } = gate()
    const log = logWith((memory) => ({ open: (listener) => opened.then(() => memory.open(listener)) }))
    await withHub(inProcessDoor, { log }, async (served) => {
      const stream = served.open('/v1/events/a')
      const published = served.publish({ channel: 'a', data: 1 })
      await new Promise((resolve) => setImmediate(resolve))
      const closed = served.hub.close()
      open()
      await closed
      assert.deepEqual(json(await (await stream).next()), { reason: 'drain', reconnect: true })
      assert.equal((await published).json.code, 'shutting-down')
      assert.equal(served.hub.stats().connections, 0)
    })
  })
})

describe('a log that fails', () => {
  it('to open is told to publishers, softly to an EventSource, and to the application', async () => {
    const reported: string[] = []
    const log = logWith(() => ({ open: () => Promise.reject(new Error('no such disk')) }))
    const onProblem = ({ message }: ProblemError) => reported.push(message)
    await withHub(inProcessDoor, { log, onProblem }, async (served) => {
      const publish = await served.publish({ channel: 'a', data: 1 })
      assert.deepEqual([publish.status, publish.json.code], [503, 'log-unavailable'])
      const client = await served.open('/v1/events/a')
      assert.equal(client.response.status, 200)
      assert.deepEqual(json(await client.next()), { reason: 'log-failed', reconnect: true })
    })
    assert.ok(reported.some((message) => message.includes('no such disk')))
  })

  it('to append is told to the publisher, who may try again', async () => {
    let fails = true
    const log = logWith((memory) => ({
      append: (drafts) =>
        fails ? Promise.reject(new ProblemError('log-unavailable')) : memory.append(drafts),
    }))
    await withHub(nativeDoor, { log }, async (served) => {
      const client = await served.listen('/v1/events/a')
      const refused = await served.publish({ channel: 'a', data: 1 })
      assert.deepEqual(
        [refused.status, refused.json.code, refused.json.retryable],
        [503, 'log-unavailable', true],
      )
      assert.equal(served.hub.stats().published, 0)
      fails = false
      await served.publish({ channel: 'a', data: 2 })
      assert.equal((await client.next()).data, '2')
    })
  })

  for (const method of ['read', 'watch'] as const) {
    it(`to ${method} ends the stream with its reason, and the next one may work`, async () => {
      let fails = false
      const reported: ProblemError[] = []
      const failing = () => Promise.reject(new ProblemError('log-unavailable'))
      const log = logWith((memory) => ({
        [method]: (query: never) => (fails ? failing() : memory[method](query)),
      }))
      await withHub(nativeDoor, { log, onProblem: (problem) => reported.push(problem) }, async (served) => {
        const first = await served.listen('/v1/events/a')
        await first.close()
        await served.hasConnections(0)
        fails = true
        const client = await served.open('/v1/events/a', { 'Last-Event-ID': first.lastId! })
        const [bye] = (await client.takeUntil(({ event }) => event === 'fanline.bye')).slice(-1)
        assert.deepEqual(json(bye!), { reason: 'log-failed', reconnect: true })
        await client.over
        assert.equal(reported[0]?.code, 'log-unavailable')
        await served.hasConnections(0)
        assert.equal(served.hub.isFollowed('a'), false)
        fails = false
        const again = await served.resume('/v1/events/a', first.lastId)
        await served.publish({ channel: 'a', data: 1 })
        const heard = await again.takeUntil(isPublished)
        assert.equal(heard.at(-1)!.data, '1')
      })
    })
  }
})

describe('on a log that is as awkward as it may be', () => {
  for (let seed = 1; seed <= 10; seed++) {
    it(`everything arrives once, in order, or is named by a gap (seed ${seed})`, () => {
      const random = seededRandom(seed)
      const log = awkwardLog(memoryLog(), { clock: { ...systemClock, random } })
      return withHub(inProcessDoor, { log }, async (served) => {
        const published: { id: number; channels: string[] }[] = []
        const listeners = [['a'], ['a', 'b'], ['b', 'c'], ['c', 'a', 'b']].map(
          (channels) => new Follower(served, channels),
        )
        await Promise.all(listeners.map((listener) => listener.connect()))
        for (let n = 0; n < 300; n++) {
          const channels = ['a', 'b', 'c'].filter(() => random() < 0.5)
          if (channels.length === 0) continue
          const publish = served.hub.publish({ channels, data: n })
          publish.then(({ id }) => published.push({ id: Number(id), channels }))
          if (n % 10 === 0) await publish
          if (n % 25 === 0) await listeners[Math.floor(random() * listeners.length)]!.reconnect()
        }
        log.calm()
        await served.hub.publish({ channels: ['a', 'b', 'c'], event: 'end', data: 'end' })
        for (const listener of listeners) await listener.assertNothingMissed(published)
      })
    })
  }
})

/** A client that comes back with its last id, and remembers all it heard. */
class Follower {
  readonly #served: ServedHub
  readonly #channels: readonly string[]
  readonly #streams: StreamClient[] = []

  constructor(served: ServedHub, channels: readonly string[]) {
    this.#served = served
    this.#channels = channels
  }

  async connect(): Promise<void> {
    const lastId = this.#streams.at(-1)?.lastId
    this.#streams.push(await this.#served.resume(`/v1/events?channel=${this.#channels}`, lastId))
  }

  async reconnect(): Promise<void> {
    await this.#streams.at(-1)!.close()
    await this.connect()
  }

  async assertNothingMissed(published: readonly { id: number; channels: string[] }[]): Promise<void> {
    const current = this.#streams.at(-1)!
    await eventually(() => current.events.some(({ event }) => event === 'end'), 'the end of all events')
    const events = this.#streams.flatMap((stream) => stream.events)
    const ids = events.filter((event) => event.event === 'message').map(({ id }) => Number(id))
    assert.deepEqual(
      ids,
      [...new Set(ids)].toSorted((one, other) => one - other),
      'once, in order',
    )
    const gaps = events
      .filter(({ event }) => event === 'fanline.gap')
      .map((event) => json(event) as { channel: string; from: string; to: string })
    const start = Number(this.#streams[0]!.events[0]!.id)
    for (const { id, channels } of published) {
      const followed = channels.filter((channel) => this.#channels.includes(channel))
      if (followed.length === 0 || id <= start || ids.includes(id)) continue
      const named = gaps.some(
        ({ channel, from, to }) => followed.includes(channel) && Number(from) < id && id <= Number(to),
      )
      assert.ok(named, `${id} in ${channels} is missing in silence`)
    }
  }
}

describe('a hub that nobody uses', () => {
  it('does not keep its process from ending', async () => {
    const hub = createHub()
    await hub.ready
    const { getActiveResourcesInfo } = process
    const timers = getActiveResourcesInfo?.().filter((name) => name === 'Timeout') ?? []
    assert.deepEqual(timers, [])
    await hub.close()
  })
})
