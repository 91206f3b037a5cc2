import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type HubEvent, type Position, ZERO } from '@fanline/protocol'
import { createHub, type EmbeddedHub } from './create-hub.ts'
import { diskLog } from './log/disk.ts'
import { memoryLog } from './log/memory.ts'
import { REVOCATIONS_CHANNEL } from './log.ts'
import { liftedEvent, Revocations, revokedEvent } from './revocations.ts'
import { eventually } from './testing/deadline.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { scratchDirectory } from './testing/scratch-directory.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

const FILLING = 'x'.repeat(1000)

/** A log on disk that keeps little, and hubs on it, one after the other. */
class Restarts {
  readonly clock = new FakeClock()
  readonly #path = scratchDirectory()

  async withHub(use: (hub: EmbeddedHub) => Promise<void>): Promise<void> {
    const hub = createHub({ log: this.#log(), clock: this.clock })
    try {
      await hub.ready
      await use(hub)
    } finally {
      await hub.close({ drainMs: 0 })
    }
  }

  /** How many entries of the log speak of revocations. */
  async entries(): Promise<number> {
    const log = this.#log()
    await log.open({ entries: () => undefined, gap: () => undefined })
    const query = { channels: [REVOCATIONS_CHANNEL], after: ZERO, maxEntries: 1000, maxBytes: 1e6 }
    const { entries } = await log.read(query)
    await log.close()
    return entries.length
  }

  #log() {
    const history = { maxEvents: 2, maxAgeMs: HOUR_MS, maxBytes: 10_000, totalBytes: 65_536 }
    return diskLog({ path: this.#path, history, clock: this.clock })
  }
}

it('a revocation in force outlives the history, and restarts', async () => {
  const restarts = new Restarts()
  const { clock } = restarts
  const until = clock.now() / 1000 + 90 * 86_400
  await restarts.withHub(async (hub) => {
    for (let n = 0; n < 5; n++) await hub.revoke({ jti: `t${n}`, until })
    const lifted = await hub.revoke({ user: 'u', until })
    await hub.liftRevocation(lifted.id)
  })
  for (let restart = 0; restart < 3; restart++) {
    clock.jump(clock.now() + 20 * DAY_MS)
    await restarts.withHub(async (hub) => {
      await Promise.all(Array.from({ length: 100 }, () => hub.publish({ channel: 'a', data: FILLING })))
      const inForce = hub.revocations().map(({ jti }) => jti)
      assert.deepEqual(inForce, ['t0', 't1', 't2', 't3', 't4'])
    })
  }
})

it('what speaks of revocations that are over leaves the log', async () => {
  const restarts = new Restarts()
  const { clock } = restarts
  await restarts.withHub(async (hub) => {
    const now = clock.now() / 1000
    await hub.revoke({ jti: 'ends', until: now + 3600 })
    await hub.revoke({ jti: 'stays', until: now + 90 * 86_400 })
    await hub.liftRevocation((await hub.revoke({ jti: 'lifted', until: now + 90 * 86_400 })).id)
  })
  assert.equal(await restarts.entries(), 4)
  await restarts.withHub(async () => {
    // Of what was lifted the revocation goes first, its end later: who reads in between must not take it for one in force.
    clock.advance(MINUTE_MS)
  })
  assert.equal(await restarts.entries(), 3)
  clock.jump(clock.now() + DAY_MS)
  await restarts.withHub(async (hub) => {
    clock.advance(MINUTE_MS)
    assert.deepEqual(
      hub.revocations().map(({ jti }) => jti),
      ['stays'],
    )
  })
  assert.equal(await restarts.entries(), 1)
})

describe('what the log may hold of revocations has a bound', () => {
  const now = 1_700_000_000_000
  const until = new Date(now + HOUR_MS).toISOString()
  const full: [of: string, count: number, event: (n: number) => HubEvent][] = [
    ['in force', 100_000, (n) => revokedEvent({ id: `${n}`, jti: 'x', until })],
    ['over, and not removed yet', 200_000, (n) => liftedEvent(`${n}`)],
  ]
  for (const [what, count, event] of full) {
    it(`of those ${what}`, () => {
      const revocations = new Revocations()
      for (let n = 0; n < count; n++) {
        revocations.mustHaveRoom(now)
        revocations.apply({ event: event(n), position: (n + 1) as Position, at: now })
      }
      assert.throws(() => revocations.mustHaveRoom(now), { code: 'too-many-revocations' })
      const spent = revocations.spent(now + 2 * HOUR_MS)
      assert.equal(spent.length, count)
      revocations.removed(spent)
      revocations.mustHaveRoom(now + 2 * HOUR_MS)
    })
  }
})

it('what stands in their channel and is none harms nobody, and goes', async () => {
  const clock = new FakeClock()
  const log = memoryLog({ clock })
  const hub = createHub({ log, clock })
  await hub.ready
  const channels = [REVOCATIONS_CHANNEL]
  const junk = ['', 'null', '{}', '[', '{"id":1,"until":"x"}', '{"id":"a","until":"never"}']
  for (const data of junk) {
    const event = { ...revokedEvent({ id: 'a', until: '' }), data }
    await log.append([{ channels, event, except: [], key: undefined, ephemeral: false }])
  }
  assert.deepEqual(hub.revocations(), [])
  const { id } = await hub.revoke({ jti: 't' })
  assert.deepEqual(
    hub.revocations().map((revocation) => revocation.id),
    [id],
  )
  clock.advance(MINUTE_MS)
  await eventually(async () => {
    const { entries } = await log.read({ channels, after: ZERO, maxEntries: 100, maxBytes: 1e6 })
    return entries.length === 1
  }, 'only the revocation is left')
  await hub.close({ drainMs: 0 })
})
