import {
  ALL_CHANNEL,
  type ChannelName,
  ProblemError,
  parseChannel,
  parsePosition,
  parseUser,
  USER_PREFIX,
  userChannel,
} from '@fanline/protocol'
import { cut, type Happening } from './happenings.ts'
import type { Log } from './log.ts'

/** A page takes milliseconds to make. */
const PAGE_ENTRIES = 500
const PAGE_BYTES = 256 * 1024

/** Which part of the past is wanted. */
export interface PastQuery {
  /** Topics, `@all`, and `@user:NAME`. */
  readonly channels: readonly string[]
  /** Exclusive; an id that is at least the microseconds since 1970 of its publish. */
  readonly after: string
}

/** Some of what was published, oldest first. */
export interface Past {
  /** Those that are `published`, and `gap` for what the log no longer has. */
  readonly happenings: readonly Happening[]
  /** The `after` of the next page. */
  readonly through: string
  /** False when there is more. */
  readonly isNow: boolean
}

/**
 * Reads what was published as an operator sees what happens.
 * @throws ProblemError `after-invalid`, `channel-invalid`, `channel-reserved`, `user-invalid` or `log-unavailable`
 */
export async function readPast(log: Log, { channels, after }: PastQuery): Promise<Past> {
  const position = parsePosition(after)
  if (position === undefined) throw new ProblemError('after-invalid')
  const page = await log.read({
    channels: channels.map(parseFollowed),
    after: position,
    maxEntries: PAGE_ENTRIES,
    maxBytes: PAGE_BYTES,
  })
  const gaps = page.gaps.map(({ channel, after, through, reason }): Happening => {
    return { at: through / 1000, what: 'gap', channels: [channel], reason, gap: { after, through } }
  })
  const published = page.entries.map(({ position, channel, also = [], at, event, except }) =>
    cut({
      at,
      what: 'published',
      id: String(position),
      channels: [channel, ...also],
      event,
      ...(except.length > 0 && { except }),
    }),
  )
  return {
    happenings: [...gaps, ...published],
    through: String(page.through),
    isNow: page.reachedHead,
  }
}

function parseFollowed(name: string): ChannelName {
  if (name === ALL_CHANNEL) return ALL_CHANNEL
  return name.startsWith(USER_PREFIX)
    ? userChannel(parseUser(name.slice(USER_PREFIX.length)))
    : parseChannel(name)
}
