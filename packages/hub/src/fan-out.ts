import type { Position } from '@fanline/protocol'
import type { Clock } from './clock.ts'
import type { Connection } from './connection.ts'
import type { Feed } from './feed.ts'
import type { Histogram } from './histogram.ts'
import { Flush } from './lane.ts'
import type { Entry } from './log.ts'
import type { FlightRecorder } from './recorder.ts'
import type { Registry } from './registry.ts'
import type { Tracer } from './tracer.ts'

/** A write costs about 7 µs, so this is a slice of one to two milliseconds. */
const WRITES_PER_TURN = 256

/** What the kernel takes to copy comes on top for large events: some 300 µs for so much, and 20 ms where it must find memory. */
const LENGTH_PER_TURN = 512 * 1024

/**
 * Carries announced entries to live connections. All entries of one turn of the event loop leave in one write per
 * connection, and connections that have the same entries to write share the bytes: the system call is the cost.
 */
export class FanOut {
  readonly #clock: Clock
  readonly #registry: Registry<Connection>
  readonly #feed: Feed
  readonly #durations: Histogram
  readonly #recorder: FlightRecorder
  readonly #tracer: Tracer | undefined
  /** Entries that wait for the next turn. */
  #pending: Entry[] = []
  /** Who still gets the entries of this turn. */
  #touched: Connection[] = []
  #next = 0
  /** When the oldest of these entries was published. */
  #since = 0
  /** Called when the last connection has its entries, where that is traced. */
  #traced: ((connections: number) => void) | undefined
  #flushing = false
  /** Live connections have everything up to here. */
  #flushed: Position

  /** @param durations gets one value for each flush: of its oldest entry, when its last connection has it, in seconds */
  constructor(
    clock: Clock,
    registry: Registry<Connection>,
    feed: Feed,
    durations: Histogram,
    recorder: FlightRecorder,
    tracer?: Tracer,
  ) {
    this.#clock = clock
    this.#registry = registry
    this.#feed = feed
    this.#durations = durations
    this.#recorder = recorder
    this.#tracer = tracer
    this.#flushed = feed.complete
  }

  /** Every live connection has been handed all its entries up to here; undefined while some wait. */
  get settled(): Position | undefined {
    return this.#flushing ? undefined : this.#flushed
  }

  push(batch: readonly Entry[]): void {
    for (const entry of batch) this.#pending.push(entry)
    if (this.#flushing) return
    this.#flushing = true
    this.#clock.defer(this.#turn)
  }

  /** One slice. While writes are left, new entries wait for the next flush, and so coalesce under load. */
  readonly #turn = (): void => {
    if (this.#next === this.#touched.length) this.#begin()
    const end = Math.min(this.#next + WRITES_PER_TURN, this.#touched.length)
    let length = 0
    while (this.#next < end && length < LENGTH_PER_TURN) {
      const connection = this.#touched[this.#next++]!
      const lane = connection.lane
      connection.lane = undefined
      if (!lane) continue
      connection.deliver(lane)
      length += lane.length
    }
    if (this.#next === this.#touched.length) {
      const now = this.#clock.now()
      if (this.#next > 0) this.#durations.add(Math.max(0, now - this.#since) / 1000)
      this.#recorder.passed(now)
      if (this.#next > 0) this.#traced?.(this.#next)
    }
    if (this.#next < this.#touched.length || this.#pending.length > 0) {
      this.#clock.defer(this.#turn)
      return
    }
    this.#touched = []
    this.#next = 0
    this.#flushing = false
    this.#flushed = this.#feed.complete
  }

  #begin(): void {
    this.#since = this.#pending[0]?.at ?? 0
    const entries = this.#pending
    const flush = new Flush(entries)
    this.#pending = []
    this.#touched = []
    this.#next = 0
    for (const channel of flush.channels()) {
      const ofChannel = flush.of(channel)
      const followers = this.#registry.followers(channel)
      let live = 0
      for (const connection of followers) {
        if (connection.state !== 'live') {
          connection.skipEphemeral(ofChannel)
          continue
        }
        live++
        if (connection.lane === undefined) {
          connection.lane = flush.lane(connection.frames)
          this.#touched.push(connection)
        }
        connection.lane = connection.lane.with(channel)
      }
      this.#recorder.passing(ofChannel, live, followers.size - live)
    }
    if (this.#tracer && this.#touched.length > 0) this.#traced = this.#tracer.deliver(entries)
  }
}
