import { type Grant, isGranted, parseGrant } from '@fanline/protocol'
import type { Happening } from './inspector-log.ts'

/** What a user would see. */
export interface Sight {
  readonly user: string
  /** What the user's open streams follow: what is for everybody, for the user, and topics. */
  readonly channels: ReadonlySet<string>
  /** Ids of these streams. */
  readonly connections: ReadonlySet<string>
  /** What the user may follow beside. */
  readonly grants: readonly Grant[]
}

/** One of `GET /v1/connections`. */
interface Stream {
  readonly id: string
  readonly channels: readonly string[]
}

/**
 * What a user sees on some streams, and on those that the user may open.
 * @param patterns channels and patterns of channels, with white space or commas between them; what is no pattern is left out
 */
export function sightOf(user: string, streams: readonly Stream[], patterns: string): Sight {
  const grants = patterns
    .split(/[\s,]+/)
    .filter(Boolean)
    .flatMap(grantOf)
  return {
    user,
    channels: new Set(['@all', `@user:${user}`, ...streams.flatMap(({ channels }) => channels)]),
    connections: new Set(streams.map(({ id }) => id)),
    grants,
  }
}

/** True for an event that the user gets or may get, and for what happens to the user's streams. */
export function sees(sight: Sight, { what, user, channels = [], except = [] }: Happening): boolean {
  if (what !== 'published') return user === sight.user
  if (except.some((id) => id === sight.user || sight.connections.has(id))) return false
  return channels.some(
    (channel) =>
      sight.channels.has(channel) ||
      sight.connections.has(channel.replace('@connection:', '')) ||
      isGranted(sight.grants, channel),
  )
}

function grantOf(pattern: string): Grant[] {
  try {
    return [parseGrant(pattern)]
  } catch {
    return [] // Somebody is still writing it.
  }
}
