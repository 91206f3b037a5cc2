import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { ChannelName, Position } from '@fanline/protocol'
import { cursorAfter } from './cursor.ts'
import { eventStreamDialect } from './dialect.ts'
import {
  createHub,
  Hub,
  type LogListener,
  memoryLog,
  type Sink,
  type SinkListener,
  systemClock,
} from './index.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { as, saidAccess } from './testing/said-access.ts'
import { nativeDoor, withHub } from './testing/served-hub.ts'

/** A client whose socket is full as long as it says so. */
class Client implements Sink {
  isFull = false
  #listener: SinkListener | undefined

  open(listener: SinkListener): void {
    this.#listener = listener
  }

  write(): boolean {
    return !this.isFull
  }

  drain(): void {
    this.isFull = false
    this.#listener?.drained()
  }

  destroy(): void {
    this.#listener?.closed()
  }

  end(): void {
    this.destroy()
  }

  flush(): void {
    // All is taken at once.
  }

  progress(): number {
    return 0
  }

  bufferedBytes(): number {
    return 0
  }
}

/** Resolves when what was published has been written to all who are live, and pages to who is not. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Who met which fate. */
async function fatesOf(hub: Hub, id: string | null): Promise<Record<string, string>> {
  const { hubs } = await hub.cluster.trace(id!)
  const { connections = [] } = hubs[0] ?? {}
  return Object.fromEntries(connections.map(({ user, fate }) => [user, fate]))
}

it('an event is traced to those who had it live, later, or not', async () => {
  const clock = new FakeClock()
  const hub = createHub({ clock })
  const join = async (user: string, channel = 'a', lastId?: string): Promise<Client> => {
    const client = new Client()
    const cursor = lastId === undefined ? {} : { cursor: cursorAfter(lastId) }
    await hub.connect({ user, channels: [channel], ...cursor }, client, eventStreamDialect)
    return client
  }
  try {
    await join('live')
    await join('excepted')
    await join('elsewhere', 'b')
    const early = await join('left-before')
    early.destroy()
    clock.advance(1)
    const [slow, slower, gone] = [await join('slow'), await join('slower'), await join('gone')]
    await join('follows-later', 'b')
    for (const client of [slow, slower, gone]) client.isFull = true
    const first = await hub.publish({ channel: 'a', data: 'fills the sockets' })
    await settled()
    const { id } = await hub.publish({
      channel: 'a',
      event: 'paid',
      data: 'x'.repeat(7),
      except: ['excepted'],
    })
    await settled()
    await join('resumed', 'a', first.id!)
    await join('too-late', 'a', id!)
    gone.destroy()
    slow.drain()
    await hub.publish({ channel: 'b', data: 'moves cursors past it' })
    await settled()
    const [later] = [...hub.connections({ user: 'follows-later' })]
    await hub.follow(later!.id, ['a', 'b'])
    await settled()

    assert.deepEqual(await fatesOf(hub, id), {
      live: 'written',
      slow: 'caught-up',
      slower: 'waiting',
      gone: 'left',
      resumed: 'caught-up',
    })
    assert.equal((await fatesOf(hub, first.id)).slow, 'written', 'what filled the socket was written')
    const { type, length, channels, except, hubs } = await hub.cluster.trace(id!)
    assert.deepEqual(
      { type, length, channels, except },
      {
        type: 'paid',
        length: 7,
        channels: ['a'],
        except: ['excepted'],
      },
    )
    const { publishes, passages, fates, isComplete } = hubs[0]!
    assert.equal(publishes[0]?.by, null)
    assert.equal(publishes[0]?.matched, 4)
    assert.deepEqual(
      passages.map(({ channel, live, others }) => ({ channel, live, others })),
      [{ channel: 'a', live: 2, others: 3 }],
    )
    assert.equal(fates['caught-up'], 2)
    assert.equal(isComplete, true)
    slower.drain()
    await settled()
    assert.equal((await fatesOf(hub, id)).slower, 'caught-up')
  } finally {
    await hub.close({ drainMs: 0 })
  }
})

it('an event in several channels is traced once, and one that is lost to somebody as lost', async () => {
  const hub = createHub({ history: { maxEvents: 1 } })
  try {
    const client = new Client()
    await hub.connect({ user: 'both', channels: ['a', 'b'] }, client, eventStreamDialect)
    const both = await hub.publish({ channels: ['a', 'b'], data: 1, key: 'once' })
    await hub.publish({ channels: ['a', 'b'], data: 1, key: 'once' })
    await settled()
    assert.deepEqual(await fatesOf(hub, both.id), { both: 'written' })
    const { channels, hubs } = await hub.cluster.trace(both.id!)
    assert.deepEqual(channels, ['a', 'b'])
    assert.deepEqual(
      hubs[0]?.publishes.map(({ isDuplicate }) => isDuplicate),
      [false, true],
    )

    client.isFull = true
    await hub.publish({ channel: 'a', data: 'fills the socket' })
    await settled()
    const lost = await hub.publish({ channel: 'a', data: 'trimmed' })
    await hub.publish({ channel: 'a', data: 'kept' })
    client.drain()
    await settled()
    assert.deepEqual(await fatesOf(hub, lost.id), { both: 'lost' })
  } finally {
    await hub.close({ drainMs: 0 })
  }
})

