import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHub, type EmbeddedHub } from './create-hub.ts'
import { eventStreamDialect } from './dialect.ts'
import type { Sink } from './sink.ts'

const MIB = 1024 * 1024

/** Connections of one channel that take everything, and count the writes. */
class Listeners {
  readonly hub: EmbeddedHub = createHub()
  writes = 0
  text = ''
  readonly #writeMs: number

  /** @param writeMs how long a write keeps the process busy */
  constructor(writeMs = 0) {
    this.#writeMs = writeMs
  }

  async open(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.hub.connect({ channels: ['a'] }, this.#sink(i === count - 1), eventStreamDialect)
    }
    this.writes = 0
  }

  /** Resolves after one turn of the event loop, with the writes in it. */
  async turn(busyMs = 0): Promise<number> {
    const before = this.writes
    keepBusy(busyMs)
    await new Promise((resolve) => setImmediate(resolve))
    return this.writes - before
  }

  #sink(isLast: boolean): Sink {
    let left: () => void = () => undefined
    return {
      open: (listener) => {
        left = () => listener.closed()
      },
      flush: () => undefined,
      write: ({ payload }) => {
        this.writes++
        if (isLast) this.text += Buffer.from(payload).toString('latin1')
        keepBusy(this.#writeMs)
        return true
      },
      progress: () => 0,
      bufferedBytes: () => 0,
      end: () => left(),
      destroy: () => left(),
    }
  }
}

function keepBusy(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

describe('an event for many connections', () => {
  it('leaves in one turn of the event loop when it is small', async () => {
    const listeners = new Listeners()
    await listeners.open(100)
    await listeners.hub.publish({ channel: 'a', data: 'small' })
    assert.equal(await listeners.turn(), 100)
    await listeners.hub.close({ drainMs: 0 })
  })

  it('leaves in many turns when it is large, so that others are heard between them', async () => {
    const listeners = new Listeners(2)
    await listeners.open(100)
    await listeners.hub.publish({ channel: 'a', data: 'x'.repeat(MIB) })
    let most = 0
    while (listeners.writes < 100) most = Math.max(most, await listeners.turn())
    // For 50 ms at the most, were the machine so busy.
    assert.ok(most <= 30, `${most} MiB in one turn`)
    await listeners.hub.close({ drainMs: 0 })
  })

  it('has its share of the time, however busy everything else is', async () => {
    const listeners = new Listeners()
    await listeners.open(4000)
    await listeners.hub.publish({ channel: 'a', data: 'small' })
    let turns = 0
    for (; listeners.writes < 4000; turns++) await listeners.turn(20)
    // A write takes some microseconds here; 256 of them a turn, whatever else there is, would be 16 turns.
    assert.ok(turns <= 8, `${turns} turns`)
    await listeners.hub.close({ drainMs: 0 })
  })
})

describe('somebody who publishes without a pause', () => {
  it('is never far ahead of those who read', async () => {
    const listeners = new Listeners()
    await listeners.open(100)
    let [heard, mostAhead] = [0, 0]
    for (let published = 1; published <= 2000; published++) {
      await listeners.hub.publish({ channel: 'a', data: `${published} `.padEnd(1024, 'x') })
      heard += listeners.text.match(/data: /g)?.length ?? 0
      listeners.text = ''
      mostAhead = Math.max(mostAhead, published - heard)
    }
    assert.ok(mostAhead <= 130, `${mostAhead} KiB ahead`)
    await listeners.hub.close({ drainMs: 0 })
  })

  it('keeps the order of publishes that do not wait for each other', async () => {
    const listeners = new Listeners()
    await listeners.open(1)
    const receipts = await Promise.all(
      Array.from({ length: 500 }, (_, i) =>
        listeners.hub.publish({ channel: 'a', data: `${i} `.padEnd(1024, 'x') }),
      ),
    )
    assert.deepEqual(
      receipts.map(({ id }) => Number(id)),
      receipts.map(({ id }) => Number(id)).sort((a, b) => a - b),
    )
    while (!listeners.text.includes('data: 499 ')) await listeners.turn()
    const heard = [...listeners.text.matchAll(/data: (\d+) /g)].map(([, i]) => Number(i))
    assert.deepEqual(
      heard,
      Array.from({ length: 500 }, (_, i) => i),
    )
    await listeners.hub.close({ drainMs: 0 })
  })
})
