import { AT_HEAD, type Cursor, type CursorSource, cursorAfter, type Hub } from '@fanline/hub'
import { type Position, parsePosition, parseUser, userChannel } from '@fanline/protocol'
import type { PresetContext } from './preset.ts'

/** Where a stream begins whose system knew no resuming: where its client was, in the enhanced level. */
export function resumeAnywhere({ request, settings }: PresetContext): Cursor {
  const id = request.header('last-event-id') ?? request.query.get('lastEventId') ?? ''
  return settings.level === 'strict' || id === '' ? AT_HEAD : cursorAfter(id)
}

/** The same cursor, moved on so far that at most `limit` events of the user come before it is live. */
export function atMost(hub: Hub, user: string, source: CursorSource, limit: number): CursorSource {
  return async () => {
    const cursor = typeof source === 'function' ? await source() : source
    if (cursor.after === null) return cursor
    const ids: string[] = []
    let after: string | null = String(cursor.after)
    while (after !== null) {
      const page = await hub.userHistory(user, { after, limit: 1000 })
      for (const { id } of page.events) ids.push(id)
      after = page.next
    }
    const last = ids.at(-limit - 1)
    if (last === undefined) return cursor
    const through = parsePosition(last) as Position
    const channel = userChannel(parseUser(user))
    return {
      ...cursor,
      after: through,
      losses: [{ channel, after: cursor.after, through, reason: 'trimmed' }],
    }
  }
}
