/** What the claims of a token grant. */
import { ProblemError, parseRole, parseUser } from '@fanline/protocol'
import type { JWTPayload } from 'jose'
import { type Access, type Grants, grantAccess } from '../authenticator.ts'
import type { JwtIssuer, JwtOptions } from './jwt-options.ts'

/** How claims are read. */
export type GrantRules = Pick<JwtIssuer, 'userClaim' | 'userPrefix'> &
  Pick<JwtOptions, 'clockToleranceMs' | 'grants'>

/** The last second that a date can name (ECMA-262, section 21.4.1.1). */
const MAX_DATE_S = 8.64e12

/**
 * What a token grants by its claims, whether they are true or not.
 * @throws ProblemError `token-invalid`, and what the function `grants` throws
 */
export async function grantsIn(claims: JWTPayload, rules: GrantRules): Promise<Grants> {
  const { clockToleranceMs = 0, grants = claimedGrants } = rules
  const { exp, iat, jti } = claims
  if (!isDate(exp)) throw unacceptable('exp', 'is missing, or is no date')
  if (iat !== undefined && !isDate(iat)) throw unacceptable('iat', 'is no date')
  if (jti !== undefined && typeof jti !== 'string') throw unacceptable('jti', 'is no string')
  const endsAt = exp * 1000 + clockToleranceMs
  const user = userIn(claims, rules)
  const granted = await grants(claims)
  return {
    user,
    ...granted,
    expiresAt: Math.min(endsAt, granted.expiresAt ?? endsAt),
    credential: { kind: 'token', id: jti, issuedAt: iat === undefined ? undefined : iat * 1000 },
  }
}

/**
 * What a verified token allows.
 * @throws ProblemError `token-invalid`, and what the function `grants` throws
 */
export async function accessIn(claims: JWTPayload, rules: GrantRules): Promise<Access> {
  const grants = await grantsIn(claims, rules)
  try {
    return grantAccess(grants)
  } catch (cause) {
    // What the application's own function answers is no fault of the token.
    throw rules.grants ? new Error('The function grants answered no grants.', { cause }) : noGrants(cause)
  }
}

function userIn(claims: JWTPayload, { userClaim = 'sub', userPrefix = '' }: GrantRules): string | undefined {
  const claim = [userClaim].flat().find((name) => claims[name] !== undefined)
  if (claim === undefined) return undefined
  const user = claims[claim]
  // A number that is not exact could be that of somebody else.
  if (typeof user !== 'string' && !Number.isSafeInteger(user)) {
    throw unacceptable(claim, 'is neither a string nor a whole number')
  }
  try {
    return parseUser(`${userPrefix}${user}`)
  } catch (cause) {
    throw unacceptable(claim, 'cannot be the id of a user', cause)
  }
}

/**
 * What the claim `fanline` grants.
 * @throws ProblemError `token-invalid`
 */
export function claimedGrants({ fanline = {} }: JWTPayload): Grants {
  if (typeof fanline !== 'object' || fanline === null) throw noGrants()
  const { subscribe, publish, role, admin } = fanline as Record<string, unknown>
  if (!isListOrAbsent(subscribe) || !isListOrAbsent(publish)) throw noGrants()
  try {
    return { subscribe, publish, role: parseRole({ role, admin }) }
  } catch (cause) {
    throw noGrants(cause)
  }
}

function isListOrAbsent(value: unknown): value is string[] | undefined {
  return value === undefined || Array.isArray(value)
}

function isDate(seconds: unknown): seconds is number {
  return typeof seconds === 'number' && Math.abs(seconds) < MAX_DATE_S
}

function noGrants(cause?: unknown): ProblemError {
  return unacceptable('fanline', 'is not a set of grants', cause)
}

function unacceptable(claim: string, what: string, cause?: unknown): ProblemError {
  return new ProblemError('token-invalid', `Its claim "${claim}" ${what}.`, { cause })
}
