/** What the log on disk uses of `node:fs/promises`, on the simulated disk. */
import { basename } from 'node:path'
import { mountedDisk, processOf, type SimDisk, type SimFile } from './sim-disk.ts'

const MUCH_BYTES = 1e12

/** As large as LMDB says: its file is not part of what is simulated here. */
const STORE_BYTES = 8192

export async function open(path: string): Promise<SimHandle> {
  const disk = mountedDisk()
  return new SimHandle(disk, disk.file(basename(path)), processOf(path))
}

export async function mkdir(): Promise<undefined> {
  return undefined
}

export async function stat(): Promise<{ size: number }> {
  return { size: STORE_BYTES }
}

export async function truncate(): Promise<void> {
  throw new Error('The store of the simulated disk is never cut off.')
}

export async function statfs(): Promise<{ bavail: number; bsize: number }> {
  return { bavail: mountedDisk().isFull ? 0 : MUCH_BYTES, bsize: 1 }
}

class SimHandle {
  readonly #disk: SimDisk
  readonly #file: SimFile
  readonly #process: number

  constructor(disk: SimDisk, file: SimFile, process: number) {
    this.#disk = disk
    this.#file = file
    this.#process = process
  }

  async stat(): Promise<{ size: number }> {
    return { size: this.#file.bytes.length }
  }

  async read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }> {
    return { bytesRead: this.#file.bytes.copy(buffer, offset, position, position + length) }
  }

  async write(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesWritten: number }> {
    const bytes = buffer.subarray(offset, offset + length)
    return { bytesWritten: await this.#disk.write(this.#process, this.#file, bytes, position) }
  }

  async datasync(): Promise<void> {
    await this.#disk.flush(this.#process, this.#file)
  }

  async truncate(length: number): Promise<void> {
    await this.#disk.truncate(this.#process, this.#file, length)
  }

  async close(): Promise<void> {
    // What was written stays with the operating system.
  }
}
