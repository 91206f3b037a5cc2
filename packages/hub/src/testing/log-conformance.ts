import assert from 'node:assert/strict'
import {
  ALL_CHANNEL,
  type ChannelName,
  connectionChannel,
  createEvent,
  type Position,
  parseChannel,
  ZERO,
} from '@fanline/protocol'
import { systemClock } from '../clock.ts'
import type { MemoryLogOptions } from '../log/memory.ts'
import {
  type Draft,
  type Entry,
  type Gap,
  type Log,
  type LogListener,
  type LogPage,
  type LogQuery,
  REVOCATIONS_CHANNEL,
  type Receipt,
} from '../log.ts'
import { inTime } from './deadline.ts'

/** What the suite needs of a test runner; node:test, Vitest, Jest, Mocha and Bun have it. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown
  readonly it: {
    (name: string, body: () => Promise<void>): unknown
    skip(name: string, body: () => Promise<void>): unknown
  }
}

/** How a log under test is to keep its promises. */
export type LogSettings = Pick<MemoryLogOptions, 'history' | 'idempotency'>

/** A log that was not opened yet, and its surroundings. */
export interface LogUnderTest {
  readonly log: Log
  /** The log's time, in milliseconds since 1970. */
  now(): number
  /** Lets time pass for the log. */
  advance(ms: number): void | Promise<void>
  /** The log of a process that starts after this one has ended: on the same store, if there is one. */
  restart(): Log | Promise<Log>
}

/** A driver that is to pass the suite. */
export interface LogConformance {
  readonly name: string
  readonly runner: TestRunner
  /** Makes an empty log. */
  create(settings: LogSettings): LogUnderTest | Promise<LogUnderTest>
  /** Promises that this log cannot keep, by the name of their test, each with the reason. */
  readonly skips?: Readonly<Record<string, string>>
}

const SECOND_MS = 1000
const HOUR_MS = 3_600_000

/** Room for everything that a test writes. */
const ROOMY: LogSettings = { history: {}, idempotency: {} }

/**
 * Checks every promise of the log port.
 * @throws Error when a skip names no test, or gives no reason
 */
export function logConformance({ name, runner, create, skips = {} }: LogConformance): void {
  const unknown = Object.keys(skips).find((skip) => !Object.hasOwn(PROMISES, skip))
  if (unknown !== undefined) throw new Error(`${name} skips "${unknown}", which is no promise of a log.`)
  runner.describe(`${name} keeps the promises of a log`, () => {
    for (const [promise, { settings, check }] of Object.entries(PROMISES)) {
      const body = async (): Promise<void> => {
        const surroundings = await create(settings)
        const bench = new Bench(surroundings)
        await bench.open(surroundings.log)
        try {
          await check(bench)
        } finally {
          await bench.log.close()
        }
      }
      const reason = skips[promise]
      if (reason === undefined) runner.it(promise, body)
      else if (reason !== '') runner.it.skip(`${promise} (skipped: ${reason})`, body)
      else throw new Error(`${name} skips "${promise}" without a reason.`)
    }
  })
}

/** One log under test, what it announced, and short ways to speak to it. */
class Bench implements LogListener {
  log: Log
  readonly #surroundings: LogUnderTest
  announced: Entry[] = []
  gaps: Gap[] = []
  #hear: (() => void) | undefined

  constructor(surroundings: LogUnderTest) {
    this.#surroundings = surroundings
    this.log = surroundings.log
  }

  entries(batch: readonly Entry[]): void {
    this.announced.push(...batch)
    this.#hear?.()
  }

  gap(gap: Gap): void {
    this.gaps.push(gap)
    this.#hear?.()
  }

  async open(log: Log): Promise<void> {
    this.log = log
    await log.open(this)
  }

