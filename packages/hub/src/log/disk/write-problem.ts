import { statfs } from 'node:fs/promises'
import { constants } from 'node:os'
import { ProblemError } from '@fanline/protocol'

const { ENOSPC, EDQUOT, EFBIG } = constants.errno
const FULL: ReadonlySet<unknown> = new Set([ENOSPC, EDQUOT, EFBIG])

/** LMDB answers EIO when a part of a page was written; with less room than this it was the lack of it. In bytes. */
const LITTLE_ROOM_BYTES = 1024 * 1024

/** What a publisher hears of bytes that could not be written. */
export async function writeProblem(directory: string, bytes: number, cause: unknown): Promise<ProblemError> {
  const code = (cause as { code?: unknown }).code
  const isFull = FULL.has(code) || (await roomIn(directory)) < Math.max(LITTLE_ROOM_BYTES, 4 * bytes)
  return new ProblemError(isFull ? 'log-full' : 'log-unavailable', undefined, { cause })
}

/** In bytes, for who is not root. */
async function roomIn(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory)
    return bavail * bsize
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
