/** JSON Web Tokens for those who listen. Needs the package `jose`. */
import { ProblemError } from '@fanline/protocol'
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose'
import { type Access, type Authenticator, bearerToken, grantAccess } from '../authenticator.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type CookieOptions, cookieToken } from './cookie.ts'

/** A shorter secret could be guessed. */
export const MIN_SECRET_LENGTH = 32

/** Verified tokens that are remembered, so that a publisher's token is verified once and not for each publish. */
const MAX_REMEMBERED = 10_000

/** How tokens are checked. */
export interface JwtOptions {
  /** The shared secret of HS256 tokens; at least 32 characters. */
  readonly secret: string
  /** What `iss` must say; not looked at when absent. */
  readonly issuer?: string | undefined
  /** What `aud` must name; not looked at when absent. */
  readonly audience?: string | undefined
  /** The claim that says who somebody is, a string or a number; `sub` when absent. */
  readonly userClaim?: string | undefined
  /** How far clocks may differ, in milliseconds; none when absent. */
  readonly clockToleranceMs?: number | undefined
  /** Where else a token may sit, for an EventSource, which cannot send headers. */
  readonly cookie?: CookieOptions | undefined
  readonly clock?: Pick<Clock, 'now'>
}

/**
 * Lets in who sends a token as `Authorization: Bearer`. Its claim `fanline` says what they may do:
 * `{ "subscribe": ["orders.*"], "publish": ["chat.42"], "admin": false }`. A token must say when it expires.
 * @throws ProblemError `option-invalid` for a secret that is too short
 */
export function jwt(options: JwtOptions): Authenticator {
  const {
    secret,
    issuer,
    audience,
    userClaim = 'sub',
    clockToleranceMs = 0,
    cookie,
    clock = systemClock,
  } = options
  if (secret.length < MIN_SECRET_LENGTH) {
    throw new ProblemError('option-invalid', `A JWT secret has at least ${MIN_SECRET_LENGTH} characters.`)
  }
  const key = new TextEncoder().encode(secret)
  const checks: JWTVerifyOptions = {
    // Named, never taken from the token: a token must not choose how it is checked (RFC 8725, section 3.1).
    algorithms: ['HS256'],
    requiredClaims: ['exp'],
    clockTolerance: clockToleranceMs / 1000,
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  }
  const remembered = new Map<string, Access>()

  return async (source) => {
    const token = bearerToken(source) ?? (cookie && cookieToken(source, cookie))
    if (token === undefined) return undefined
    const known = remembered.get(token)
    if (known?.expiresAt !== undefined && known.expiresAt > clock.now()) return known
    const { payload } = await jwtVerify(token, key, {
      ...checks,
      currentDate: new Date(clock.now()),
    }).catch(refuse)
    const access = accessOf(payload, userClaim, clockToleranceMs)
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    remembered.set(token, access)
    return access
  }
}

/** Says why, without a word of what the token holds. */
function refuse(error: unknown): never {
  if (error instanceof errors.JWTExpired) throw new ProblemError('token-expired')
  if (error instanceof errors.JWTClaimValidationFailed) {
    throw new ProblemError('token-invalid', `Its claim "${error.claim}" is missing or not accepted.`)
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    throw new ProblemError('token-invalid', 'Its signature does not fit.')
  }
  if (error instanceof errors.JOSEAlgNotAllowed)
    throw new ProblemError('token-invalid', 'Its algorithm is not HS256.')
  if (error instanceof errors.JOSEError) throw new ProblemError('token-invalid', 'It is not a signed JWT.')
  throw error
}

function accessOf(payload: JWTPayload, userClaim: string, clockToleranceMs: number): Access {
  const user = payload[userClaim]
  if (user !== undefined && typeof user !== 'string' && typeof user !== 'number') {
    throw new ProblemError('token-invalid', `Its claim "${userClaim}" is neither string nor number.`)
  }
  const grants = payload.fanline ?? {}
  try {
    if (!isGrants(grants)) throw new ProblemError('grant-invalid')
    return grantAccess({
      ...grants,
      user: user === undefined ? undefined : String(user),
      credential: {
        kind: 'token',
        id: payload.jti,
        issuedAt: payload.iat === undefined ? undefined : payload.iat * 1000,
      },
      expiresAt: (payload.exp as number) * 1000 + clockToleranceMs,
    })
  } catch (cause) {
    throw new ProblemError('token-invalid', 'Its claim "fanline" is not a set of grants.', { cause })
  }
}

function isGrants(value: unknown): value is { subscribe?: string[]; publish?: string[]; admin?: boolean } {
  if (typeof value !== 'object' || value === null) return false
  const { subscribe, publish, admin } = value as Record<string, unknown>
  return (
    (subscribe === undefined || Array.isArray(subscribe)) &&
    (publish === undefined || Array.isArray(publish)) &&
    (admin === undefined || typeof admin === 'boolean')
  )
}
