/** A log on the disk of this machine, for one process. Needs the package `lmdb`. */
import { mkdir, rm } from 'node:fs/promises'
import { ProblemError, positionAt, ZERO } from '@fanline/protocol'
import { type Clock, systemClock } from '../clock.ts'
import type { Draft, Log, LogHealth, LogListener, LogPage, LogQuery, LogStats, Receipt } from '../log.ts'
import { type HubOptions, parseHubOptions } from '../options.ts'
import { DirectoryClaim } from './disk/directory-claim.ts'
import { DISK_DURABILITIES, DISK_PROMISES, type DiskDurability } from './disk/durability.ts'
import { newState, withHole } from './disk/log-state.ts'
import { Reader } from './disk/reader.ts'
import { beginSession, endSession, lastSession } from './disk/session.ts'
import { Change, Store, storeFiles } from './disk/store.ts'
import { writeProblem } from './disk/write-problem.ts'
import { type Batch, Writer } from './disk/writer.ts'
import { PageCache } from './page-cache.ts'

export { DISK_DURABILITIES, DISK_PROMISES, type DiskDurability } from './disk/durability.ts'

/** How often aged events are looked for when nobody publishes, in milliseconds. */
const SWEEP_MS = 10_000

/** After a failed write, how long until the next is tried although nobody publishes; milliseconds. */
const RETRY_MS = 1000

/** One commit takes no more drafts than these, nor more characters of data, so that neither waits for long. */
const DRAFTS_PER_COMMIT = 1000
const LENGTH_PER_COMMIT = 4 * 1024 * 1024

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

/** What there is between opening and closing. */
interface Opened {
  readonly listener: LogListener
  readonly claim: DirectoryClaim
  readonly store: Store
  readonly reader: Reader
  readonly writer: Writer
}

