import type { ChannelName, Position } from '@fanline/protocol'
import type { Clock } from './clock.ts'
import { SIGN_OF_LIFE_MS } from './stream-producer.ts'
import { LEASE_MS, type StreamReader } from './stream-reader.ts'

interface Lease {
  readonly id: Position
  /** Where the last thing that was heard stands. */
  readonly position: Position
  readonly heardAt: number
  /** Looked for in the log since, and not found. */
  isMissed: boolean
}

/** What keeps an eye on the streams of others. */
export interface StreamLeasesParts {
  readonly clock: Clock
  readonly reader: StreamReader
  /** True while somebody here reads the channel. */
  readonly isRead: (channel: ChannelName) => boolean
  /** Says in the log that a stream is dead. */
  readonly bury: (channel: ChannelName, id: Position) => Promise<unknown>
  readonly report: (error: unknown) => void
}

/**
 * Streams that others produce, and whose readers are here. One that gave no sign of life is looked for in the log, and
 * looked for again a moment later; if it is not there either, its producer is taken for dead, and the log is told.
 */
export class StreamLeases {
  readonly #parts: StreamLeasesParts
  readonly #leases = new Map<ChannelName, Lease>()
  #cancelLooking: (() => void) | undefined

  constructor(parts: StreamLeasesParts) {
    this.#parts = parts
  }

  /** A stream said something. */
  heard(channel: ChannelName, id: Position, position: Position): void {
    const known = this.#leases.get(channel)
    if (known && (id < known.id || position < known.position)) return
    this.#leases.set(channel, { id, position, heardAt: this.#parts.clock.now(), isMissed: false })
    this.#cancelLooking ??= this.#parts.clock.every(SIGN_OF_LIFE_MS, () => this.#look())
  }

  /** A stream has ended, or its producer is this hub's own. */
  forget(channel: ChannelName, id: Position): void {
    if (this.#leases.get(channel)?.id !== id) return
    this.#leases.delete(channel)
    if (this.#leases.size === 0) this.close()
  }

  close(): void {
    this.#cancelLooking?.()
    this.#cancelLooking = undefined
    this.#leases.clear()
  }

  #look(): void {
    const { clock, isRead, report } = this.#parts
    for (const [channel, lease] of this.#leases) {
      if (clock.now() - lease.heardAt < LEASE_MS) continue
      if (isRead(channel)) this.#lookFor(channel, lease).catch(report)
      else this.forget(channel, lease.id)
    }
  }

  /** @throws ProblemError `log-unavailable`; then it is looked for again */
  async #lookFor(channel: ChannelName, lease: Lease): Promise<void> {
    const wasMissed = lease.isMissed
    lease.isMissed = false
    const { reader, bury } = this.#parts
    const found = await reader.newestAfter(channel, lease.position)
    if (this.#leases.get(channel) !== lease) return
    if (found && !found.end) {
      this.heard(channel, found.id, found.position)
    } else if (found) {
      this.forget(channel, lease.id)
    } else if (wasMissed) {
      await bury(channel, lease.id)
      this.forget(channel, lease.id)
    } else {
      lease.isMissed = true
    }
  }
}
