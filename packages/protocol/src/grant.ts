import { MAX_CHANNEL_BYTES } from './channel.ts'
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

/** True when one of the grants covers the channel. Linear in their length; names of the hub are never covered. */
export function isGranted(grants: readonly Grant[], channel: string): boolean {
  if (grants.length === 0 || channel.startsWith('@')) return false
  const segments = channel.split('.')
  return grants.some((grant) => covers(grant, segments))
}

function covers(grant: Grant, segments: readonly string[]): boolean {
  const isOpenEnded = grant.at(-1) === '**'
  if (isOpenEnded ? segments.length < grant.length : segments.length !== grant.length) return false
  return grant.every((part, i) => part === '**' || part === '*' || part === segments[i])
}

function refuse(pattern: unknown): never {
  throw new ProblemError('grant-invalid', `${JSON.stringify(pattern)} is not a channel name or pattern.`)
}