class DiskLog implements Log {
  readonly #path: string
  readonly #durability: DiskDurability
  readonly #history: HubOptions['history']
  readonly #idempotency: HubOptions['idempotency']
  readonly #clock: Clock
  readonly #pages = new PageCache()
  #opened: Opened | undefined
  readonly #queue: Append[] = []
  /** Ends when nothing is left to write; undefined while there is nothing. */
  #working: Promise<void> | undefined
  /** What the last write failed of. */
  #failure: ProblemError | undefined
  #cancelSweep: () => void = () => undefined
  #cancelRetry: () => void = () => undefined

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
    const claim = await claimOf(this.#path)
    try {
      const store = await this.#openStore()
      const reader = new Reader(store, this.#history)
      const writer = new Writer(store, store.state()!, this.#history, this.#idempotency)
      this.#opened = { listener, claim, store, reader, writer }
    } catch (error) {
      await claim.end()
      throw error
    }
    this.#cancelSweep = this.#clock.every(SWEEP_MS, () => this.#wake())
  }

  append(drafts: readonly Draft[]): Promise<readonly Receipt[]> {
    return new Promise((resolve, reject) => {
      if (!this.#opened) throw new ProblemError('log-unavailable', 'It is not open.')
      this.#queue.push({ drafts, resolve, reject })
      this.#wake()
    })
  }

  read(query: LogQuery): Promise<LogPage> {
    return this.#pages.get(query, async () => {
      if (!this.#opened) throw new ProblemError('log-unavailable', 'It is not open.')
      try {
        return this.#opened.reader.read(query, this.#clock.now())
      } catch (cause) {
        throw new ProblemError('log-unavailable', undefined, { cause })
      }
    })
  }

  async watch(): Promise<void> {
    // Everything is announced.
  }

  unwatch(): void {
    // Everything is announced.
  }

  stats(): LogStats {
    const { entries = 0, bytes = 0, channels = 0 } = this.#opened?.writer.state ?? {}
    return { events: entries, bytes, channels }
  }

  health(): LogHealth {
    return {
      isReady: this.#opened !== undefined && !this.#failure,
      roundTripMs: null,
      promise: DISK_PROMISES[this.#durability],
      warnings: this.#failure ? [`The last write failed: ${describe(this.#failure)}`] : [],
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened
    if (!opened) return
    this.#opened = undefined
    this.#cancelSweep()
    this.#cancelRetry()
    await this.#working
    await opened.store.close()
    await endSession(this.#path, this.#durability)
    await opened.claim.end()
  }

  async #openStore(): Promise<Store> {
    const last = await lastSession(this.#path)
    if (last === 'lost') for (const file of storeFiles(this.#path)) await rm(file, { force: true })
    await beginSession(this.#path, this.#durability)
    const store = await Store.open(this.#path, this.#durability, this.#history.totalBytes)
    const now = positionAt(this.#clock.now())
    const state = store.state()
    if (!state) await store.commit(new Change(), newState(now))
    else if (last !== 'whole') await store.commit(new Change(), withHole(state, now))
    return store
  }

  #wake(): void {
    if (!this.#opened || this.#working) return
    this.#working = this.#work(this.#opened)
  }

  /** Commits what waits, as much at a time as there is: while one commit is under way, the next one grows. */
  async #work(opened: Opened): Promise<void> {
    for (;;) {
      // Appends of the same turn, and of those who were just answered, go together.
      await new Promise<void>((resolve) => this.#clock.defer(resolve))
      const isProgress = await this.#commit(opened, this.#takeCalls())
      if (this.#queue.length > 0) continue
      if (isProgress && opened.writer.hasMore(this.#clock.now())) continue
      this.#working = undefined
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
      if (count > 0 && (drafts > DRAFTS_PER_COMMIT || length > LENGTH_PER_COMMIT)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  /** Answers whether there was something to write, and it was written. Never rejects. */
  async #commit(opened: Opened, calls: readonly Append[]): Promise<boolean> {
    const { listener, store, writer } = opened
    let batch: Batch | undefined
    try {
      if (this.#failure) {
        await store.heal()
        writer.undo()
      }
      batch = writer.prepare(
        calls.flatMap(({ drafts }) => drafts),
        this.#clock.now(),
      )
      const isNeeded = batch.change.steps.length > 0 || this.#failure !== undefined
      if (isNeeded) await store.commit(batch.change, batch.state)
      writer.keep()
      this.#failure = undefined
      if (batch.entries.length > 0) listener.entries(batch.entries)
      // A batch can be larger than the whole log may be.
      while (writer.isOverCap && (await this.#commit(opened, [])));
      answer(calls, batch.receipts)
      return isNeeded
    } catch (cause) {
      await this.#failed(opened, calls, batch, cause)
      return false
    }
  }

  async #failed(
    { listener, store, writer }: Opened,
    calls: readonly Append[],
    batch: Batch | undefined,
    cause: unknown,
  ): Promise<void> {
    this.#failure = await writeProblem(this.#path, batch?.change.bytes ?? 0, cause)
    this.#cancelRetry()
    if (this.#opened) this.#cancelRetry = this.#clock.after(RETRY_MS, () => this.#wake())
    // Where only the flush failed, the events are there, and everybody will read them.
    if (batch && (await isStored(store, batch))) {
      writer.keep()
      listener.entries(batch.entries)
      if (this.#durability !== 'group') return answer(calls, batch.receipts)
    }
    for (const { reject } of calls) reject(this.#failure)
  }
}

/** @throws Error when there can be no such directory, or another process has it */
async function claimOf(path: string): Promise<DirectoryClaim> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    return await DirectoryClaim.make(path)
  } catch (cause) {
    // Errors of the system speak of calls; those of the claim say what is the matter.
    const { code, message } = cause as NodeJS.ErrnoException
    throw code === undefined
      ? cause
      : new Error(`The directory ${path} cannot be used: ${message}`, { cause })
  }
}

/** Gives each call the receipts of its drafts. */
function answer(calls: readonly Append[], receipts: readonly Receipt[]): void {
  let start = 0
  for (const { drafts, resolve } of calls) {
    resolve(receipts.slice(start, start + drafts.length))
    start += drafts.length
  }
}

/** True when the store shows what a commit that failed was to bring. */
async function isStored(store: Store, batch: Batch): Promise<boolean> {
  const last = batch.receipts.findLast(({ position, duplicate }) => position !== null && !duplicate)?.position
  try {
    await store.heal()
    return last != null && (store.state()?.head ?? ZERO) >= last
  } catch {
    // It cannot be read either. The next commit tries again.
    return false
  }
}

function describe({ message, cause }: ProblemError): string {
  return cause instanceof Error ? cause.message : message
}