  async restart(): Promise<void> {
    await this.log.close()
    this.announced = []
    this.gaps = []
    await this.open(await this.#surroundings.restart())
  }

  now(): number {
    return this.#surroundings.now()
  }

  async advance(ms: number): Promise<void> {
    await this.#surroundings.advance(ms)
  }

  async watch(...names: string[]): Promise<void> {
    for (const name of names) await this.log.watch(channel(name))
  }

  async append(...drafts: Draft[]): Promise<readonly Receipt[]> {
    return this.log.append(drafts)
  }

  /** Appends one event, and answers its position. */
  async write(channels: string | string[], data = 'data'): Promise<Position> {
    const [receipt] = await this.append(draft(channels, data))
    return positionOf(receipt)
  }

  /** Appends some events one after the other, and answers their positions. */
  async writeEach(name: string, count: number): Promise<Position[]> {
    const receipts = await this.append(...Array.from({ length: count }, (_, i) => draft(name, `${i}`)))
    return receipts.map(positionOf)
  }

  async head(): Promise<Position> {
    return (await this.read([ALL_CHANNEL], null)).through
  }

  read(names: readonly string[], after: Position | null, limits: Partial<LogQuery> = {}): Promise<LogPage> {
    return this.log.read({
      channels: names.map(channel),
      after,
      maxEntries: 1000,
      maxBytes: 1e9,
      ...limits,
    })
  }

  /** Reads page after page to the head. */
  async readAll(
    names: readonly string[],
    after: Position,
    limits: Partial<LogQuery> = {},
  ): Promise<LogPage[]> {
    const pages = [await this.read(names, after, limits)]
    while (!pages.at(-1)!.reachedHead) pages.push(await this.read(names, pages.at(-1)!.through, limits))
    return pages
  }

  /** Waits until an entry that fits was announced, or until the log admitted that it may have missed it. */
  async heard(position: Position): Promise<void> {
    const reached = (): boolean =>
      this.announced.some((entry) => entry.position !== null && entry.position >= position) ||
      this.gaps.some((gap) => gap.through >= position)
    await this.#until(reached)
  }

  async heardData(data: string): Promise<void> {
    await this.#until(() => this.announced.some((entry) => entry.event.data === data))
  }

  /** Every entry was announced once, in position order, or lies in a gap that was admitted before it. */
  assertAnnounced(name: string, positions: readonly Position[]): void {
    const heard = this.announced.filter((entry) => entry.channel === name).map((entry) => entry.position)
    const admitted = (position: Position): boolean =>
      this.gaps.some((gap) => gap.channel === name && position > gap.after && position <= gap.through)
    const expected = positions.filter((position) => heard.includes(position) || !admitted(position))
    assert.deepEqual(heard, expected)
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const heard = new Promise<void>((resolve) => {
        this.#hear = resolve
      })
      await inTime(heard, () => 'the next announcement')
    }
  }
}

interface Promised {
  readonly settings: LogSettings
  check(bench: Bench): Promise<void>
}

function promised(check: Promised['check'], settings: LogSettings = ROOMY): Promised {
  return { settings, check }
}

