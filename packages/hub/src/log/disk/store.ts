import { fork } from 'node:child_process'
import { once } from 'node:events'
import { stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Database, open, type RootDatabase } from 'lmdb'
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
  /** Revocations by their position; they are under no limit, and counted nowhere. */
  readonly revocations: Table
  /** Idempotency keys, those of a commit in one row, in the order they were given. */
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

/** Two pages of the usual size. */
const BEGINNING_BYTES = 2 * 4096

/** Address space, not memory; a store that outgrows it is mapped anew. In bytes. */
const LEAST_MAP_BYTES = 1024 * 1024 * 1024

/** The tables of a log in one file, written by LMDB on a thread of its own and read at once. */
export class Store {
  readonly #path: string
  readonly #mapBytes: number
  #root: RootDatabase<Buffer, Buffer>
  #tables: Tables

  private constructor(path: string, mapBytes: number, root: RootDatabase<Buffer, Buffer>) {
    this.#path = path
    this.#mapBytes = mapBytes
    this.#root = root
    this.#tables = openTables(root)
  }

  /**
   * Opens the store in a directory, and makes it when there is none.
   * @param capBytes about how much it will hold
   * @throws Error that says what is wrong with the file
   */
  static async open(directory: string, capBytes: number): Promise<Store> {
    const path = join(directory, FILE)
    const mapBytes = Math.max(LEAST_MAP_BYTES, 4 * capBytes)
    await mustHaveBeginning(path)
    let root = openRoot(path, mapBytes)
    const { pageSize, lastPageNumber } = root.getStats() as { pageSize: number; lastPageNumber: number }
    const length = (lastPageNumber + 1) * pageSize
    if ((await stat(path)).size < length) {
      await root.close()
      await mustBeReadable(path, length)
      root = openRoot(path, mapBytes)
    }
    return new Store(path, mapBytes, root)
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
   * Makes a change, with the state that follows from it. Resolves when it is flushed.
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
      this.#root = openRoot(this.#path, this.#mapBytes)
      this.#tables = openTables(this.#root)
    }
  }

  async close(): Promise<void> {
    await this.#root.close()
  }
}

/** Opens the file of a store. */
export function openRoot(path: string, mapSize: number): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>({
    path,
    noSubdir: true,
    mapSize,
    // A change is one batch; batches of a turn of the event loop are nobody's business.
    eventTurnBatching: false,
    // A commit is what LMDB's authors made it: data, flush, then the page that makes it count, flushed, too. So one that
    // fails has changed nothing, and what is seen is on the disk.
    overlappingSync: false,
  })
}

/** Opens the tables of a store. */
export function openTables(root: RootDatabase<Buffer, Buffer>): Tables {
  const table = (name: keyof Tables): Table =>
    root.openDB<Buffer, Buffer>(name, { keyEncoding: 'binary', encoding: 'binary' })
  return {
    events: table('events'),
    shares: table('shares'),
    entries: table('entries'),
    marks: table('marks'),
    idle: table('idle'),
    revocations: table('revocations'),
    keys: table('keys'),
    state: table('state'),
  }
}

/** LMDB takes it for granted that its first two pages are there. @throws Error */
async function mustHaveBeginning(path: string): Promise<void> {
  const size = await stat(path).then(
    ({ size }) => size,
    () => 0,
  )
  if (size > 0 && size < BEGINNING_BYTES) throw new Error(`${path} has only ${size} bytes: it was cut off`)
}

/**
 * A file that is shorter than it says may have been cut off; or its last pages were free, and never written. A read
 * behind its end would end the process. So it gets its full length, and another process reads all of it.
 * @throws Error when that one finds damage, or perishes by it
 */
async function mustBeReadable(path: string, length: number): Promise<void> {
  const { size } = await stat(path)
  await truncate(path, length)
  const reader = fork(fileURLToPath(new URL('./read-store-process.js', import.meta.url)), [path], {
    stdio: 'ignore',
    execArgv: [],
  })
  const [code] = (await once(reader, 'exit')) as [number | null]
  if (code === 0) return
  await truncate(path, size)
  throw new Error(`${path} has ${size} of ${length} bytes, and cannot be read whole: it was cut off`)
}
