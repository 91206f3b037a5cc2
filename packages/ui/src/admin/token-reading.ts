import { parseRole } from '@fanline/protocol'

/** What a token says. */
export interface TokenReading {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** Takes a JSON Web Token apart; undefined for what is none. Its signature is not looked at. */
export function readToken(token: string): TokenReading | undefined {
  const [header, claims, signature] = token.trim().split('.')
  if (header === undefined || claims === undefined || signature === undefined) return undefined
  try {
    return { header: objectIn(header), claims: objectIn(claims) }
  } catch {
    return undefined // not base64url, not UTF-8 or not JSON: whatever it is, it is no token
  }
}

/** Why a token is refused whatever it is signed with; empty when nothing speaks against it. */
export function reasonsToRefuse({ header, claims }: TokenReading, nowMs: number): readonly string[] {
  const { exp, nbf, iat, jti, fanline } = claims
  const reasons: string[] = []
  if (header.alg === 'none') reasons.push('It is not signed: its header says alg "none".')
  if (exp === undefined) reasons.push('It does not say when it ends: the claim exp is missing.')
  else if (typeof exp !== 'number') reasons.push('Its claim exp is not a number of seconds.')
  else if (exp * 1000 <= nowMs) reasons.push(`It has expired: ${timeOf(exp)}.`)
  if (typeof nbf === 'number' && nbf * 1000 > nowMs) reasons.push(`It is not good before ${timeOf(nbf)}.`)
  if (iat !== undefined && typeof iat !== 'number') reasons.push('Its claim iat is not a number of seconds.')
  if (jti !== undefined && typeof jti !== 'string') reasons.push('Its claim jti is not a string.')
  if (fanline !== undefined && !areGrants(fanline)) reasons.push('Its claim fanline is not a set of grants.')
  return reasons
}

/** Seconds since 1970 as a date that can be read. */
export function timeOf(seconds: unknown): string {
  const time = new Date(typeof seconds === 'number' ? seconds * 1000 : Number.NaN)
  return Number.isNaN(time.getTime()) ? 'not a time' : time.toISOString()
}

function areGrants(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { subscribe = [], publish = [], role, admin } = value as Record<string, unknown>
  try {
    parseRole({ role, admin })
  } catch {
    return false // ProblemError `grant-invalid`
  }
  return Array.isArray(subscribe) && Array.isArray(publish)
}

function objectIn(part: string): Record<string, unknown> {
  const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'))
  const text = new TextDecoder('utf-8', { fatal: true }).decode(
    Uint8Array.from(binary, (letter) => letter.charCodeAt(0)),
  )
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError('not an object')
  return value as Record<string, unknown>
}
