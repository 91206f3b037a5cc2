/** A file that carries the history of a log in memory over a planned restart. For Node, Bun and Deno. */
import { createHash, type Hash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { SnapshotStore } from './memory/snapshot.ts'

/** The first line of a snapshot. The number grows with each change of what follows. */
const SNAPSHOT = 'fanline snapshot 1'

/** The beginning of a file that a running process has taken over; its own name follows. */
const CLAIM = 'fanline claim '

/** What others may know of a history: nothing. */
const MODE = 0o600

/** How much is read and written at once, in characters. */
const CHUNK_LENGTH = 1024 * 1024

/**
 * A snapshot in a file, which is written in one step, with mode 0600, and used once: who reads it puts a claim in its
 * place. A process that ends without writing leaves its claim, so the next one begins with no history, and says so to
 * those who come back; an old snapshot is never taken for a new one. A process whose claim was replaced by another's
 * does not write.
 */
export function snapshotFile(path: string): SnapshotStore {
  return new SnapshotFile(path)
}

class SnapshotFile implements SnapshotStore {
  readonly #path: string
  readonly #claim = `${CLAIM}${randomUUID()}`

  constructor(path: string) {
    this.#path = path
  }

  async *read(): AsyncGenerator<readonly string[]> {
    const first = await this.#firstLine()
    if (first === undefined || first.startsWith(CLAIM)) return
    this.#mustBeReadable(first)
    // All of it is checked before any of it counts.
    const hash = startHash()
    let sum: string | undefined
    for await (const lines of linesOf(this.#path)) {
      for (const line of lines) {
        if (sum !== undefined) hash.update(`${sum}\n`)
        sum = line
      }
    }
    if (sum !== checksum(hash)) this.#refuse('is damaged, or was cut off')
    for await (const lines of linesOf(this.#path))
      yield lines.filter((line) => line !== first && line !== sum)
  }

  async discard(): Promise<void> {
    await this.#replace([`${this.#claim}\n`])
  }

  async write(lines: Iterable<string>): Promise<void> {
    if ((await this.#firstLine()) !== this.#claim) {
      throw new Error(
        `${this.#path} is another process's now, so the history of this one was not written to it.`,
      )
    }
    await this.#replace(snapshotText(lines))
  }

  /** Undefined when there is no file. */
  async #firstLine(): Promise<string | undefined> {
    try {
      for await (const [line] of linesOf(this.#path)) if (line !== undefined) return line
      return ''
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new Error(`${this.#path} cannot be read: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Others see what was there before, or all that is there now. */
  async #replace(text: Iterable<string>): Promise<void> {
    const part = `${this.#path}.part`
    try {
      await rm(part, { force: true })
      const file = await open(part, 'wx', MODE)
      try {
        for (const chunk of text) await file.writeFile(chunk)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(part, this.#path)
      await syncDirectory(dirname(this.#path))
    } catch (error) {
      await rm(part, { force: true })
      throw new Error(`${this.#path} cannot be written: ${(error as Error).message}`, { cause: error })
    }
  }

  #mustBeReadable(first: string): void {
    if (first === SNAPSHOT) return
    if (first.startsWith('fanline snapshot ')) this.#refuse('was written by another version of fanline')
    throw new Error(`${this.#path} is no snapshot of fanline. Name another file.`)
  }

  #refuse(what: string): never {
    throw new Error(`The snapshot ${this.#path} ${what}. Remove it to begin with no history.`)
  }
}

/** In chunks, with the checksum at the end. */
function* snapshotText(lines: Iterable<string>): Generator<string> {
  const hash = startHash().update(`${SNAPSHOT}\n`)
  let chunk = `${SNAPSHOT}\n`
  for (const line of lines) {
    hash.update(`${line}\n`)
    chunk += `${line}\n`
    if (chunk.length < CHUNK_LENGTH) continue
    yield chunk
    chunk = ''
  }
  yield `${chunk}${checksum(hash)}\n`
}

function startHash(): Hash {
  return createHash('sha256')
}

function checksum(hash: Hash): string {
  return `sha256 ${hash.digest('hex')}`
}

/** Whole lines, a chunk's at a time. Only LF ends one: JSON may hold other line separators. */
async function* linesOf(path: string): AsyncGenerator<readonly string[]> {
  let rest = ''
  const chunks = createReadStream(path, { encoding: 'utf8', highWaterMark: CHUNK_LENGTH })
  for await (const chunk of chunks) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    yield lines
  }
}

/** A new name is safe when its directory is; where directories cannot be opened, as on Windows, nobody can know. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path).catch(() => undefined)
  if (!directory) return
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
