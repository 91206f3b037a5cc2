import { ALL_CHANNEL, MAX_CHANNEL_BYTES, parseUser, USER_PREFIX } from './channel.ts'
import { ProblemError } from './problem.ts'
import { utf8Length } from './utf8.ts'

/** Channels that somebody may read or write: a name, or a pattern with `*` and a final `**`. */
export type Grant = readonly string[] & { readonly __brand: 'Grant' }

/** A pattern is a channel name in which white space and control characters stay forbidden, but `*` is not. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\s,]/u

/**
 * Accepts a channel name or pattern. `*` stands for one segment, a final `**` for one or more: `orders.*` covers
 * `orders.eu`, not `orders.eu.1`; `**` covers everything.
 * @throws ProblemError `grant-invalid`
 */
export function parseGrant(pattern: unknown): Grant {
  if (typeof pattern !== 'string' || pattern === '' || utf8Length(pattern) > MAX_CHANNEL_BYTES)
    refuse(pattern)
  if (FORBIDDEN.test(pattern) || pattern.startsWith('@')) refuse(pattern)
  const segments = pattern.split('.')
  segments.forEach((segment, i) => {
    const isLast = i === segments.length - 1
    if (segment.includes('*') && segment !== '*' && !(segment === '**' && isLast)) refuse(pattern)
  })
  return segments as readonly string[] as Grant
}

const EVERY_USER = `${USER_PREFIX}*`

/**
 * Accepts what {@link parseGrant} does, and the names by which a publisher reaches people: `@all`, `@user:NAME`, and
 * `@user:*` for every single user.
 * @throws ProblemError `grant-invalid`
 */
export function parsePublishGrant(pattern: unknown): Grant {
  if (pattern === ALL_CHANNEL || pattern === EVERY_USER || isUserName(pattern)) {
    return [pattern] as readonly string[] as Grant
  }
  return parseGrant(pattern)
}

/** True when one of the grants covers the channel. Linear in their length; no pattern covers a name of the hub. */
export function isGranted(grants: readonly Grant[], channel: string): boolean {
  if (grants.length === 0) return false
  if (channel.startsWith('@')) {
    const isUser = channel.startsWith(USER_PREFIX)
    return grants.some(([name]) => name === channel || (isUser && name === EVERY_USER))
  }
  const segments = channel.split('.')
  return grants.some((grant) => covers(grant, segments))
}

function covers(grant: Grant, segments: readonly string[]): boolean {
  const isOpenEnded = grant.at(-1) === '**'
  if (isOpenEnded ? segments.length < grant.length : segments.length !== grant.length) return false
  return grant.every((part, i) => part === '**' || part === '*' || part === segments[i])
}

function isUserName(pattern: unknown): pattern is string {
  if (typeof pattern !== 'string' || !pattern.startsWith(USER_PREFIX)) return false
  try {
    parseUser(pattern.slice(USER_PREFIX.length))
    return true
  } catch {
    // Whatever else is wrong with it: parseGrant refuses every name that starts with "@".
    return false
  }
}

function refuse(pattern: unknown): never {
  throw new ProblemError('grant-invalid', `${JSON.stringify(pattern)} is not a channel name or pattern.`)
}
