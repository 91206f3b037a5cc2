import type { Random } from '../random.ts'
import type { SimClock } from '../sim-clock.ts'
import { SortedTable } from './sorted-table.ts'

/** One step of a commit: a value that is put, or undefined for one that is removed. */
export interface Step {
  readonly table: string
  readonly key: Buffer
  readonly value: Buffer | undefined
}

/** A file as its processes see it, and what may come back after the power was gone. */
export interface SimFile {
  bytes: Buffer
  /** What it held before it was cut off; nothing flushes that. */
  before: Buffer
}

/**
 * A disk under the seed's control. What LMDB has committed is on it; what was written to a file is with the operating
 * system, and survives the end of a process, but only parts of it the end of the power. It may be full, and say so in
 * the middle of a write.
 */
export class SimDisk {
  readonly #random: Random
  readonly #clock: SimClock
  readonly #tables = new Map<string, SortedTable>()
  readonly #files = new Map<string, SimFile>()
  /** What is under way, and what of it may be done when the process ends meanwhile. */
  readonly #underWay = new Set<() => void>()
  #process = 0
  #isFull = false

  constructor(random: Random, clock: SimClock) {
    this.#random = random
    this.#clock = clock
  }

  get isFull(): boolean {
    return this.#isFull
  }

  /** The number of the process that may use it now. */
  get process(): number {
    return this.#process
  }

  table(name: string): SortedTable {
    let table = this.#tables.get(name)
    if (!table) {
      table = new SortedTable()
      this.#tables.set(name, table)
    }
    return table
  }

  file(path: string): SimFile {
    let file = this.#files.get(path)
    if (!file) {
      file = { bytes: Buffer.alloc(0), before: Buffer.alloc(0) }
      this.#files.set(path, file)
    }
    return file
  }

  setFull(isFull: boolean): void {
    this.#isFull = isFull
  }

  /** The process that uses it ends: what is under way may be done, in part or not at all. */
  endProcess(): void {
    this.#process++
    for (const finish of this.#underWay) if (this.#random.oneIn(2)) finish()
    this.#underWay.clear()
  }

  /** The machine stops at once: of what nobody flushed, anything may be there. */
  losePower(): void {
    this.endProcess()
    for (const file of this.#files.values()) {
      file.bytes = this.#remains(file)
      file.before = Buffer.alloc(0)
    }
  }

  /** Makes all steps or none, and resolves when they are flushed. Rejects when the disk is full. */
  commit(process: number, steps: readonly Step[]): Promise<void> {
    return this.#take(
      process,
      () => {
        for (const { table, key, value } of steps) this.table(table).set(key, value)
      },
      () => {
        if (this.#isFull) throw Object.assign(new Error('No space left on device'), { code: 28 })
      },
    )
  }

  /** Writes to a file what there is room for, and answers how much that was. */
  async write(process: number, file: SimFile, bytes: Buffer, position: number): Promise<number> {
    let written = 0
    await this.#take(
      process,
      () => {
        // A process that ends meanwhile may have written a part.
        written = this.#isFull ? this.#random.between(0, bytes.length - 1) : bytes.length
        put(file, bytes.subarray(0, written), position)
      },
      () => {
        if (this.#isFull && this.#random.oneIn(2))
          throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
      },
    )
    return written
  }

  truncate(process: number, file: SimFile, length: number): Promise<void> {
    return this.#take(process, () => {
      if (file.bytes.length > file.before.length) file.before = file.bytes
      file.bytes = file.bytes.subarray(0, length)
    })
  }

  /** What was cut off does not come back. */
  flush(process: number, file: SimFile): Promise<void> {
    return this.#take(process, () => {
      file.before = Buffer.alloc(0)
    })
  }

  /** Does something a moment later, unless the process has ended by then: then nobody hears of it. */
  #take(process: number, finish: () => void, refuse: () => void = () => undefined): Promise<void> {
    // What is left of a process that has ended does nothing any more.
    if (process !== this.#process) return new Promise(() => undefined)
    this.#underWay.add(finish)
    return new Promise((resolve, reject) => {
      this.#clock.after(this.#random.pick([0, 1, 5]), () => {
        if (process !== this.#process) return
        this.#underWay.delete(finish)
        try {
          refuse()
          finish()
          resolve()
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #remains({ bytes, before }: SimFile): Buffer {
    const random = this.#random
    const dice = random.between(1, 5)
    const end = random.between(0, bytes.length)
    if (dice === 1) return bytes
    if (dice === 2) return bytes.subarray(0, end)
    // Its length was flushed, and a part of its contents was not.
    if (dice === 3) return Buffer.concat([bytes.subarray(0, end), Buffer.alloc(bytes.length - end)])
    // That it was cut off was not flushed.
    if (dice === 4) return before
    return Buffer.concat([bytes.subarray(0, end), before.subarray(end)])
  }
}

function put(file: SimFile, bytes: Buffer, position: number): void {
  const length = Math.max(file.bytes.length, position + bytes.length)
  const changed = Buffer.alloc(length)
  file.bytes.copy(changed)
  bytes.copy(changed, position)
  file.bytes = changed
}

let mounted: SimDisk | undefined

/** From now on the log on disk finds this one. */
export function mount(disk: SimDisk): void {
  mounted = disk
}

/** The process that a path of the log belongs to: each process of a run has the same files under a path of its own. */
export function processOf(path: string): number {
  return Number(path.split('/')[1])
}

/** The disk of this run. */
export function mountedDisk(): SimDisk {
  if (!mounted) throw new Error('No simulated disk is mounted.')
  return mounted
}