const PROMISES: Readonly<Record<string, Promised>> = {
  'positions grow strictly, and are at least the microseconds of their time': promised(async (bench) => {
    const positions: Position[] = []
    for (let round = 0; round < 20; round++) {
      const earliest = bench.now() * 1000
      const first = await bench.write('a')
      assert.ok(first >= earliest, `${first} is before its time, ${earliest}`)
      positions.push(first, ...(await bench.writeEach('b', 3)))
      await bench.advance(1)
    }
    assertGrowing(positions)
    assert.ok(positions.every(Number.isSafeInteger))
  }),

  'appends keep the order of their calls, each in one step': promised(async (bench) => {
    const before = await bench.head()
    const calls = Array.from({ length: 30 }, (_, call) =>
      bench.append(draft('a', `${call}.0`), draft(['a', 'b'], `${call}.1`), draft('a', `${call}.2`)),
    )
    const positions = (await Promise.all(calls)).flat().map(positionOf)
    assertGrowing(positions)
    const page = await bench.read(['a'], before)
    assert.deepEqual(
      page.entries.map((entry) => entry.event.data),
      Array.from({ length: 90 }, (_, i) => `${Math.floor(i / 3)}.${i % 3}`),
    )
    assert.deepEqual(
      page.entries.map((entry) => entry.position),
      positions,
    )
  }),

  'an entry holds all that its draft held': promised(async (bench) => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const traced = { ...createEvent(undefined, 'traced'), traceparent }
    const event = {
      ...createEvent('greeting', { text: 'grüße\u2028\n', n: [1, null] }),
      attributes: { level: 'info' },
    }
    const [receipt] = await bench.append(
      { ...draft('a', ''), event, except: ['u', 'v'] },
      { ...draft('a', ''), event: traced },
      { ...draft('a', ''), event: { ...event, traceparent } },
    )
    const page = await bench.read(['a'], ZERO)
    const [entry, ...others] = page.entries
    assert.deepEqual(
      others.map((other) => ({ ...other.event })),
      [traced, { ...event, traceparent }],
    )
    assert.equal(entry?.channel, 'a')
    assert.equal(entry.position, positionOf(receipt))
    assert.deepEqual({ ...entry.event }, { ...event })
    assert.deepEqual([...entry.except], ['u', 'v'])
    assert.ok(Math.abs(entry.at - bench.now()) < 10 * SECOND_MS, `${entry.at} is not when it was published`)
  }),

  'entries of watched channels are announced once, in position order': promised(async (bench) => {
    await bench.watch('a', 'b', '@user:u')
    const a: Position[] = []
    const b: Position[] = []
    const user: Position[] = []
    for (let round = 0; round < 30; round++) {
      a.push(...(await bench.writeEach('a', 3)))
      const both = await bench.write(['a', 'b', '@user:u'])
      a.push(both)
      b.push(both)
      user.push(both)
      b.push(await bench.write('b'))
    }
    await bench.heard(b.at(-1)!)
    bench.assertAnnounced('a', a)
    bench.assertAnnounced('b', b)
    bench.assertAnnounced('@user:u', user)
    const order = bench.announced.map((entry) => entry.position!)
    assert.deepEqual(
      order,
      order.toSorted((one, other) => one - other),
    )
  }),

  'announcements start with watch, and may start again after unwatch': promised(async (bench) => {
    await bench.watch('a')
    const first = await bench.write('a')
    await bench.heard(first)
    bench.log.unwatch(channel('a'))
    await bench.watch('b')
    await bench.watch('a')
    const second = await bench.write('a')
    const third = await bench.write('b')
    await bench.heard(third)
    bench.assertAnnounced('a', [first, second])
    bench.assertAnnounced('b', [third])
  }),

  'a watch that was given up and asked for again holds': promised(async (bench) => {
    const given = bench.watch('a')
    bench.log.unwatch(channel('a'))
    await Promise.all([given, bench.watch('a')])
    const position = await bench.write('a')
    await bench.heard(position)
    bench.assertAnnounced('a', [position])
  }),

  'a watch that is asked for again while it is being given up holds, however far that is': promised(
    async (bench) => {
      const positions: Position[] = []
      for (let turns = 0; turns < 30; turns++) {
        await bench.watch('a')
        bench.log.unwatch(channel('a'))
        for (let turn = 0; turn < turns; turn++) {
          await new Promise<void>((resolve) => systemClock.defer(resolve))
        }
        await bench.watch('a')
        positions.push(await bench.write('a'))
        await bench.heard(positions.at(-1)!)
      }
      bench.assertAnnounced('a', positions)
    },
  ),

  'a log that is closed takes nothing more': promised(async (bench) => {
    await bench.write('a')
    await bench.log.close()
    await assert.rejects(bench.append(draft('a')), { code: 'log-unavailable' })
  }),

  'an event in several channels has one position, one event, and stands side by side': promised(
    async (bench) => {
      await bench.watch('a', 'b', 'c')
      const calls = Array.from({ length: 10 }, () => bench.append(draft(['a', 'b', 'c']), draft(['b', 'c'])))
      const positions = (await Promise.all(calls)).flat().map(positionOf)
      await bench.heard(positions.at(-1)!)
      for (const position of positions) {
        const entries = bench.announced.filter((entry) => entry.position === position)
        const [first] = entries
        if (!first) continue
        assert.ok(entries.every((entry) => entry.event === first.event))
        const start = bench.announced.indexOf(first)
        assert.deepEqual(bench.announced.slice(start, start + entries.length), entries)
      }
    },
  ),

  'an event without history is announced, and neither stored nor counted': promised(async (bench) => {
    await bench.watch('a', 'b')
    const first = await bench.write('a', 'stored')
    const [receipt] = await bench.append({ ...draft(['a', 'b'], 'passing'), ephemeral: true })
    assert.deepEqual(receipt, { position: null, duplicate: false })
    assert.equal(await bench.head(), first)
    await bench.heardData('passing')
    const passing = bench.announced.filter((entry) => entry.event.data === 'passing')
    assert.deepEqual(
      passing.map(({ channel, position }) => ({ channel, position })),
      [
        { channel: 'a', position: null },
        { channel: 'b', position: null },
      ],
    )
    assert.equal(passing[0]!.event, passing[1]!.event)
    const page = await bench.read(['a', 'b'], ZERO)
    assert.deepEqual(
      page.entries.map((entry) => entry.event.data),
      ['stored'],
    )
  }),

  'an event for one connection is announced without a watch': promised(async (bench) => {
    const target = connectionChannel('7')
    await bench.append({ ...draft('a', 'for one'), channels: [target], ephemeral: true })
    await bench.heardData('for one')
    assert.deepEqual(
      bench.announced.map((entry) => entry.channel),
      [target],
    )
  }),

  'a read after nothing tells the head alone': promised(async (bench) => {
    const empty = await bench.read(['a'], null)
    assert.deepEqual({ ...empty, through: 0 }, { entries: [], gaps: [], reachedHead: true, through: 0 })
    const position = await bench.write('a')
    const page = await bench.read(['a'], null)
    assert.deepEqual(page, { entries: [], gaps: [], reachedHead: true, through: position })
  }),

  'pages are merged, distinct, bounded, and complete up to their end': promised(async (bench) => {
    const start = await bench.head()
    const sets = [['a'], ['b'], ['a', 'b'], ['c'], ['a', 'c', 'd'], ['d'], ['b', 'c']]
    const written: { position: Position; channels: string[] }[] = []
    for (let i = 0; i < 140; i++) {
      const channels = sets[i % sets.length]!
      written.push({ position: await bench.write(channels, `${i}`), channels })
    }
    for (const names of [['a'], ['a', 'b'], ['d', 'c', 'b', 'a'], ['c', 'nobody'], ['nobody']]) {
      const expected = written.filter(({ channels }) => channels.some((name) => names.includes(name)))
      for (const maxEntries of [1, 2, 7, 1000]) {
        let after = start
        const heard: Position[] = []
        for (const page of await bench.readAll(names, start, { maxEntries })) {
          assert.deepEqual(page.gaps, [])
          assert.ok(page.entries.length <= maxEntries)
          assert.ok(page.entries.every((entry) => names.includes(entry.channel)))
          const part = expected.filter(({ position }) => position > after && position <= page.through)
          assert.deepEqual(
            page.entries.map((entry) => entry.position),
            part.map(({ position }) => position),
          )
          assert.deepEqual(
            page.entries.map(({ channel, also = [] }) => [channel, ...also].sort()),
            part.map(({ channels }) => channels.filter((name) => names.includes(name))),
          )
          heard.push(...page.entries.map((entry) => entry.position!))
          after = page.through
        }
        assert.deepEqual(
          heard,
          expected.map(({ position }) => position),
        )
        assert.equal(after, written.at(-1)!.position)
      }
    }
  }),

  'a page ends after the entry that passes its bytes, and holds at least one': promised(async (bench) => {
    const start = await bench.head()
    for (let i = 0; i < 10; i++) await bench.write('a', 'x'.repeat(100))
    const pages = await bench.readAll(['a'], start, { maxBytes: 250 })
    assert.deepEqual(
      pages.filter((page) => page.entries.length > 0).map((page) => page.entries.length),
      [3, 3, 3, 1],
    )
    const [smallest] = await bench.readAll(['a'], start, { maxBytes: 1 })
    assert.equal(smallest!.entries.length, 1)
  }),

  'a channel that nobody wrote to has lost nothing': promised(
    async (bench) => {
      const start = await bench.head()
      for (let round = 0; round < 50; round++) {
        await bench.writeEach('busy', 4)
        await bench.advance(HOUR_MS / 20)
      }
      const page = await bench.read(['quiet', 'too-quiet'], start)
      assert.deepEqual(page, { entries: [], gaps: [], reachedHead: true, through: await bench.head() })
    },
    { history: { maxEvents: 5, maxAgeMs: HOUR_MS } },
  ),

  'what was trimmed by count is named by a gap': promised(
    async (bench) => {
      const start = await bench.head()
      const positions = await bench.writeEach('a', 12)
      await assertTrimmed(bench, start, positions, 5)
    },
    { history: { maxEvents: 5 } },
  ),

  'what was trimmed by age is named by a gap': promised(
    async (bench) => {
      const start = await bench.head()
      const old = await bench.writeEach('a', 7)
      await bench.advance(HOUR_MS / 2)
      const young = await bench.writeEach('a', 5)
      await bench.advance(HOUR_MS / 2 + 60 * SECOND_MS)
      await assertTrimmed(bench, start, [...old, ...young], 5)
      await bench.advance(HOUR_MS)
      await assertTrimmed(bench, start, [...old, ...young], 0)
    },
    { history: { maxAgeMs: HOUR_MS } },
  ),

  'what was trimmed by bytes is named by a gap': promised(
    async (bench) => {
      const start = await bench.head()
      const positions: Position[] = []
      for (let i = 0; i < 20; i++) positions.push(await bench.write('a', 'x'.repeat(1000)))
      const { entries } = await bench.read(['a'], start)
      assert.ok(
        entries.length >= 1 && entries.length <= 10,
        `${entries.length} of 1,000 bytes are kept in 10,000`,
      )
      await assertTrimmed(bench, start, positions, entries.length)
    },
    { history: { maxBytes: 10_000 } },
  ),

  'the byte cap of the whole log takes the oldest of all': promised(
    async (bench) => {
      const start = await bench.head()
      const old = await bench.write('old', 'x'.repeat(1000))
      const positions: Position[] = []
      for (let i = 0; i < 120; i++) positions.push(await bench.write(`young.${i % 4}`, 'x'.repeat(1000)))
      const lost = await bench.read(['old'], start)
      assert.deepEqual(lost.entries, [])
      assertNamed(lost, 'old', start, old)
      for (let i = 0; i < 4; i++) {
        const page = await bench.read([`young.${i}`], start)
        const kept = page.entries.map((entry) => entry.position!)
        const own = positions.filter((_, index) => index % 4 === i)
        assert.ok(kept.length >= 5, `only ${kept.length} events of 1,000 bytes are left in 64 KiB`)
        assert.deepEqual(kept, own.slice(-kept.length))
        assertNamed(page, `young.${i}`, start, own.at(-kept.length - 1)!)
      }
    },
    { history: { totalBytes: 65_536, maxBytes: 65_536 } },
  ),

  'any number of channel names stays inside the byte cap, and what is new is kept': promised(
    async (bench) => {
      const count = 20_000
      const perAppend = 1000
      const positions: Position[] = []
      for (let first = 0; first < count; first += perAppend) {
        const drafts = Array.from({ length: perAppend }, (_, i) => draft(`user.${first + i}`, 'x'))
        positions.push(...(await bench.append(...drafts)).map(positionOf))
        assert.ok((bench.log.stats?.().bytes ?? 0) <= 262_144, 'the log is larger than its cap')
      }
      for (let back = 1; back <= 50; back++) {
        const position = positions.at(-back)!
        const page = await bench.read([`user.${count - back}`], (position - 1) as Position)
        assert.deepEqual(page.gaps, [])
        assert.deepEqual(
          page.entries.map((entry) => entry.position),
          [position],
        )
      }
      const lost = await bench.read(['user.0'], (positions[0]! - 1) as Position)
      if (lost.entries.length === 0)
        assertNamed(lost, 'user.0', (positions[0]! - 1) as Position, positions[0]!)
    },
    { history: { totalBytes: 262_144, maxBytes: 65_536 } },
  ),

  'revocations are under no limit, and stay until they are removed': promised(
    async (bench) => {
      const positions: Position[] = []
      for (let i = 0; i < 40; i++) positions.push(await bench.write(REVOCATIONS_CHANNEL, 'x'.repeat(2000)))
      await bench.advance(2 * HOUR_MS)
      // They push nothing out, either.
      const young = await bench.writeEach('a', 5)
      const rest = async (): Promise<(Position | null)[]> => {
        const pages = await bench.readAll([REVOCATIONS_CHANNEL], ZERO, { maxEntries: 7 })
        return pages.flatMap(({ entries }) => entries).map(({ position }) => position)
      }
      assert.deepEqual(await rest(), positions)
      const page = await bench.read(['a'], positions.at(-1)!)
      assert.deepEqual(
        page.entries.map(({ position }) => position),
        young,
      )
      const removed = [...positions.splice(3, 20), young[0]!]
      await bench.log.removeRevocations(removed)
      await bench.log.removeRevocations(removed)
      assert.deepEqual(await rest(), positions)
      assert.equal((await bench.read(['a'], positions.at(-1)!)).entries.length, 5)
      await bench.restart()
      const left = await rest()
      if (left.length > 0) assert.deepEqual(left, positions)
    },
    { history: { maxEvents: 5, maxAgeMs: HOUR_MS, maxBytes: 10_000, totalBytes: 65_536 } },
  ),

  'a cursor newer than the head is told so, and gets everything': promised(async (bench) => {
    const positions = await bench.writeEach('a', 3)
    const page = await bench.read(['a'], (positions.at(-1)! + 1) as Position)
    assert.deepEqual(
      page.gaps.map(({ channel, reason }) => ({ channel, reason })),
      [{ channel: 'a', reason: 'bad-cursor' }],
    )
    assert.deepEqual(
      page.entries.map((entry) => entry.position),
      positions,
    )
    assert.equal(page.through, positions.at(-1))
  }),

  'a restart loses nothing in silence, and positions go on upwards': promised(async (bench) => {
    const start = await bench.head()
    const positions = await bench.writeEach('a', 5)
    await bench.advance(1)
    await bench.restart()
    const page = await bench.read(['a'], start)
    if (page.entries.length === 0) {
      assert.deepEqual(
        page.gaps.map(({ reason }) => reason),
        ['restarted'],
      )
      assertNamed(page, 'a', start, positions.at(-1)!)
    } else {
      assert.deepEqual(
        page.entries.map((entry) => entry.position),
        positions,
      )
      assert.deepEqual(page.gaps, [])
    }
    await bench.watch('a')
    const next = await bench.write('a')
    assert.ok(next > positions.at(-1)!)
    await bench.heard(next)
    bench.assertAnnounced('a', [next])
    const fresh = await bench.read(['a'], (next - 1) as Position)
    assert.deepEqual(
      fresh.entries.map((entry) => entry.position),
      [next],
    )
  }),

  'the same key gives the first receipt again, and stores nothing': promised(async (bench) => {
    const start = await bench.head()
    await bench.watch('a')
    const keyed = { ...draft('a', 'first'), key: 'k' }
    const [first] = await bench.append(keyed)
    const [again, other] = await bench.append(
      { ...keyed, event: createEvent(undefined, 'again') },
      draft('a', 'other'),
    )
    assert.deepEqual(again, { position: positionOf(first), duplicate: true })
    await bench.heard(positionOf(other))
    bench.assertAnnounced('a', [positionOf(first), positionOf(other)])
    const page = await bench.read(['a'], start)
    assert.deepEqual(
      page.entries.map((entry) => entry.event.data),
      ['first', 'other'],
    )
  }),

  'the same key twice in one append is one event': promised(async (bench) => {
    const [first, second] = await bench.append(
      { ...draft('a', '1'), key: 'k' },
      { ...draft('a', '2'), key: 'k' },
    )
    assert.deepEqual(second, { position: positionOf(first), duplicate: true })
    assert.equal((await bench.read(['a'], ZERO)).entries.length, 1)
  }),

  'a key also holds for an event without history': promised(async (bench) => {
    await bench.watch('a')
    const passing = { ...draft('a', 'passing'), key: 'k', ephemeral: true }
    assert.deepEqual(await bench.append(passing), [{ position: null, duplicate: false }])
    assert.deepEqual(await bench.append(passing, { ...draft('a', 'end'), ephemeral: true }), [
      { position: null, duplicate: true },
      { position: null, duplicate: false },
    ])
    await bench.heardData('end')
    assert.deepEqual(
      bench.announced.map((entry) => entry.event.data),
      ['passing', 'end'],
    )
  }),

  'a key is forgotten after its window': promised(
    async (bench) => {
      const [first] = await bench.append({ ...draft('a'), key: 'k' })
      await bench.advance(59 * SECOND_MS)
      const [inside] = await bench.append({ ...draft('a'), key: 'k' })
      assert.equal(inside!.duplicate, true)
      await bench.advance(2 * SECOND_MS)
      const [outside] = await bench.append({ ...draft('a'), key: 'k' })
      assert.equal(outside!.duplicate, false)
      assert.ok(positionOf(outside) > positionOf(first))
    },
    { idempotency: { windowMs: 60 * SECOND_MS } },
  ),
}

