import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHub } from './create-hub.ts'
import { eventStreamDialect } from './dialect.ts'
import type { Sink } from './sink.ts'

const CONNECTIONS = 100
const MIB = 1024 * 1024

/** How many writes of one event to all connections came without a turn of the event loop between them. */
async function mostWritesInOneTurn(data: string): Promise<number> {
  const hub = createHub()
  let writes = 0
  const sink = (): Sink => {
    let left: () => void = () => undefined
    return {
      open: (listener) => {
        left = () => listener.closed()
      },
      flush: () => undefined,
      write: () => {
        writes++
        return true
      },
      progress: () => 0,
      bufferedBytes: () => 0,
      end: () => left(),
      destroy: () => left(),
    }
  }
  for (let i = 0; i < CONNECTIONS; i++) await hub.connect({ channels: ['a'] }, sink(), eventStreamDialect)
  writes = 0
  await hub.publish({ channel: 'a', data })
  let most = 0
  for (let before = 0; before < CONNECTIONS; before = writes) {
    await new Promise((resolve) => setImmediate(resolve))
    most = Math.max(most, writes - before)
  }
  await hub.close({ drainMs: 0 })
  return most
}

describe('an event for many connections', () => {
  it('leaves in one turn of the event loop when it is small', async () => {
    assert.equal(await mostWritesInOneTurn('small'), CONNECTIONS)
  })

  it('leaves in many turns when it is large, so that others are heard between them', async () => {
    const most = await mostWritesInOneTurn('x'.repeat(MIB))
    assert.ok(most <= 4, `${most} MiB in one turn`)
  })
})
