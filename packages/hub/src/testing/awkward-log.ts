import { type ChannelName, connectionOf, type Position, ZERO } from '@fanline/protocol'
import type { Clock } from '../clock.ts'
import type { Draft, Entry, Gap, Log, LogListener, LogPage, LogQuery, LogStats, Receipt } from '../log.ts'

/** How awkward a log may be. */
export interface AwkwardLogOptions {
  /** Its turns, its time and its chance: the same clock with the same seed gives the same awkwardness. */
  readonly clock: Clock
  /** Now and then announcements are lost, which `gap` admits; true when absent. */
  readonly interruptions?: boolean
  /** An interruption may also lose what was stored: reads then say `rollback`; true when absent. */
  readonly losses?: boolean
}

/** A log that keeps its promises, but only just. */
export interface AwkwardLog extends Log {
  /** From now on nothing is held back for long, and nothing more is lost. */
  calm(): void
}

/** How long announcements are held when they are late, in turns of the event loop. */
const HOLD_TURNS = 32

/** What was stored and is no more: everything after one position up to another. */
type Hole = Pick<Gap, 'after' | 'through'>

/**
 * Makes a log as awkward as its port allows: everything takes some turns, what is announced comes late and in pieces,
 * only watched channels are announced, announcements are lost, and what was acknowledged may be, too. A hub that works
 * on this one works on a log at the other end of a bad network.
 */
export function awkwardLog(log: Log, options: AwkwardLogOptions): AwkwardLog {
  return new Awkward(log, options)
}

class Awkward implements AwkwardLog {
  readonly #log: Log
  readonly #clock: Clock
  readonly #interruptions: boolean
  readonly #losses: boolean
  #listener: LogListener | undefined
  #isCalm = false
  /** Ends when the latest append has its place: appends keep the order of their calls. */
  #ordered: Promise<unknown> = Promise.resolve()
  readonly #wanted = new Set<ChannelName>()
  readonly #watched = new Set<ChannelName>()
  /** Stored, and not announced yet. */
  #queue: Entry[] = []
  #scheduled = false
  #heldTurns = 0
  readonly #holes: Hole[] = []

  constructor(log: Log, { clock, interruptions = true, losses = true }: AwkwardLogOptions) {
    this.#log = log
    this.#clock = clock
    this.#interruptions = interruptions
    this.#losses = losses
  }

