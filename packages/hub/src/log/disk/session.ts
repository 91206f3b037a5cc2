import { readFileSync } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { DiskDurability } from './durability.ts'

/**
 * How the log was left by the process before this one: `whole`; `uncertain`, when what it acknowledged last may be
 * missing; `lost`, when its file cannot be trusted.
 */
export type LastSession = 'none' | 'whole' | 'uncertain' | 'lost'

interface SessionRecord {
  readonly format: 1
  readonly durability: DiskDurability
  /** What the machine calls the time since it was started; null where it does not say. */
  readonly boot: string | null
  readonly isClosed: boolean
}

const FILE = 'session.json'

/**
 * How the last session on a directory ended.
 * @throws Error when the directory is of another version, or the record is damaged
 */
export async function lastSession(directory: string): Promise<LastSession> {
  const path = join(directory, FILE)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none'
    throw error
  }
  const record = parse(text)
  if (record?.format !== 1) {
    throw new Error(`${path} is damaged, or was written by another version of fanline.`)
  }
  const { durability, boot, isClosed } = record
  if (isClosed || durability === 'group') return 'whole'
  // LMDB orders its writes by flushing; without, a machine that ends leaves pages of different times.
  const isSameBoot = boot !== null && boot === currentBoot()
  return durability === 'os' && !isSameBoot ? 'lost' : 'uncertain'
}

/** Writes down that a session begins, before anything is acknowledged in it. */
export async function beginSession(directory: string, durability: DiskDurability): Promise<void> {
  await write(directory, { format: 1, durability, boot: currentBoot(), isClosed: false })
}

/** Writes down that a session has ended, once everything is flushed. */
export async function endSession(directory: string, durability: DiskDurability): Promise<void> {
  await write(directory, { format: 1, durability, boot: currentBoot(), isClosed: true })
}

async function write(directory: string, record: SessionRecord): Promise<void> {
  const path = join(directory, FILE)
  const file = await open(`${path}.new`, 'w')
  try {
    await file.writeFile(`${JSON.stringify(record)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  // The new name is on the disk when its directory is.
  const folder = await open(directory)
  await folder.sync().finally(() => folder.close())
}

function parse(text: string): SessionRecord | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function currentBoot(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // Only Linux has it.
    return null
  }
}