function channel(name: string): ChannelName {
  return name.startsWith('@') ? (name as ChannelName) : parseChannel(name)
}

function draft(channels: string | string[], data = 'data'): Draft {
  return {
    channels: [channels].flat().map(channel),
    event: createEvent(undefined, data),
    except: [],
    key: undefined,
    ephemeral: false,
  }
}

function positionOf(receipt: Receipt | undefined): Position {
  assert.ok(receipt && receipt.position !== null, 'there is no position')
  return receipt.position
}

function assertGrowing(positions: readonly Position[]): void {
  for (let i = 1; i < positions.length; i++) {
    assert.ok(positions[i]! > positions[i - 1]!, `${positions[i]} does not follow ${positions[i - 1]}`)
  }
}

/** The page names a loss that reaches from the cursor to the last lost position, and nothing that is still there. */
function assertNamed(page: LogPage, name: string, after: Position, lastLost: Position): void {
  const gap = page.gaps.find((candidate) => candidate.channel === name)
  assert.ok(gap, `the loss in ${name} is not named`)
  assert.equal(gap.after, after)
  assert.ok(gap.through >= lastLost, `${gap.through} is before the last loss, ${lastLost}`)
  const first = page.entries[0]?.position
  if (first)
    assert.ok(gap.through < first, `${gap.through} is not lost, as the entry ${first} is still there`)
}

/** Of all positions the last `kept` are there; whoever stands before the others is told, and nobody else. */
async function assertTrimmed(
  bench: Bench,
  start: Position,
  positions: Position[],
  kept: number,
): Promise<void> {
  const lastLost = positions.at(-kept - 1)!
  const rest = positions.slice(positions.length - kept)
  for (const after of [start, positions[0]!]) {
    const page = await bench.read(['a'], after)
    assert.deepEqual(
      page.entries.map((entry) => entry.position),
      rest,
    )
    assert.deepEqual(
      page.gaps.map(({ reason }) => reason),
      ['trimmed'],
    )
    assertNamed(page, 'a', after, lastLost)
  }
  const page = await bench.read(['a'], lastLost)
  assert.deepEqual(page.gaps, [])
  assert.deepEqual(
    page.entries.map((entry) => entry.position),
    rest,
  )
}