  async open(listener: LogListener): Promise<void> {
    this.#listener = listener
    await this.#turns()
    await this.#log.open({
      entries: (batch) => this.#stored(batch),
      gap: (gap) => this.#listener?.gap(gap),
    })
  }

  async append(drafts: readonly Draft[]): Promise<readonly Receipt[]> {
    const appended = this.#ordered.then(() => this.#turns()).then(() => this.#log.append(drafts))
    // A refused append is its caller's business; the next one goes on behind it.
    this.#ordered = appended.catch(() => undefined)
    const receipts = await appended
    await this.#turns()
    return receipts
  }

  async read(query: LogQuery): Promise<LogPage> {
    await this.#turns()
    const page = this.#withHoles(query, await this.#log.read(query))
    await this.#turns()
    return page
  }

  async watch(channel: ChannelName): Promise<void> {
    this.#wanted.add(channel)
    await this.#turns()
    await this.#log.watch(channel)
    if (this.#wanted.has(channel)) this.#watched.add(channel)
    await this.#turns()
  }

  unwatch(channel: ChannelName): void {
    this.#wanted.delete(channel)
    this.#watched.delete(channel)
    this.#log.unwatch(channel)
  }

  async removeRevocations(positions: readonly Position[]): Promise<void> {
    await this.#turns()
    await this.#log.removeRevocations(positions)
  }

  stats(): LogStats {
    return this.#log.stats?.() ?? { events: 0, bytes: 0, channels: 0 }
  }

  calm(): void {
    this.#isCalm = true
  }

  async close(): Promise<void> {
    this.#listener = undefined
    this.#queue = []
    await this.#log.close()
  }

  #stored(batch: readonly Entry[]): void {
    for (const entry of batch) {
      if (this.#watched.has(entry.channel) || connectionOf(entry.channel) !== undefined) {
        this.#queue.push(entry)
      }
    }
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0) return
    this.#scheduled = true
    this.#clock.defer(this.#announceSome)
  }

  readonly #announceSome = (): void => {
    this.#scheduled = false
    if (this.#queue.length === 0) return
    if (this.#heldTurns > 0 && !this.#isCalm) this.#heldTurns--
    else this.#fate()()
    this.#schedule()
  }

  /** What happens to the announcements that wait. */
  #fate(): () => void {
    if (this.#isCalm) return () => this.#announce(this.#queue.length)
    const dice = this.#upTo(16)
    if (dice === 1) {
      return () => {
        this.#heldTurns = this.#upTo(HOLD_TURNS)
      }
    }
    const count = this.#upTo(this.#queue.length)
    if (dice === 2 && this.#interruptions) return () => this.#interrupt(count)
    return () => this.#announce(count)
  }

  /** Hands the first entries of the queue over. The entries of an event without position stay together. */
  #announce(count: number): void {
    let end = count
    while (this.#isInsideEphemeral(end)) end++
    const batch = this.#queue.splice(0, end)
    this.#listener?.entries(batch)
  }

  #isInsideEphemeral(index: number): boolean {
    const entry = this.#queue[index]
    return entry?.position === null && this.#queue[index - 1]?.event === entry.event
  }

  /** The announcements of the first stored entries of the queue never arrive; before any later one, that is admitted. */
  #interrupt(count: number): void {
    const affected = this.#queue.splice(0, count)
    const kept = affected.filter((entry) => entry.position === null)
    this.#queue.unshift(...kept)
    const dropped = affected.filter(
      (entry): entry is Entry & { position: Position } => entry.position !== null,
    )
    const first = dropped.at(0)
    const last = dropped.at(-1)
    if (!first || !last) return
    const hole: Hole = { after: (first.position - 1) as Position, through: last.position }
    const isLost = this.#losses && this.#oneIn(2)
    if (isLost) this.#holes.push(hole)
    // A hole in the store may concern any channel; lost announcements only those that had some.
    const channels = isLost ? this.#watched : new Set(dropped.map((entry) => entry.channel))
    for (const channel of channels) this.#listener?.gap({ channel, ...hole, reason: 'rollback' })
  }

  #withHoles(query: LogQuery, page: LogPage): LogPage {
    if (query.after === null || this.#holes.length === 0) return page
    // Who came with a bad cursor is read everything.
    const after = page.gaps.some((gap) => gap.reason === 'bad-cursor') ? ZERO : query.after
    const gaps = [...page.gaps]
    for (const hole of this.#holes) {
      if (hole.through <= after || hole.after >= page.through) continue
      const part = {
        after: Math.max(hole.after, after) as Position,
        through: Math.min(hole.through, page.through) as Position,
      }
      for (const channel of query.channels) gaps.push({ channel, ...part, reason: 'rollback' })
    }
    return { ...page, gaps, entries: page.entries.filter((entry) => !this.#isLost(entry)) }
  }

  #isLost({ position }: Entry): boolean {
    return position !== null && this.#holes.some((hole) => position > hole.after && position <= hole.through)
  }

  async #turns(): Promise<void> {
    const count = this.#isCalm ? 0 : this.#upTo(4) - 1
    for (let turn = 0; turn < count; turn++) {
      await new Promise<void>((resolve) => this.#clock.defer(resolve))
    }
  }

  /** From 1 to `n`. */
  #upTo(n: number): number {
    return 1 + Math.floor(this.#clock.random() * n)
  }

  #oneIn(n: number): boolean {
    return this.#clock.random() * n < 1
  }
}
