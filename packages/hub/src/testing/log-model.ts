import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ChannelName, createEvent, type Position, parseChannel, positionAt } from '@fanline/protocol'
import fc from 'fast-check'
import type { Draft, Entry, Log, LogListener, Receipt } from '../log.ts'
import { FakeClock } from './fake-clock.ts'
import type { LogSettings } from './log-conformance.ts'

/** A log whose positions and times follow from its clock alone, to be compared with a model. */
export interface ModelledLog {
  readonly name: string
  /** How many random runs the comparison makes; the check of the byte cap makes a tenth. */
  readonly runs: number
  /** True when what was stored is still there after closing and opening. */
  readonly survives: boolean
  /** Makes the log of a first process on an empty store; what it answers makes that of the next on the same store. */
  create(settings: LogSettings, clock: FakeClock): () => Log
}

const CHANNELS = ['a', 'b', 'c', 'd'].map(parseChannel)
const MAX_EVENTS = 6
const MAX_AGE_MS = 10_000
const WINDOW_MS = 5000
const TOTAL_BYTES = 65_536

interface DraftPlan {
  readonly channels: readonly ChannelName[]
  readonly length: number
  readonly key: string | undefined
  readonly ephemeral: boolean
}

const someChannels = fc.subarray(CHANNELS, { minLength: 1 })
const drafts = fc.record({
  channels: someChannels,
  length: fc.constantFrom(0, 10, 5000),
  key: fc.option(fc.constantFrom('k', 'l'), { nil: undefined, freq: 4 }),
  ephemeral: fc.boolean(),
})
const steps = fc.oneof(
  fc.record({ do: fc.constant('append' as const), drafts: fc.array(drafts, { minLength: 1, maxLength: 4 }) }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(0, 1, WINDOW_MS, 12_000) }),
  fc.record({
    do: fc.constant('read' as const),
    channels: someChannels,
    back: fc.nat({ max: 30 }),
    limit: fc.integer({ min: 1, max: 8 }),
  }),
  fc.record({ do: fc.constant('restart' as const) }),
)

/** What a log is, written as plainly as possible: one array of all that was ever stored. */
class Model {
  readonly birth: Position
  head: Position
  readonly entries: { channel: ChannelName; position: Position; at: number; data: string }[] = []
  readonly #keys = new Map<string, { position: Position | null; at: number }>()

  constructor(birth: Position) {
    this.birth = birth
    this.head = birth
  }

  append(plans: readonly Draft[], now: number): Receipt[] {
    return plans.map(({ channels, key, ephemeral, event }) => {
      const known = key === undefined ? undefined : this.#keys.get(key)
      if (known && now - known.at < WINDOW_MS) return { position: known.position, duplicate: true }
      const position = ephemeral ? null : (Math.max(this.head + 1, now * 1000) as Position)
      if (key !== undefined) this.#keys.set(key, { position, at: now })
      if (position !== null) {
        this.head = position
        for (const channel of channels) this.entries.push({ channel, position, at: now, data: event.data })
      }
      return { position, duplicate: false }
    })
  }

  /** The newest of a channel that count and age leave. */
  kept(channel: ChannelName, now: number): Model['entries'] {
    return this.entries
      .filter((entry) => entry.channel === channel)
      .slice(-MAX_EVENTS)
      .filter(({ at }) => at >= now - MAX_AGE_MS)
  }
}

