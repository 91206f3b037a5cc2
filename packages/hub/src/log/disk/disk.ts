import { mkdir } from 'node:fs/promises'
import { type Position, positionAt, ZERO } from '@fanline/protocol'
import type { Draft, LogPage, LogQuery } from '../../log.ts'
import type { HubOptions } from '../../options.ts'
import { DirectoryClaim } from './directory-claim.ts'
import type { DiskDurability } from './durability.ts'
import { Journal } from './journal.ts'
import { positionKey } from './keys.ts'
import { KnownKeys } from './known-keys.ts'
import { type LogState, newState, withHole } from './log-state.ts'
import { Reader } from './reader.ts'
import { type Ordered, type Sequence, Sequencer } from './sequencer.ts'
import { Change, Store } from './store.ts'
import { writeProblem } from './write-problem.ts'
import { Writer } from './writer.ts'

/** One commit takes no more drafts than these: a few milliseconds of this thread. */
const DRAFTS_PER_COMMIT = 500

/** With so many drafts in the journal, the next flush should not be waited for any longer. */
const MANY_NOTED = 1000

/** With so many, no more are taken before it: what one flush has to do must not grow without end. */
const MAX_NOTED = 5000

/** What belongs to a log in a directory. */
export interface DiskOptions {
  readonly path: string
  readonly durability: DiskDurability
  readonly history: HubOptions['history']
  readonly idempotency: HubOptions['idempotency']
}

interface DiskParts {
  readonly claim: DirectoryClaim
  readonly store: Store
  readonly journal: Journal
  readonly keys: KnownKeys
  readonly writer: Writer
}

/**
 * A log in its directory: what is flushed lies in the store, what is acknowledged before that waits in the journal. Two
 * calls that write are never under way at once, but for {@link Disk.note}, which may be while {@link Disk.flush} is.
 */
export class Disk {
  readonly #path: string
  readonly #claim: DirectoryClaim
  readonly #store: Store
  readonly #journal: Journal
  readonly #reader: Reader
  readonly #writer: Writer
  #sequencer: Sequencer
  #state: LogState
  /** In the journal, and not yet in the store; those that were there when it was last turned first. */
  #turned: Ordered[] = []
  #noted: Ordered[] = []
  #notedHead = ZERO
  #flushedHead = ZERO
  #noting: Promise<void> | undefined
  /** Revocations that the next change removes. */
  #unwanted: Position[] = []
  #hasFailed = false

  private constructor({ path, history }: DiskOptions, { claim, store, journal, keys, writer }: DiskParts) {
    this.#path = path
    this.#claim = claim
    this.#store = store
    this.#journal = journal
    this.#writer = writer
    this.#reader = new Reader(store, history)
    this.#sequencer = new Sequencer(writer.state.head, keys)
    this.#state = writer.state
  }

