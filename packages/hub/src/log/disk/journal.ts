import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Position } from '@fanline/protocol'
import { decodeHeader } from './event-record.ts'
import type { Ordered } from './sequencer.ts'

const FILES = ['journal.0', 'journal.1'] as const

/** Length and checksum of what follows, four bytes each; then the length of a head as JSON, the head, the event. */
const PREFIX_BYTES = 12

type Head = [position: Position | null, key: string | null, before: Position]

/** What was noted. */
export interface Noted {
  readonly ordered: Ordered
  /** The newest position that had been given before: without what has it, something was lost in between. */
  readonly before: Position
}

interface JournalFile {
  readonly handle: FileHandle
  /** In bytes. */
  length: number
}

/**
 * What was acknowledged and is not in the store yet, handed to the operating system, so that it outlives this process.
 * Of two files one is written while what the other holds is stored.
 */
export class Journal {
  readonly #files: readonly [JournalFile, JournalFile]
  #active: 0 | 1 = 0

  private constructor(files: readonly [JournalFile, JournalFile]) {
    this.#files = files
  }

  static async open(directory: string): Promise<Journal> {
    const [first, second] = await Promise.all(FILES.map((name) => openFile(join(directory, name))))
    return new Journal([first!, second!])
  }

  /** Everything that is whole, in its order; what follows a part that was torn off is gone. */
  async read(): Promise<Noted[]> {
    const found: Noted[] = []
    for (const { handle, length } of this.#files) {
      const bytes = Buffer.alloc(length)
      await handle.read(bytes, 0, length, 0)
      found.push(...decode(bytes))
    }
    return found.sort((a, b) => (a.ordered.position ?? 0) - (b.ordered.position ?? 0))
  }

  /**
   * Resolves when the operating system has all of it; none of it counts when that fails.
   * @param before the newest position that was given before
   */
  async append(ordered: readonly Ordered[], before: Position): Promise<void> {
    const file = this.#files[this.#active]
    const bytes = Buffer.concat(chain(ordered, before).flatMap(encode))
    try {
      await writeAll(file.handle, bytes, file.length)
      file.length += bytes.length
    } catch (error) {
      await cutTo(file).catch(() => undefined) // what failed is told in any case
      throw error
    }
  }

  /** What is appended from now on is not part of what {@link clear} forgets. */
  turn(): void {
    this.#active = this.#active === 0 ? 1 : 0
  }

  /** Forgets what was appended before the last turn: it is in the store. */
  async clear(): Promise<void> {
    const file = this.#files[this.#active === 0 ? 1 : 0]
    await file.handle.truncate(0)
    file.length = 0
  }

  /** Forgets everything. */
  async reset(): Promise<void> {
    await this.clear()
    this.turn()
    await this.clear()
  }

  async close(): Promise<void> {
    for (const { handle } of this.#files) await handle.close()
  }
}

async function openFile(path: string): Promise<JournalFile> {
  // Read and written at any place, and made when there is none.
  const handle = await open(path, 'a')
    .then((made) => made.close())
    .then(() => open(path, 'r+'))
  const { size } = await handle.stat()
  return { handle, length: size }
}

/** A disk that is almost full takes a part, and refuses the rest. */
async function writeAll(handle: FileHandle, bytes: Buffer, start: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, start + done)
    done += bytesWritten
  }
}

/** Flushed, so that a machine that loses its power does not find again what was refused. */
async function cutTo({ handle, length }: JournalFile): Promise<void> {
  await handle.truncate(length)
  await handle.datasync()
}

function chain(ordered: readonly Ordered[], before: Position): Noted[] {
  let last = before
  return ordered.map((one) => {
    const noted = { ordered: one, before: last }
    last = one.position ?? last
    return noted
  })
}

function encode({ ordered: { position, key, record }, before }: Noted): Buffer[] {
  const head: Head = [position, key ?? null, before]
  const text = Buffer.from(JSON.stringify(head))
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES)
  prefix.writeUInt32LE(text.length + record.length)
  prefix.writeUInt32LE(crc32(record, crc32(text)), 4)
  prefix.writeUInt32LE(text.length, 8)
  return [prefix, text, record]
}

function* decode(bytes: Buffer): Generator<Noted> {
  for (let start = 0; start + PREFIX_BYTES <= bytes.length; ) {
    const end = start + PREFIX_BYTES + bytes.readUInt32LE(start)
    const content = bytes.subarray(start + PREFIX_BYTES, end)
    if (end > bytes.length || content.length === 0 || crc32(content) !== bytes.readUInt32LE(start + 4)) return
    const headBytes = bytes.readUInt32LE(start + 8)
    const [position, key, before] = JSON.parse(content.toString('utf8', 0, headBytes)) as Head
    const record = Buffer.from(content.subarray(headBytes))
    const header = decodeHeader(record)
    if (!header) return
    const { at, channels } = header
    yield { ordered: { position, key: key ?? undefined, at, channels, record }, before }
    start = end
  }
}
