import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { createHub } from '../create-hub.ts'
import { eventStreamDialect } from '../dialect.ts'
import type { Sink, SinkListener } from '../sink.ts'
import { collectedHeap } from './collected-heap.ts'

const MIB = 1024 * 1024

/** Caches of the hub and of V8 that have one size, whatever the names. */
const CONSTANT_BYTES = 12 * MIB

/** Names that are published to once cost no more than `history.totalBytes` allows, however many they are. */
export async function publishToMany(test: TestContext, names: number): Promise<void> {
  const totalBytes = 16 * MIB
  const hub = createHub({ history: { totalBytes, maxBytes: MIB } })
  await hub.publish({ channel: 'first', data: 1 })
  const before = await collectedHeap()
  for (let i = 0; i < names; i++) {
    await hub.publish({ channel: `name.${i}`, data: 1 })
    // As a publisher over a network would, so that what is announced can leave.
    if (i % 64 === 63) await new Promise((resolve) => setImmediate(resolve))
  }
  const grown = (await collectedHeap()) - before
  assert.ok(hub.stats().log!.channels < names, 'more than history can hold')
  test.diagnostic(`${(grown / MIB).toFixed(1)} MiB above the start`)
  assert.ok(grown < totalBytes + CONSTANT_BYTES, `${Math.round(grown / MIB)} MiB for ${names} names`)
  await hub.close({ drainMs: 0 })
}

/** Names that were followed leave nothing behind: neither when their streams end, nor when these follow others. */
export async function followMany(test: TestContext, names: number): Promise<void> {
  const hub = createHub()
  const sinks: NowhereSink[] = []
  const connect = async (channels: readonly string[]): Promise<string> => {
    const sink = new NowhereSink()
    sinks.push(sink)
    return (await hub.connect({ channels }, sink, eventStreamDialect)).id
  }
  const namesFrom = (from: number): string[] => Array.from({ length: 100 }, (_, i) => `name.${from + i}`)
  const stays = await connect(['a'])
  const before = await collectedHeap()

  for (let from = 0; from < names; from += 100) await connect(namesFrom(from))
  assert.ok(hub.stats().channels > names)
  for (const sink of sinks.splice(1)) sink.listener?.closed()
  for (let from = 0; from < names; from += 100) await hub.follow(stays, namesFrom(from))
  await hub.follow(stays, ['a'])

  assert.equal(hub.stats().channels, 2)
  const grown = (await collectedHeap()) - before
  test.diagnostic(`${(grown / MIB).toFixed(1)} MiB above the start`)
  assert.ok(grown < CONSTANT_BYTES, `${Math.round(grown / MIB)} MiB are left of ${names} names`)
  await hub.close({ drainMs: 0 })
}

/** Takes everything, and keeps nothing. */
class NowhereSink implements Sink {
  listener: SinkListener | undefined

  open(listener: SinkListener): void {
    this.listener = listener
  }
  flush(): void {
    // Nothing waits here.
  }
  write(): boolean {
    return true
  }
  progress(): number {
    return 0
  }
  bufferedBytes(): number {
    return 0
  }
  end(): void {
    this.listener?.closed()
  }
  destroy(): void {
    this.listener?.closed()
  }
}
