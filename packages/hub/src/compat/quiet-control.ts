import type { GapNotice } from '@fanline/protocol'
import type { ControlEvent } from '../dialect.ts'

/** What flushes the head of a response through every proxy, and is nothing to a client. */
export const COMMENT = ':\n\n'

/**
 * What a client that knows nothing of fanline may hear of it beside its greeting: when to come back, and what was lost.
 * @param gap how the dialect says a loss
 */
export function quietControl(event: ControlEvent, gap: (notice: GapNotice) => string): string {
  if (event.type === 'fanline.gap') return gap(event.data as GapNotice)
  // A field without data is taken by an EventSource, and shown to nobody.
  if (event.type === 'fanline.bye' && event.retryMs !== undefined) return `retry: ${event.retryMs}\n\n`
  return ''
}

/** A loss as an event that only those hear who listen for it. */
export function gapEvent(notice: GapNotice): string {
  return `event: fanline.gap\ndata: ${JSON.stringify(notice)}\n\n`
}

/** A loss as a comment, for clients that take every line of data for a message. */
export function gapComment(notice: GapNotice): string {
  return `: fanline.gap ${JSON.stringify(notice)}\n\n`
}
