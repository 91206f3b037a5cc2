/** A log on the disk of this machine, for one process. Needs the package `lmdb`. */
import { type Position, ProblemError } from '@fanline/protocol'
import { type Clock, systemClock } from '../clock.ts'
import type { Draft, Log, LogHealth, LogListener, LogPage, LogQuery, LogStats, Receipt } from '../log.ts'
import { type HubOptions, parseHubOptions } from '../options.ts'
import { Disk } from './disk/disk.ts'
import { DISK_DURABILITIES, DISK_PROMISES, type DiskDurability, FLUSH_MS } from './disk/durability.ts'
import type { Ordered } from './disk/sequencer.ts'
import { PageCache } from './page-cache.ts'

export { DISK_DURABILITIES, DISK_PROMISES, type DiskDurability } from './disk/durability.ts'

/** How often aged events are looked for when nobody publishes, in milliseconds. */
const SWEEP_MS = 10_000

/** After a failed write, how long until the next is tried although nobody publishes; milliseconds. */
const RETRY_MS = 1000

/** So many drafts, or characters of data, are put in order together at the most. */
const DRAFTS_PER_STEP = 500
const LENGTH_PER_STEP = 4 * 1024 * 1024

/** How a log on disk keeps its promises. */
export interface DiskLogOptions {
  /** The directory that holds it, made when there is none. It belongs to one process at a time. */
  readonly path: string
  /** When an append is acknowledged; `group`, which means after the flush, when absent. */
  readonly durability?: DiskDurability | undefined
  readonly history?: Partial<HubOptions['history']> | undefined
  readonly idempotency?: Partial<HubOptions['idempotency']> | undefined
  readonly clock?: Clock | undefined
}

/**
 * A log in a directory of this machine. What was acknowledged is still there after a crash, as far as the durability
 * goes; what may be missing is told as a gap. Opening it fails, with a message for an operator, when another process
 * has the directory, or when its files are damaged.
 * @throws ProblemError `option-invalid`
 */
export function diskLog(options: DiskLogOptions): Log {
  return new DiskLog(options)
}

interface Append {
  readonly drafts: readonly Draft[]
  resolve(receipts: readonly Receipt[]): void
  reject(error: unknown): void
}

class DiskLog implements Log {
  readonly #path: string
  readonly #durability: DiskDurability
  readonly #history: HubOptions['history']
  readonly #idempotency: HubOptions['idempotency']
  readonly #clock: Clock
  readonly #pages = new PageCache()
  #disk: Disk | undefined
  #listener: LogListener | undefined
  readonly #queue: Append[] = []
  /** Ends when nothing waits for an answer any more; undefined while nothing does. */
  #answering: Promise<void> | undefined
  /** Ends when what was acknowledged before is flushed; undefined while nothing is. */
  #flushing: Promise<void> | undefined
  /** What the last write failed of. */
  #failure: ProblemError | undefined
  #cancelSweep: () => void = () => undefined
  #cancelRetry: () => void = () => undefined
  #cancelFlush: (() => void) | undefined

  constructor({ path, durability = 'group', history, idempotency, clock = systemClock }: DiskLogOptions) {
    if (!DISK_DURABILITIES.includes(durability)) {
      throw new ProblemError('option-invalid', `durability is one of ${DISK_DURABILITIES.join(', ')}.`)
    }
    const options = parseHubOptions({ history: history ?? {}, idempotency: idempotency ?? {} })
    this.#path = path
    this.#durability = durability
    this.#history = options.history
    this.#idempotency = options.idempotency
    this.#clock = clock
  }

  async open(listener: LogListener): Promise<void> {
    const options = {
      path: this.#path,
      durability: this.#durability,
      history: this.#history,
      idempotency: this.#idempotency,
    }
    this.#disk = await Disk.open(options, this.#clock.now())
    this.#listener = listener
    this.#cancelSweep = this.#clock.every(SWEEP_MS, () => this.#wake())
    this.#wake()
  }

  append(drafts: readonly Draft[]): Promise<readonly Receipt[]> {
    return new Promise((resolve, reject) => {
      if (!this.#disk) throw new ProblemError('log-unavailable', 'It is not open.')
      this.#queue.push({ drafts, resolve, reject })
      this.#wake()
    })
  }

  read(query: LogQuery): Promise<LogPage> {
    return this.#pages.get(query, async () => {
      if (!this.#disk) throw new ProblemError('log-unavailable', 'It is not open.')
      if (this.#disk.hasNoted) await this.#flushFor(this.#disk, query)
      try {
        return this.#disk.read(query, this.#clock.now())
      } catch (cause) {
        throw new ProblemError('log-unavailable', undefined, { cause })
      }
    })
  }

  /** Where it cannot be flushed, what can be read is still read; but who has heard more must not be told otherwise. */
  async #flushFor(disk: Disk, { after }: LogQuery): Promise<void> {
    try {
      await this.#flushAll(disk)
    } catch (cause) {
      if ((after ?? 0) > disk.state.head) throw new ProblemError('log-unavailable', undefined, { cause })
    }
  }

  async watch(): Promise<void> {
    // Everything is announced.
  }

  unwatch(): void {
    // Everything is announced.
  }

