import { open as openFile, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { DiskDurability } from './durability.ts'
import { decodeState, encodeState, type LogState } from './log-state.ts'

/** Ordered keys and values, both bytes. */
export type Table = Database<Buffer, Buffer>

/** What lies in a store. */
export interface Tables {
  /** Events by their position, each once. */
  readonly events: Table
  /** In how many channels an event still lies that was published to several; by its position. */
  readonly shares: Table
  /** Entries by channel and position. */
  readonly entries: Table
  /** Up to where channels that hold nothing were trimmed, by channel. */
  readonly marks: Table
  /** The same by mark and channel: those that have waited longest first. */
  readonly idle: Table
  /** Idempotency keys, in the order they were given. */
  readonly keys: Table
  /** The {@link LogState}. */
  readonly state: Table
}

/** One step of a change: a value that is put, or undefined for one that is removed. */
interface Step {
  readonly table: keyof Tables
  readonly key: Buffer
  readonly value: Buffer | undefined
}

/** Steps that are made together or not at all, in their order. */
export class Change {
  readonly steps: Step[] = []
  /** Of everything that is put. */
  bytes = 0

  put(table: keyof Tables, key: Buffer, value: Buffer): void {
    this.steps.push({ table, key, value })
    this.bytes += key.length + value.length
  }

  remove(table: keyof Tables, key: Buffer): void {
    this.steps.push({ table, key, value: undefined })
  }
}

const FILE = 'events.mdb'
const STATE_KEY = Buffer.from('state')

/** Address space, not memory; a store that outgrows it is mapped anew. In bytes. */
const LEAST_MAP_BYTES = 1024 * 1024 * 1024

/**
 * How LMDB flushes. At `group` a commit is what its authors made it: data, flush, the page that makes it count, flush;
 * a commit that fails has then changed nothing. `interval` flushes after the commit, in a way that keeps the last
 * flushed state whole until there is a newer one.
 */
const FLUSHING = {
  group: { overlappingSync: false },
  interval: { overlappingSync: true },
  os: { overlappingSync: false, noSync: true },
} as const satisfies Record<DiskDurability, object>

/** The files that hold the events, in a directory. */
export function storeFiles(directory: string): readonly string[] {
  return [join(directory, FILE), join(directory, `${FILE}-lock`)]
}

/** The tables of a log in one file, written by LMDB on a thread of its own and read at once. */
export class Store {
  readonly #path: string
  readonly #durability: DiskDurability
  readonly #mapBytes: number
  #root: RootDatabase<Buffer, Buffer>
  #tables: Tables

  private constructor(
    path: string,
    durability: DiskDurability,
    mapBytes: number,
    root: RootDatabase<Buffer, Buffer>,
  ) {
    this.#path = path
    this.#durability = durability
    this.#mapBytes = mapBytes
    this.#root = root
    this.#tables = openTables(root)
  }

  /**
   * Opens the store in a directory, and makes it when there is none.
   * @param capBytes about how much it will hold
   * @throws Error that says what is wrong with the file
   */
  static async open(directory: string, durability: DiskDurability, capBytes: number): Promise<Store> {
    const path = join(directory, FILE)
    const mapBytes = Math.max(LEAST_MAP_BYTES, 4 * capBytes)
    try {
      const root = openRoot(path, durability, mapBytes)
      const isShort = await fillUp(path, root)
      const store = new Store(path, durability, mapBytes, root)
      if (isShort) store.#walk()
      return store
    } catch (cause) {
      throw new Error(`The log's file ${path} cannot be used: ${messageOf(cause)}.`, { cause })
    }
  }

  get tables(): Tables {
    return this.#tables
  }

  /** What the log knew of itself at the last commit; undefined before the first. */
  state(): LogState | undefined {
    const value = this.#tables.state.get(STATE_KEY)
    return value && decodeState(value)
  }

  /**
   * Makes a change, with the state that follows from it. Resolves when it is as durable as configured.
   * @throws Error when it was not made; its `code` is the operating system's number, where it has one
   */
  async commit(change: Change, state: LogState): Promise<void> {
    const tables = this.#tables
    try {
      await this.#root.batch(() => {
        for (const { table, key, value } of change.steps) {
          if (value) tables[table].put(key, value)
          else tables[table].remove(key)
        }
        tables.state.put(STATE_KEY, encodeState(state))
      })
    } catch (error) {
      // LMDB's own error comes behind the one that says that there was one.
      const { commitError } = error as { commitError?: Promise<unknown> }
      throw await Promise.resolve(commitError).then(
        () => error,
        (cause: unknown) => cause,
      )
    }
  }

  /** After a failed commit: LMDB gives up on a file whose first pages it could not write, until it is opened anew. */
  async heal(): Promise<void> {
    try {
      this.state()
    } catch {
      await this.#root.close().catch(() => undefined)
      this.#root = openRoot(this.#path, this.#durability, this.#mapBytes)
      this.#tables = openTables(this.#root)
    }
  }

  /** Reads everything once. @throws Error when a part of it is damaged */
  #walk(): void {
    for (const table of Object.values(this.#tables)) for (const _ of table.getRange());
  }

  /** Flushes what was not flushed yet, and closes. */
  async close(): Promise<void> {
    await this.#root.close()
    if (this.#durability === 'group') return
    const file = await openFile(this.#path)
    await file.datasync().finally(() => file.close())
  }
}

function openRoot(path: string, durability: DiskDurability, mapSize: number): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>({
    path,
    noSubdir: true,
    mapSize,
    // A change is one batch; batches of a turn of the event loop are nobody's business.
    eventTurnBatching: false,
    ...FLUSHING[durability],
  })
}

function openTables(root: RootDatabase<Buffer, Buffer>): Tables {
  const table = (name: keyof Tables): Table =>
    root.openDB<Buffer, Buffer>(name, { keyEncoding: 'binary', encoding: 'binary' })
  return {
    events: table('events'),
    shares: table('shares'),
    entries: table('entries'),
    marks: table('marks'),
    idle: table('idle'),
    keys: table('keys'),
    state: table('state'),
  }
}

/**
 * Gives a file that is shorter than it says its full length: a read behind its end would end the process. Answers
 * whether it was; the last pages may have been free and never written, so this alone is no damage.
 */
async function fillUp(path: string, root: RootDatabase<Buffer, Buffer>): Promise<boolean> {
  const { pageSize, lastPageNumber } = root.getStats() as { pageSize: number; lastPageNumber: number }
  const length = (lastPageNumber + 1) * pageSize
  const { size } = await stat(path)
  if (size >= length) return false
  await truncate(path, length)
  return true
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
