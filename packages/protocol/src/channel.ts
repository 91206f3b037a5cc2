import { ProblemError } from './problem.ts'
import { utf8Length } from './utf8.ts'

/** The name of a channel that went through a parser of this file. */
export type ChannelName = string & { readonly __brand: 'ChannelName' }

/** Who a connection belongs to: 1–256 bytes, no control character. */
export type UserId = string & { readonly __brand: 'UserId' }

/** The longest channel name, in bytes of UTF-8. */
export const MAX_CHANNEL_BYTES = 200

/** The longest user id, in bytes of UTF-8. */
export const MAX_USER_BYTES = 256

/** The channel that every connection follows. */
export const ALL_CHANNEL: ChannelName = '@all' as ChannelName

/** What stands before a user's id in the name of their channel. */
export const USER_PREFIX = '@user:'
const CONNECTION_PREFIX = '@connection:'

/** `*` is for grants, `,` for lists in query strings; white space and control characters would break frames. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\s*,]/u
const CONTROL = /[\p{Cc}\p{Cs}]/u

/**
 * Accepts the name of a topic: 1–200 bytes, no control character, white space, `*` or `,`, not starting with `@`.
 * @throws ProblemError `channel-invalid` or `channel-reserved`
 */
export function parseChannel(name: unknown): ChannelName {
  if (
    typeof name !== 'string' ||
    name === '' ||
    utf8Length(name) > MAX_CHANNEL_BYTES ||
    FORBIDDEN.test(name)
  ) {
    throw new ProblemError('channel-invalid', `${quote(name)} is not a channel name.`)
  }
  if (name.startsWith('@')) {
    throw new ProblemError('channel-reserved', `${quote(name)} starts with "@", which is kept for the hub.`)
  }
  return name as ChannelName
}

/**
 * Accepts a user id: 1–256 bytes without control characters.
 * @throws ProblemError `user-invalid`
 */
export function parseUser(user: unknown): UserId {
  if (typeof user !== 'string' || user === '' || utf8Length(user) > MAX_USER_BYTES || CONTROL.test(user)) {
    throw new ProblemError('user-invalid', `${quote(user)} is not a user id.`)
  }
  return user as UserId
}

/** The channel that all connections of one user follow. */
export function userChannel(user: UserId): ChannelName {
  return `${USER_PREFIX}${user}` as ChannelName
}

/** Names one connection as the target of an entry that is not stored. */
export function connectionChannel(id: string): ChannelName {
  return `${CONNECTION_PREFIX}${id}` as ChannelName
}

/** The id in a {@link connectionChannel}; undefined for any other channel. */
export function connectionOf(channel: ChannelName): string | undefined {
  return channel.startsWith(CONNECTION_PREFIX) ? channel.slice(CONNECTION_PREFIX.length) : undefined
}

/** A value from outside, shown in an error without flooding it. */
function quote(value: unknown): string {
  if (typeof value !== 'string') return `A ${value === null ? 'null' : typeof value}`
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
}