it('what is read again because the log has lost something is caught up with, what came before was written', async () => {
  const log = memoryLog()
  const open = log.open.bind(log)
  let listener: LogListener | undefined
  log.open = (heard) => {
    listener = heard
    return open(heard)
  }
  const hub = createHub({ log })
  try {
    await hub.connect({ user: 'u', channels: ['a'] }, new Client(), eventStreamDialect)
    const lost = await hub.publish({ channel: 'a', data: 0 })
    const before = await hub.publish({ channel: 'a', data: 1 })
    await settled()
    const [channel, through] = ['a' as ChannelName, Number(lost.id) as Position]
    listener?.gap({ channel, after: (through - 1) as Position, through, reason: 'rollback' })
    const { id } = await hub.publish({ channel: 'a', data: 2 })
    await settled()
    const after = await hub.publish({ channel: 'a', data: 3 })
    await settled()
    const fates: unknown[] = []
    for (const event of [lost.id, before.id, id, after.id]) fates.push((await fatesOf(hub, event)).u)
    assert.deepEqual(fates, ['lost', 'written', 'caught-up', 'written'])
  } finally {
    await hub.close({ drainMs: 0 })
  }
})

it('what was read later is known to have been, when it is forgotten since when the client was behind', async () => {
  const report = (problem: Error): void => assert.fail(problem)
  const clock = new FakeClock()
  const hub = new Hub({ log: memoryLog({ clock }), clock, tuning: { recordedItems: 4 }, report })
  const join = async (user: string, channel: string): Promise<Client> => {
    const client = new Client()
    await hub.connect({ user, channels: [channel] }, client, eventStreamDialect)
    return client
  }
  try {
    const [live, again, other] = [await join('live', 'a'), await join('again', 'a'), await join('other', 'b')]
    for (const client of [live, again]) client.isFull = true
    await hub.publish({ channel: 'a', data: 'fills the sockets' })
    await settled()
    for (let n = 0; n < 2; n++) {
      other.isFull = true
      await hub.publish({ channel: 'b', data: 'fills the socket' })
      await settled()
      other.drain()
      await settled()
    }
    clock.advance(1)
    const { id } = await hub.publish({ channel: 'a', data: 'is read later' })
    await settled()
    live.drain()
    again.drain()
    again.isFull = true
    await settled()
    assert.deepEqual(await fatesOf(hub, id), { live: 'caught-up', again: 'caught-up' })
    assert.equal((await hub.cluster.trace(id!)).hubs[0]?.isComplete, true)
  } finally {
    await hub.close({ drainMs: 0 })
  }
})

it('what was published long ago is not remembered; what is known in part is said to be', async () => {
  const report = (problem: Error): void => assert.fail(problem)
  const hub = new Hub({ log: memoryLog(), clock: systemClock, tuning: { recordedItems: 4 }, report })
  try {
    const old = await hub.publish({ channel: 'a', data: 0 })
    for (let i = 0; i < 4; i++) await hub.publish({ channel: 'a', data: 0 })
    const { id } = await hub.publish({ channel: 'a', data: 0 })
    await assert.rejects(hub.cluster.trace(old.id!), { code: 'event-not-remembered' })
    await assert.rejects(hub.cluster.trace('yesterday'), { code: 'event-not-remembered' })
    assert.equal((await hub.cluster.trace(id!)).hubs[0]?.isComplete, true)
    for (let i = 0; i < 5; i++) {
      const client = new Client()
      await hub.connect({}, client, eventStreamDialect)
      client.destroy()
    }
    assert.equal((await hub.cluster.trace(id!)).hubs[0]?.isComplete, false)
  } finally {
    await hub.close({ drainMs: 0 })
  }
})

it('a trace names the publisher, to admins', () =>
  withHub(
    nativeDoor,
    {},
    async (served) => {
      const publisher = as({ user: 'u', publish: ['a'] })
      const body = JSON.stringify({ channel: 'a', data: 1 })
      const published = await served.call('POST', '/v1/publish', body, publisher)
      const { id } = published.json as { id: string }
      assert.equal((await served.call('GET', `/v1/trace/${id}`, undefined, publisher)).status, 403)
      const traced = await served.call('GET', `/v1/trace/${id}`, undefined, as({ admin: true }))
      const { hubs } = traced.json as { hubs: { publishes: { by: { user: string } }[] }[] }
      assert.equal(hubs[0]?.publishes[0]?.by.user, 'u')
    },
    { authenticator: saidAccess },
  ))
