/** What the log on disk uses of `lmdb`, on the simulated disk. */
import { mountedDisk, processOf, type SimDisk, type Step } from './sim-disk.ts'
import type { RangeOptions } from './sorted-table.ts'

/** Opens the one store of the disk. */
export function open({ path }: { path: string }): SimRoot {
  return new SimRoot(mountedDisk(), processOf(path))
}

class SimRoot {
  readonly #disk: SimDisk
  readonly #process: number
  /** Of the batch that is being put together. */
  #steps: Step[] = []
  /** After a commit that failed, LMDB may give up on its file until it is opened anew. */
  #isLost = false

  constructor(disk: SimDisk, process: number) {
    this.#disk = disk
    this.#process = process
  }

  openDB(name: string): SimDatabase {
    return new SimDatabase(
      () => {
        if (this.#isLost) throw new Error('MDB_PANIC: Update of meta page failed')
        return this.#disk.table(name)
      },
      (key, value) => this.#steps.push({ table: name, key, value }),
    )
  }

  async batch(fill: () => void): Promise<void> {
    this.#steps = []
    fill()
    try {
      await this.#disk.commit(this.#process, this.#steps)
    } catch (error) {
      this.#isLost = this.#steps.length % 2 === 0
      throw error
    }
  }

  getStats(): { pageSize: number; lastPageNumber: number } {
    return { pageSize: 4096, lastPageNumber: 1 }
  }

  async close(): Promise<void> {
    // Nothing of it outlives its commits.
  }
}

class SimDatabase {
  readonly #table: () => ReturnType<SimDisk['table']>
  readonly #change: (key: Buffer, value: Buffer | undefined) => void

  constructor(
    table: () => ReturnType<SimDisk['table']>,
    change: (key: Buffer, value: Buffer | undefined) => void,
  ) {
    this.#table = table
    this.#change = change
  }

  get(key: Buffer): Buffer | undefined {
    return this.#table().get(key)
  }

  getRange(options?: RangeOptions): { key: Buffer; value: Buffer }[] {
    return this.#table().range(options)
  }

  put(key: Buffer, value: Buffer): void {
    this.#change(key, value)
  }

  remove(key: Buffer): void {
    this.#change(key, undefined)
  }
}
