import type { ChannelName, Position } from '@fanline/protocol'
import type { Happening } from './happenings.ts'

/**
 * What became of an event on a connection that followed it: `written` live, `caught-up` with when it was read from the
 * log later, `waiting` for that, `left` when the stream ended before, `lost` when a gap was told instead.
 */
export type Fate = (typeof FATES)[number]

/** Those first that an operator looks for. */
export const FATES = ['lost', 'left', 'waiting', 'caught-up', 'written'] as const

/** The way that a connection has come. */
export interface Course {
  readonly channels: readonly ChannelName[]
  /** Where it came in: everything after it is this connection's. */
  readonly begunAt: Position
  /** Everything up to here was written, or named in a gap. */
  readonly cursor: Position
  /** `closed` when the stream has ended. */
  readonly state: string
}

/** What happened to a connection, and where it then stood. */
export interface Turn {
  readonly at: number
  /** Of the connection. */
  readonly number: number
  /**
   * `live` again, told of a `gap`, or no longer live: `opened` behind the head, `behind`, or `followed` more channels;
   * also `behind` is what has to read the log again.
   */
  readonly what: Happening['what']
  /** True when it was live until then. */
  readonly wasLive: boolean
  /** Those that it follows from here on, or that the gap is in. */
  readonly channels: readonly string[]
  /** After which position a gap begins; otherwise the cursor. */
  readonly after: Position
  readonly cursor: Position
}

/**
 * What became of an event on a connection, by its cursor and its turns; undefined when the event was not for it.
 * @param turns of this connection, in their order
 */
export function fateOf(
  position: Position,
  channels: readonly ChannelName[],
  course: Course,
  turns: readonly Turn[],
): { readonly fate: Fate; readonly at: number | null } | undefined {
  if (position <= course.begunAt) return undefined
  const followed = channels.filter(
    (channel) =>
      course.channels.includes(channel) &&
      // It followed this one only later.
      !turns.some(
        (turn) => turn.what === 'followed' && turn.cursor >= position && turn.channels.includes(channel),
      ),
  )
  if (followed.length === 0) return undefined
  if (turns.length === 0 && course.state === 'live' && course.cursor >= position) return WRITTEN
  const gap = turns.find(
    ({ what, after, cursor, channels: [lossy] }) =>
      what === 'gap' && followed.includes(lossy as ChannelName) && after < position && position <= cursor,
  )
  if (gap) return { fate: 'lost', at: gap.at }
  const ways = turns.filter(({ what }) => what !== 'gap')
  const passed = ways.find(({ cursor }) => cursor >= position)
  if (passed) return passed.wasLive ? WRITTEN : { fate: 'caught-up', at: passed.at }
  const hasEnded = course.state === 'closed'
  if (course.cursor < position) return { fate: hasEnded ? 'left' : 'waiting', at: null }
  const isLive = hasEnded ? (ways.at(-1)?.what ?? 'live') === 'live' : course.state === 'live'
  return isLive ? WRITTEN : { fate: 'caught-up', at: null }
}

/** When is known of its flush. */
const WRITTEN = { fate: 'written', at: null } as const
