import { type ChannelName, eventValue, ProblemError, parsePosition, ZERO } from '@fanline/protocol'
import type { Log } from './log.ts'

/** The most events that one page of history holds. */
const MAX_LIMIT = 1000
const DEFAULT_LIMIT = 100

/** A page of history is one answer in memory, and made in one go; so it takes milliseconds. */
const MAX_PAGE_BYTES = 256 * 1024

/** An event from the history of a channel. */
export interface HistoryEvent {
  readonly id: string
  readonly event: string
  readonly data: unknown
  /** When it was published, ISO 8601. */
  readonly at: string
}

/** A page of a channel's history, oldest first. */
export interface History {
  readonly events: readonly HistoryEvent[]
  /** False when events after `after` were lost before this page. */
  readonly complete: boolean
  /** Give it as `after` for the next page; null at the end. */
  readonly next: string | null
}

/** What part of a channel's history is wanted. */
export interface HistoryQuery {
  /** Exclusive; from the beginning when absent. */
  readonly after?: string | undefined
  /** 1 to 1,000; 100 when absent. */
  readonly limit?: number | undefined
}

/**
 * Reads a channel's history.
 * @throws ProblemError `after-invalid`, `limit-invalid` or `log-unavailable`
 */
export async function readHistory(log: Log, channel: ChannelName, query: HistoryQuery): Promise<History> {
  const limit = query.limit ?? DEFAULT_LIMIT
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) throw new ProblemError('limit-invalid')
  const after = query.after === undefined ? ZERO : parsePosition(query.after)
  if (after === undefined) throw new ProblemError('after-invalid')
  const page = await log.read({ channels: [channel], after, maxEntries: limit, maxBytes: MAX_PAGE_BYTES })
  return {
    events: page.entries.map(({ position, event, at }) => ({
      id: String(position),
      event: event.type,
      data: eventValue(event),
      at: new Date(at).toISOString(),
    })),
    // Who asks from the beginning asks for what there is; that an earlier log existed is no loss of this one.
    complete: page.gaps.every((gap) => query.after === undefined && gap.reason === 'restarted'),
    next: page.reachedHead || page.entries.length === 0 ? null : String(page.through),
  }
}
