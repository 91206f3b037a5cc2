import { type Position, parsePosition } from '@fanline/protocol'
import { AT_HEAD, type Cursor, cursorAfter } from '../cursor.ts'

/**
 * Where a stream begins whose system resumes from integers: after that one, `0` with everything. A text that is none, or
 * one above the newest, means no replay, and says nothing about it.
 * @param head the newest position
 */
export function integerCursor(id: string | null | undefined, head: Position): Cursor {
  const position = id === null || id === undefined ? undefined : parsePosition(id)
  if (position === undefined || position > head) return AT_HEAD
  return position === 0
    ? { after: position, expects: ['restarted', 'trimmed'] }
    : cursorAfter(String(position))
}