/** Compares a log with a plain list of entries under random operations, and checks what it says of its losses. */
export function compareWithModel({ name, runs, survives, create }: ModelledLog): void {
  describe(`${name} under random operations`, () => {
    it('does what a plain list of entries does', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(steps, { maxLength: 40 }), async (plan) => {
          const clock = new FakeClock()
          const settings = {
            history: { maxEvents: MAX_EVENTS, maxAgeMs: MAX_AGE_MS },
            idempotency: { windowMs: WINDOW_MS },
          }
          const next = create(settings, clock)
          const announced: Entry[] = []
          const listener: LogListener = {
            entries: (batch) => announced.push(...batch),
            gap: () => assert.fail('a gap'),
          }
          let log = next()
          await log.open(listener)
          const model = new Model(positionAt(clock.now()))
          for (const step of plan) {
            if (step.do === 'advance') clock.advance(step.ms)
            else if (step.do === 'append') {
              const planned = step.drafts.map(toDraft)
              assert.deepEqual(await log.append(planned), model.append(planned, clock.now()))
            } else if (step.do === 'read') {
              await checkRead(log, model, clock.now(), step)
            } else if (survives) {
              await log.close()
              log = next()
              await log.open(listener)
            }
          }
          const stored = announced.filter(({ position }) => position !== null)
          assert.deepEqual(
            stored.map(({ channel, position, event }) => [channel, position, event.data]),
            model.entries.map(({ channel, position, data }) => [channel, position, data]),
          )
          // What nobody touches is let go, too.
          do {
            clock.advance(3 * MAX_AGE_MS)
            await log.append([])
          } while (log.stats!().events > 0)
          await log.close()
        }),
        { numRuns: runs },
      )
    })

    it('stays inside its byte cap, and loses nothing in silence', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat({ max: 300 }), drafts), { minLength: 50, maxLength: 400 }),
          async (plan) => {
            const clock = new FakeClock()
            const settings = { history: { totalBytes: TOTAL_BYTES, maxBytes: 30_000 }, idempotency: {} }
            const log = create(settings, clock)()
            await log.open({ entries: () => undefined, gap: () => assert.fail('a gap') })
            const start = positionAt(clock.now())
            const written = new Map<ChannelName, Position[]>()
            for (const [number, draft] of plan) {
              const channel = parseChannel(`c${number}`)
              const [receipt] = await log.append([
                { ...toDraft({ ...draft, ephemeral: false, key: undefined }), channels: [channel] },
              ])
              written.set(channel, [...(written.get(channel) ?? []), receipt!.position!])
              assert.ok(log.stats!().bytes <= TOTAL_BYTES, `${log.stats!().bytes} bytes`)
            }
            for (const [channel, positions] of written) {
              const page = await log.read({
                channels: [channel],
                after: start,
                maxEntries: 1e6,
                maxBytes: 1e9,
              })
              const kept = page.entries.map(({ position }) => position!)
              assert.deepEqual(kept, kept.length === 0 ? [] : positions.slice(-kept.length))
              const lastLost = positions.at(-kept.length - 1)
              if (lastLost === undefined) continue
              const [gap] = page.gaps
              assert.ok(
                gap && gap.after === start && gap.through >= lastLost,
                `the loss up to ${lastLost} in ${channel}`,
              )
              assert.ok(kept.length === 0 || gap.through < kept[0]!)
            }
            await log.close()
          },
        ),
        { numRuns: Math.ceil(runs / 10) },
      )
    })
  })
}

async function checkRead(
  log: Log,
  model: Model,
  now: number,
  { channels, back, limit }: { channels: readonly ChannelName[]; back: number; limit: number },
): Promise<void> {
  const after = (model.entries.at(-back - 1)?.position ?? model.birth) as Position
  const page = await log.read({ channels, after, maxEntries: limit, maxBytes: 1e9 })
  const kept = channels.flatMap((channel) => model.kept(channel, now))
  const positions = [...new Set(kept.map(({ position }) => position))]
  const expected = positions.filter((position) => position > after).toSorted((one, other) => one - other)
  assert.deepEqual(
    page.entries.map(({ position }) => position),
    expected.slice(0, limit),
  )
  assert.equal(page.through, page.reachedHead ? model.head : page.entries.at(-1)?.position)
  assert.ok(page.reachedHead || page.entries.length > 0, 'a page that leads nowhere')
  for (const channel of channels) {
    const lost = model.entries.filter((entry) => entry.channel === channel && !kept.includes(entry))
    const last = lost.findLast(({ position }) => position > after)
    const gaps = page.gaps.filter((gap) => gap.channel === channel)
    assert.deepEqual(gaps, last ? [{ channel, after, through: last.position, reason: 'trimmed' }] : [])
  }
}

function toDraft({ channels, length, key, ephemeral }: DraftPlan): Draft {
  return { channels, event: createEvent(undefined, 'x'.repeat(length)), except: [], key, ephemeral }
}
