import { parsePosition } from '@fanline/protocol'
import { AT_HEAD, type CursorSource, cursorAfter } from '../cursor.ts'
import type { Hub } from '../hub.ts'

/**
 * Where a stream begins whose system resumes from integers: after that one, `0` with everything. A text that is none, or
 * one above the newest, means no replay, and says nothing about it.
 */
export function integerCursor(hub: Pick<Hub, 'newest'>, id: string | null | undefined): CursorSource {
  const position = id === null || id === undefined ? undefined : parsePosition(id)
  if (position === undefined) return AT_HEAD
  if (position === 0) return { after: position, expects: ['restarted', 'trimmed'] }
  return async () => (position > (await hub.newest()) ? AT_HEAD : cursorAfter(String(position)))
}
