import type { Position } from '@fanline/protocol'
import type { Clock } from './clock.ts'
import type { Checkpoints, Connection } from './connection.ts'
import type { FanOut } from './fan-out.ts'
import type { Frames } from './frames.ts'
import type { HubOptions } from './options.ts'
import type { Registry } from './registry.ts'
import { encodeRun } from './run.ts'
import type { Run } from './sink.ts'

/** How often quiet streams are looked for, in milliseconds. */
const SWEEP_MS = 1000

/** A check costs next to nothing, a heartbeat a system call: a slice where all are due takes about two milliseconds. */
const CHECKS_PER_TURN = 256

/** One timer for all heartbeats, checkpoints, stall time-outs, and the bound of what waits for slow clients. */
export class Pulse implements Checkpoints {
  readonly #clock: Clock
  readonly #registry: Registry<Connection>
  readonly #fanOut: FanOut
  readonly #heartbeatMs: number
  readonly #bufferedBytes: number
  readonly #cancel: () => void
  readonly #runs = new Map<Frames, Run>()
  #now: number
  #lagMs = 0
  #sweep: Iterator<Connection> | undefined
  #position: Position | undefined
  /** Those whose sockets were full in this sweep. */
  #behind: Connection[] = []

  constructor(clock: Clock, registry: Registry<Connection>, fanOut: FanOut, options: HubOptions) {
    this.#clock = clock
    this.#registry = registry
    this.#fanOut = fanOut
    this.#heartbeatMs = options.delivery.heartbeatMs
    this.#bufferedBytes = options.limits.bufferedBytes
    this.#now = clock.now()
    this.#cancel = clock.every(SWEEP_MS, this.#tick)
  }

  /** The time of the last sweep, in milliseconds since 1970. */
  get now(): number {
    return this.#now
  }

  /** How late the last sweep began, in milliseconds. */
  get lagMs(): number {
    return this.#lagMs
  }

  get position(): Position | undefined {
    return this.#position
  }

  after(cursor: Position, frames: Frames): Run | undefined {
    const position = this.#position
    if (position === undefined || position <= cursor) return undefined
    let run = this.#runs.get(frames)
    if (!run) {
      const text = frames.dialect.control({ type: 'fanline.checkpoint', data: { live: true }, position })
      if (text === '') return undefined
      run = encodeRun(text)
      this.#runs.set(frames, run)
    }
    return run
  }

  stop(): void {
    this.#cancel()
    this.#sweep = undefined
  }

  readonly #tick = (): void => {
    const now = this.#clock.now()
    this.#lagMs = Math.max(0, now - this.#now - SWEEP_MS)
    this.#now = now
    if (this.#sweep) return
    this.#sweep = this.#registry.all()
    this.#turn()
  }

  readonly #turn = (): void => {
    // Asked anew in every slice: a fan-out may have begun between two of them.
    if (this.#position !== this.#fanOut.settled) {
      this.#position = this.#fanOut.settled
      this.#runs.clear()
    }
    for (let i = 0; i < CHECKS_PER_TURN; i++) {
      const step = this.#sweep?.next()
      if (!step || step.done) {
        this.#sweep = undefined
        this.#shed()
        return
      }
      const connection = step.value
      const { heartbeatMs = this.#heartbeatMs } = connection.frames.dialect
      connection.pulse(this.#now, this.#now - heartbeatMs, this)
      if (connection.state === 'behind') this.#behind.push(connection)
    }
    this.#clock.defer(this.#turn)
  }

  /** Keeps what waits for slow clients inside its bound: those for whom most waits are cut first, and read on later. */
  #shed(): void {
    const waiting = this.#behind.map((connection) => ({ connection, bytes: connection.bufferedBytes() }))
    this.#behind = []
    let total = waiting.reduce((sum, { bytes }) => sum + bytes, 0)
    if (total <= this.#bufferedBytes) return
    waiting.sort((a, b) => b.bytes - a.bytes)
    for (const { connection, bytes } of waiting) {
      if (total <= this.#bufferedBytes) return
      total -= bytes
      connection.cut('overloaded')
    }
  }
}