  async removeRevocations(positions: readonly Position[]): Promise<void> {
    const disk = this.#disk
    if (!disk) throw new ProblemError('log-unavailable', 'It is not open.')
    disk.removeRevocations(positions)
    if (this.#durability === 'group') await this.append([])
    else while (disk.hasUnwanted) await this.#flush(disk)
  }

  stats(): LogStats {
    const { entries = 0, bytes = 0, channels = 0 } = this.#disk?.state ?? {}
    return { events: entries, bytes, channels }
  }

  health(): LogHealth {
    return {
      isReady: this.#disk !== undefined && !this.#failure,
      canary: null,
      promise: DISK_PROMISES[this.#durability],
      warnings: this.#failure ? [`The last write failed: ${describe(this.#failure)}`] : [],
    }
  }

  async close(): Promise<void> {
    const disk = this.#disk
    if (!disk) return
    this.#disk = undefined
    this.#cancelSweep()
    this.#cancelRetry()
    this.#cancelFlush?.()
    await this.#answering
    await this.#flushing?.catch(() => undefined)
    await disk.close(this.#clock.now())
    this.#listener = undefined
  }

  #wake(): void {
    if (this.#disk && !this.#answering) this.#answering = this.#answerAll(this.#disk)
  }

  /** Answers what waits, as much at a time as there is: while one write is under way, the next one grows. */
  async #answerAll(disk: Disk): Promise<void> {
    for (;;) {
      // Appends of the same turn, and of those who were just answered, go together.
      await new Promise<void>((resolve) => this.#clock.defer(resolve))
      const isProgress = await this.#answer(disk, this.#takeCalls())
      if (this.#queue.length > 0 || (isProgress && disk.hasMore(this.#clock.now()))) continue
      this.#answering = undefined
      return
    }
  }

  #takeCalls(): Append[] {
    let count = 0
    let drafts = 0
    let length = 0
    for (const call of this.#queue) {
      drafts += call.drafts.length
      for (const { event } of call.drafts) length += event.data.length
      if (count > 0 && (drafts > DRAFTS_PER_STEP || length > LENGTH_PER_STEP)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  /** Answers some calls, and whether something was written to the store for it. Never rejects. */
  async #answer(disk: Disk, calls: readonly Append[]): Promise<boolean> {
    const drafts = calls.flatMap((call) => call.drafts)
    const { ordered, receipts, entries, undo } = disk.order(drafts, this.#clock.now())
    try {
      const isProgress = await this.#keep(disk, ordered)
      if (entries.length > 0) this.#listener?.entries(entries)
      settle(calls, receipts)
      return isProgress
    } catch (error) {
      undo()
      this.#failed(error as ProblemError)
      for (const { reject } of calls) reject(error)
      return false
    }
  }

  /** Makes sure of drafts, as far as the durability asks for. */
  async #keep(disk: Disk, ordered: readonly Ordered[]): Promise<boolean> {
    if (this.#durability === 'group') {
      const isProgress = await disk.store(ordered, this.#clock.now())
      this.#failure = undefined
      return isProgress
    }
    // What cannot be stored in the end is not accepted.
    if (disk.isBehind || this.#failure) await this.#flush(disk)
    if (ordered.length > 0) await disk.note(ordered)
    this.#flushLater(disk)
    return false
  }

  /** Flushes when the time has come, or at once when much waits. */
  #flushLater(disk: Disk): void {
    if (disk.hasManyNoted) this.#flushAside(disk)
    else this.#cancelFlush ??= this.#clock.after(FLUSH_MS[this.#durability], () => this.#flushAside(disk))
  }

  /** Flushes while nobody waits for it. */
  #flushAside(disk: Disk): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    this.#flush(disk).catch((error: ProblemError) => this.#failed(error))
  }

  /** Flushes what was acknowledged up to now. */
  async #flushAll(disk: Disk): Promise<void> {
    const wanted = disk.notedHead
    while (disk.flushedHead < wanted) await this.#flush(disk)
  }

  /** One at a time: who comes while it is under way waits for it, and may have to ask again. */
  #flush(disk: Disk): Promise<void> {
    this.#flushing ??= this.#flushOnce(disk)
    return this.#flushing
  }

  async #flushOnce(disk: Disk): Promise<void> {
    let isProgress: boolean
    try {
      isProgress = await disk.flush(this.#clock.now())
      this.#failure = undefined
    } finally {
      this.#flushing = undefined
    }
    const isDone = !disk.hasNoted && !(isProgress && disk.hasMore(this.#clock.now()))
    if (this.#disk && !isDone) this.#flushLater(disk)
  }

  /** Tries again in a moment, although nobody publishes: readiness must not wait for a publisher. */
  #failed(problem: ProblemError): void {
    this.#failure = problem
    this.#cancelRetry()
    if (this.#disk) this.#cancelRetry = this.#clock.after(RETRY_MS, () => this.#wake())
  }
}

/** Gives each call the receipts of its drafts. */
function settle(calls: readonly Append[], receipts: readonly Receipt[]): void {
  let start = 0
  for (const { drafts, resolve } of calls) {
    resolve(receipts.slice(start, start + drafts.length))
    start += drafts.length
  }
}

function describe({ message, cause }: ProblemError): string {
  return cause instanceof Error ? cause.message : message
}