  /**
   * Opens the log of a directory, and makes it when there is none. What an earlier process had acknowledged and not
   * stored is stored first.
   * @throws Error for an operator: another process has the directory, or its files are damaged
   */
  static async open(options: DiskOptions, nowMs: number): Promise<Disk> {
    const claim = await claimOf(options.path)
    let store: Store | undefined
    let journal: Journal | undefined
    try {
      store = await Store.open(options.path, options.history.totalBytes)
      journal = await Journal.open(options.path)
      const keys = new KnownKeys(store.tables.keys, options.idempotency)
      const before = store.state()
      const writer = new Writer(store, before ?? newState(positionAt(nowMs)), options.history, keys)
      const disk = new Disk(options, { claim, store, journal, keys, writer })
      await disk.#takeOver(keys, nowMs)
      await disk.#begin(options.durability !== 'group', before, nowMs)
      disk.#sequencer = new Sequencer(disk.state.head, keys)
      disk.#notedHead = disk.state.head
      disk.#flushedHead = disk.state.head
      return disk
    } catch (cause) {
      await journal?.close()
      await store?.close()
      await claim.end()
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`The log in ${options.path} cannot be used: ${reason}.`, { cause })
    }
  }

  /** Of what is stored, and not to be removed at once. */
  get state(): LogState {
    return this.#state
  }

  /** The newest position that was noted. */
  get notedHead(): Position {
    return this.#notedHead
  }

  /** The newest position that is flushed. */
  get flushedHead(): Position {
    return this.#flushedHead
  }

  /** True when drafts wait in the journal. */
  get hasNoted(): boolean {
    return this.#turned.length + this.#noted.length > 0
  }

  /** True when a flush should be under way. */
  get hasManyNoted(): boolean {
    return this.#turned.length + this.#noted.length > MANY_NOTED
  }

  /** True when no more may be noted before a flush. */
  get isBehind(): boolean {
    return this.#turned.length + this.#noted.length > MAX_NOTED
  }

  /** True when something waits to be removed. */
  hasMore(nowMs: number): boolean {
    return this.hasUnwanted || this.#writer.hasMore(nowMs)
  }

  /** True when revocations wait to be removed. */
  get hasUnwanted(): boolean {
    return this.#unwanted.length > 0
  }

  /** The next change that is stored removes these revocations. */
  removeRevocations(positions: readonly Position[]): void {
    this.#unwanted = [...this.#unwanted, ...positions]
  }

  /** @throws Error when the store cannot be read */
  read(query: LogQuery, nowMs: number): LogPage {
    return this.#reader.read(query, nowMs)
  }

  /** Gives drafts their positions. */
  order(drafts: readonly Draft[], nowMs: number): Sequence {
    return this.#sequencer.order(drafts, nowMs)
  }

  /**
   * Stores drafts, and removes what is to be removed. Resolves when it is flushed, with whether there was something to
   * write.
   * @throws ProblemError `log-full` or `log-unavailable`; then nothing was stored
   */
  async store(ordered: readonly Ordered[], nowMs: number): Promise<boolean> {
    const isNeeded = await this.#commit(ordered, nowMs)
    try {
      // Drafts can be more than the whole log may hold.
      while (this.#writer.isOverCap && (await this.#commit([], nowMs)));
    } catch {
      // They are stored; the next write begins with what could not be removed.
    }
    this.#state = { ...this.#writer.state }
    return isNeeded
  }

  /**
   * Hands drafts to the operating system; {@link flush} stores them.
   * @throws ProblemError `log-full` or `log-unavailable`; then they are not there
   */
  async note(ordered: readonly Ordered[]): Promise<void> {
    try {
      this.#noting = this.#journal.append(ordered, this.#notedHead)
      await this.#noting
    } catch (cause) {
      this.#hasFailed = true
      throw await writeProblem(this.#path, 0, cause)
    } finally {
      this.#noting = undefined
    }
    this.#noted.push(...ordered)
    this.#notedHead = ordered.findLast(({ position }) => position !== null)?.position ?? this.#notedHead
  }

  /**
   * Stores what was noted before it was called, and removes what is to be removed. Resolves when it is flushed, with
   * whether there was something to write.
   * @throws ProblemError `log-full` or `log-unavailable`; then the rest waits for the next call
   */
  async flush(nowMs: number): Promise<boolean> {
    if (this.#turned.length === 0) {
      // What is on its way to the journal would be cut off by its turn.
      while (this.#noting) await this.#noting.catch(() => undefined)
      this.#journal.turn()
      this.#turned = this.#noted
      this.#noted = []
    }
    if (this.#turned.length === 0) return this.store([], nowMs)
    while (this.#turned.length > 0) {
      const ordered = this.#turned.slice(0, DRAFTS_PER_COMMIT)
      await this.store(ordered, nowMs)
      this.#turned = this.#turned.slice(ordered.length)
    }
    // What could not be cleared is known by its positions.
    await this.#journal.clear().catch(() => undefined)
    return true
  }

  async close(nowMs: number): Promise<void> {
    try {
      while (this.hasNoted) await this.flush(nowMs)
      if (this.state.isUncertain) await this.#write({ ...this.state, isUncertain: false })
    } catch {
      // What waits stays in the journal, and the next process knows that this one has not come to its end.
    }
    await this.#journal.close()
    await this.#store.close()
    await this.#claim.end()
  }

  /** Stores what an earlier process had noted, up to where something is missing: of two files the older may be the torn one. */
  async #takeOver(keys: KnownKeys, nowMs: number): Promise<void> {
    let { head } = this.state
    for (const { ordered, before } of await this.#journal.read()) {
      const { position, key, at } = ordered
      const isStored = position === null ? keys.find(key!, nowMs) !== undefined : position <= head
      if (isStored) continue
      if (before > head) break
      head = position ?? head
      if (key !== undefined) keys.add(key, position, at)
      this.#noted.push(ordered)
    }
    while (this.hasNoted) await this.flush(nowMs)
    await this.#journal.reset()
  }

  /** Writes down how what this process acknowledges is to be judged, should it not come to its end. */
  async #begin(isUncertain: boolean, before: LogState | undefined, nowMs: number): Promise<void> {
    let state: LogState = { ...this.state, isUncertain }
    if (before?.isUncertain) state = withHole(state, positionAt(nowMs))
    if (!before || before.isUncertain || isUncertain) await this.#write(state)
  }

  async #write(state: LogState): Promise<void> {
    this.#writer.state = state
    await this.#store.commit(new Change(), state)
    this.#state = state
  }

  async #commit(ordered: readonly Ordered[], nowMs: number): Promise<boolean> {
    let bytes = 0
    try {
      if (this.#hasFailed) {
        await this.#store.heal()
        this.#writer.reload()
      }
      const { change, state } = this.#writer.prepare(ordered, nowMs)
      const unwanted = this.#unwanted
      for (const position of unwanted) change.remove('revocations', positionKey(position))
      // After a failure, to see whether the disk takes something again.
      if (change.steps.length === 0 && !this.#hasFailed) return false
      bytes = change.bytes
      const { head } = state
      await this.#store.commit(change, state)
      this.#flushedHead = head
      this.#unwanted = this.#unwanted.slice(unwanted.length)
      this.#hasFailed = false
      return true
    } catch (cause) {
      this.#hasFailed = true
      throw await writeProblem(this.#path, bytes, cause)
    }
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
