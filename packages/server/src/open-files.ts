import { existsSync, readFileSync } from 'node:fs'
import type { Logger } from './logger.ts'

/** A stream is one open file; below this, a load test on one machine meets the limit. */
const ENOUGH = 16_384

const LIMITS_FILE = '/proc/self/limits'

/** Says so when the operating system lets this process open few files. Only Linux tells. */
export function warnOfFewOpenFiles(logger: Logger): void {
  if (!existsSync(LIMITS_FILE)) return
  // Node has raised the soft limit to the hard one by now.
  const limit = Number(/^Max open files\s+(\d+)/m.exec(readFileSync(LIMITS_FILE, 'utf8'))?.[1] ?? Infinity)
  if (limit >= ENOUGH) return
  logger.warn(
    `only ${limit} files may be open, so about as many streams; raise it with: ulimit -n ${ENOUGH * 4}`,
  )
}
