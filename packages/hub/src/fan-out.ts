import type { Position } from '@fanline/protocol'
import type { Clock } from './clock.ts'
import type { Connection } from './connection.ts'
import { FairTurn } from './fair-turn.ts'
import type { Feed } from './feed.ts'
import type { Histogram } from './histogram.ts'
import { Flush } from './lane.ts'
import type { Entry } from './log.ts'
import type { FlightRecorder } from './recorder.ts'
import type { Registry } from './registry.ts'
import type { Tracer } from './tracer.ts'

/** A write costs about 7 µs, so this is a slice of one to two milliseconds, which it has in any case. */
const WRITES_PER_TURN = 256

/** What the kernel takes to copy comes on top for large events: some 300 µs for so much, and 20 ms where it must find memory. */
const LENGTH_PER_TURN = 512 * 1024

/** What surrounds the data of an event on the wire, about. */
const ENVELOPE_LENGTH = 50

/** What a fan-out works with. */
export interface FanOutParts {
  readonly clock: Clock
  readonly registry: Registry<Connection>
  readonly feed: Feed
  /** Gets one value for each flush: of its oldest entry, when its last connection has it, in seconds. */
  readonly durations: Histogram
  readonly recorder: FlightRecorder
  readonly tracer: Tracer | undefined
  /** From here on a flush gets hardly cheaper by more, in characters. */
  readonly flushLength: number
  /** So much may wait for a flush, in characters. */
  readonly waitingLength: number
}

/**
 * Carries announced entries to live connections. All entries of one turn of the event loop leave in one write per
 * connection, and connections that have the same entries to write share the bytes: the system call is the cost.
 */
export class FanOut {
  readonly #parts: FanOutParts
  readonly #fair: FairTurn
  /** Entries that wait for the next flush, and their length. */
  #pending: Entry[] = []
  #pendingLength = 0
  /** Resolves when the next flush begins, where somebody waits for that. */
  #room: Promise<void> | undefined
  #makeRoom: (() => void) | undefined
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

  constructor(parts: FanOutParts) {
    this.#parts = parts
    this.#fair = new FairTurn(parts.clock)
    this.#flushed = parts.feed.complete
  }

  /** Every live connection has been handed all its entries up to here; undefined while some wait. */
  get settled(): Position | undefined {
    return this.#flushing ? undefined : this.#flushed
  }

  /**
   * Resolves when the next flush begins; undefined while it has room. Publishers that did not wait for it would take
   * the event loop from those who read, and what waits would grow without end.
   */
  room(): Promise<void> | undefined {
    if (this.#pendingLength < this.#parts.flushLength) return undefined
    this.#room ??= new Promise((resolve) => {
      this.#makeRoom = resolve
    })
    return this.#room
  }

  push(batch: readonly Entry[]): void {
    for (const entry of batch) {
      this.#pending.push(entry)
      this.#pendingLength += ENVELOPE_LENGTH + entry.event.data.length
    }
    if (this.#flushing) return
    this.#flushing = true
    this.#defer()
  }

  #defer(): void {
    this.#fair.wait()
    this.#parts.clock.defer(this.#turn)
  }

  /** One slice. While writes are left, new entries wait for the next flush, and so coalesce under load. */
  readonly #turn = (): void => {
    this.#fair.begin()
    if (this.#next === this.#touched.length) this.#begin()
    let writes = 0
    let length = 0
    const isShort = (): boolean => writes < WRITES_PER_TURN && length < LENGTH_PER_TURN
    while (this.#next < this.#touched.length && (isShort() || this.#fair.hasTime())) {
      const connection = this.#touched[this.#next++]!
      const lane = connection.lane
      connection.lane = undefined
      if (!lane) continue
      connection.deliver(lane)
      writes++
      length += lane.length
    }
    if (this.#next === this.#touched.length) {
      const { clock, durations, recorder } = this.#parts
      const now = clock.now()
      if (this.#next > 0) durations.add(Math.max(0, now - this.#since) / 1000)
      recorder.passed(now)
      if (this.#next > 0) this.#traced?.(this.#next)
    }
    if (this.#next < this.#touched.length || this.#pending.length > 0) {
      this.#defer()
      return
    }
    this.#touched = []
    this.#next = 0
    this.#flushing = false
    this.#flushed = this.#parts.feed.complete
  }

  #begin(): void {
    const { registry, recorder, tracer, waitingLength } = this.#parts
    const isTooMuch = this.#pendingLength > waitingLength
    this.#since = this.#pending[0]?.at ?? 0
    const entries = this.#pending
    const flush = new Flush(entries)
    this.#pending = []
    this.#pendingLength = 0
    this.#touched = []
    this.#next = 0
    this.#makeRoom?.()
    this.#room = undefined
    for (const channel of flush.channels()) {
      const ofChannel = flush.of(channel)
      const followers = registry.followers(channel)
      let live = 0
      for (const connection of followers) {
        // Hubs that share the log may publish more than this one can carry. What it cannot hold is in the log.
        if (isTooMuch) connection.fallBack()
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
      recorder.passing(ofChannel, live, followers.size - live)
    }
    if (tracer && this.#touched.length > 0) this.#traced = tracer.deliver(entries)
  }
}
