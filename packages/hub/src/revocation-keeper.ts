import { type HubEvent, type Position, type ProblemError, toProblem, ZERO } from '@fanline/protocol'
import type { Access } from './authenticator.ts'
import type { Clock } from './clock.ts'
import { type Entry, type Log, REVOCATIONS_CHANNEL } from './log.ts'
import {
  liftedEvent,
  parseRevocation,
  type Revocation,
  type RevocationRequest,
  Revocations,
  revokedEvent,
} from './revocations.ts'

/** How often the log is rid of revocations that are over, in milliseconds. */
const TIDY_MS = 60_000

/** What a keeper of revocations works with. */
export interface RevocationKeeperParts {
  readonly log: Log
  readonly clock: Clock
  /** Sizes of a page that is read. */
  readonly pageEntries: number
  readonly pageBytes: number
  /** There are more of them, or fewer: streams may have to end. */
  readonly onChange: () => void
  readonly report: (problem: ProblemError) => void
}

/** Keeps revocations in the log, where every hub finds them, and out of it when they are over. */
export class RevocationKeeper {
  readonly #parts: RevocationKeeperParts
  readonly #revocations = new Revocations()
  #cancelTidying: () => void = () => undefined
  #isClosed = false

  constructor(parts: RevocationKeeperParts) {
    this.#parts = parts
  }

  /**
   * Learns what was revoked before, and hears of the rest. Answers the head of the log.
   * @throws ProblemError `log-unavailable`
   */
  async open(): Promise<Position> {
    await this.#parts.log.watch(REVOCATIONS_CHANNEL)
    const head = await this.#read(ZERO)
    if (!this.#isClosed) this.#cancelTidying = this.#parts.clock.every(TIDY_MS, () => void this.#tidy())
    return head
  }

  /** True when what somebody was let in by counts no more. */
  covers(access: Pick<Access, 'user' | 'credential'>): boolean {
    return this.#revocations.covers(access, this.#parts.clock.now())
  }

  /** Those in force, oldest first. */
  all(): Revocation[] {
    return this.#revocations.all(this.#parts.clock.now())
  }

  /** @throws ProblemError `revocation-invalid`, `user-invalid`, `too-many-revocations` or `log-unavailable` */
  async revoke(request: RevocationRequest): Promise<Revocation> {
    const now = this.#parts.clock.now()
    const revocation = parseRevocation(request, now)
    this.#revocations.mustHaveRoom(now)
    await this.#append(revokedEvent(revocation))
    return revocation
  }

  /** Answers false when none in force has this id. @throws ProblemError `log-unavailable` */
  async lift(id: string): Promise<boolean> {
    if (!this.#revocations.has(id, this.#parts.clock.now())) return false
    await this.#append(liftedEvent(id))
    return true
  }

  /** An entry of the channel was announced. */
  heard(entry: Pick<Entry, 'event' | 'position' | 'at'>): void {
    this.#revocations.apply(entry)
    this.#parts.onChange()
  }

  /** Announcements after this position were lost: what was revoked since is in the log. */
  async missed(after: Position): Promise<void> {
    try {
      await this.#read(after)
      this.#parts.onChange()
    } catch (error) {
      this.#parts.report(toProblem(error))
    }
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTidying()
  }

  /** Tells all nodes something, by the log; it counts here when this resolves. */
  async #append(event: HubEvent): Promise<void> {
    const { log, clock } = this.#parts
    const channels = [REVOCATIONS_CHANNEL]
    const draft = { channels, event, except: [], key: undefined, ephemeral: false }
    const [receipt] = await log.append([draft])
    this.heard({ event, position: receipt!.position, at: clock.now() })
  }

  /** Reads what was revoked after a position. Answers the head. */
  async #read(start: Position): Promise<Position> {
    const { log, pageEntries: maxEntries, pageBytes: maxBytes } = this.#parts
    let after = start
    for (;;) {
      const page = await log.read({ channels: [REVOCATIONS_CHANNEL], after, maxEntries, maxBytes })
      for (const entry of page.entries) this.#revocations.apply(entry)
      after = page.through
      if (page.reachedHead) return after
    }
  }

  /** What speaks of revocations that are over leaves the log: no limit of the history applies to it. */
  async #tidy(): Promise<void> {
    const { log, clock, report } = this.#parts
    const positions = this.#revocations.spent(clock.now())
    if (positions.length === 0) return
    try {
      await log.removeRevocations(positions)
      this.#revocations.removed(positions)
    } catch (error) {
      // They stay, and are tried again.
      if (!this.#isClosed) report(toProblem(error))
    }
  }
}
