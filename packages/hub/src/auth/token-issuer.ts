import { ProblemError } from '@fanline/protocol'
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose'
import type { Access, Grants } from '../authenticator.ts'
import type { Clock } from '../clock.ts'
import { RemoteKeys } from './jwks.ts'
import type { JwtIssuer, JwtOptions } from './jwt-options.ts'
import { accessIn, type GrantRules, grantsIn } from './token-grants.ts'
import { publicKeys, secretKeys, type VerificationKeys } from './verification-keys.ts'

/** Verified tokens of an issuer that are remembered: a publisher's is verified once, and not for each publish. */
const MAX_REMEMBERED = 10_000

/** What holds for the tokens of all issuers. */
export interface TokenRules extends Pick<JwtOptions, 'grants'> {
  readonly clock: Pick<Clock, 'now'>
  readonly clockToleranceMs: number
  readonly onProblem: (problem: ProblemError) => void
}

/** One of those who make tokens: checks theirs, and knows what they grant. */
export class TokenIssuer {
  /** What `iss` says in its tokens; undefined when that is not looked at. */
  readonly name: string | undefined
  readonly #keys: VerificationKeys
  readonly #checks: JWTVerifyOptions
  readonly #clock: Pick<Clock, 'now'>
  readonly #grantRules: GrantRules
  /** By token; all verified with the same keys. */
  readonly #remembered = new Map<string, Access>()
  #rememberedKeys: object | undefined

  /** @throws ProblemError `option-invalid` */
  constructor(options: JwtIssuer, rules: TokenRules) {
    const { issuer, audience, userClaim, userPrefix } = options
    const { clock, clockToleranceMs, grants } = rules
    this.name = issuer
    this.#keys = keysOf(options, rules)
    this.#checks = {
      algorithms: [...this.#keys.algorithms],
      clockTolerance: clockToleranceMs / 1000,
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    }
    this.#clock = clock
    this.#grantRules = { userClaim, userPrefix, clockToleranceMs, grants }
  }

  /** What a token that was verified before allows, while it lasts and its issuer's keys are the same. */
  remembered(token: string): Access | undefined {
    const keys = this.#keys.current()
    if (keys !== this.#rememberedKeys) {
      this.#remembered.clear()
      this.#rememberedKeys = keys
    }
    const access = this.#remembered.get(token)
    return access && !this.#hasEnded(access) ? access : undefined
  }

  /** @throws ProblemError `token-invalid`, `token-expired`, `keys-unavailable`, and what the function `grants` throws */
  async verify(token: string): Promise<Access> {
    const keys = this.#keys.current()
    const access = await accessIn(await this.#verifiedClaims(token), this.#grantRules)
    // The function `grants` may have set an earlier end.
    if (this.#hasEnded(access)) throw new ProblemError('token-expired')
    // Keys that changed meanwhile may no longer have the one that it was checked with.
    if (keys === this.#keys.current()) this.#remember(token, access)
    return access
  }

  /**
   * What a token would grant, whether it is accepted or not.
   * @throws ProblemError `token-invalid`, and what the function `grants` throws
   */
  grantsIn(claims: JWTPayload): Promise<Grants> {
    return grantsIn(claims, this.#grantRules)
  }

  async #verifiedClaims(token: string): Promise<JWTPayload> {
    const currentDate = new Date(this.#clock.now())
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#keys.find, {
        ...this.#checks,
        currentDate,
      })
      mustBeJwt(protectedHeader.typ)
      return payload
    } catch (error) {
      throw refusal(error, this.#keys.algorithms)
    }
  }

  #hasEnded({ expiresAt }: Access): boolean {
    return (expiresAt as number) <= this.#clock.now()
  }

  #remember(token: string, access: Access): void {
    const oldest = this.#remembered.keys().next()
    if (this.#remembered.size >= MAX_REMEMBERED && !oldest.done) this.#remembered.delete(oldest.value)
    this.#remembered.set(token, access)
  }
}

function keysOf(options: JwtIssuer, { clock, onProblem }: TokenRules): VerificationKeys {
  const { secret, publicKey, jwksUrl, algorithms, issuer, audience } = options
  const given = [secret, publicKey, jwksUrl].filter((key) => key !== undefined)
  if (given.length !== 1) {
    throw new ProblemError('option-invalid', 'An issuer of tokens has one of secret, publicKey and jwksUrl.')
  }
  if (algorithms?.length === 0) throw new ProblemError('option-invalid', 'algorithms names at least one.')
  if (secret !== undefined) return secretKeys(secret, algorithms)
  if (publicKey !== undefined) return publicKeys(publicKey, algorithms)
  // Its keys are often those of many applications, so a token has to be for this one.
  if (issuer === undefined || audience === undefined) {
    throw new ProblemError('option-invalid', 'jwksUrl needs issuer and audience beside it.')
  }
  return new RemoteKeys({ url: jwksUrl as string, algorithms, clock, onProblem })
}

/** A token made for something else is none for us (RFC 8725, section 3.11). */
function mustBeJwt(typ: string | undefined): void {
  if (typ === undefined || /^(?:application\/)?(?:at\+)?jwt$/i.test(String(typ))) return
  throw new ProblemError('token-invalid', 'Its "typ" is neither "JWT" nor "at+jwt".')
}

/** Says why, without a word of what the token holds. */
function refusal(error: unknown, algorithms: readonly string[]): unknown {
  if (error instanceof errors.JWTExpired) return new ProblemError('token-expired')
  if (!(error instanceof errors.JOSEError)) return error
  return new ProblemError('token-invalid', reasonOf(error, algorithms), { cause: error })
}

function reasonOf(error: errors.JOSEError, algorithms: readonly string[]): string {
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `Its claim "${error.claim}" is missing or not accepted.`
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return `Its algorithm is not ${algorithms.join(' or ')}.`
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'Its signature does not fit.'
  if (error instanceof errors.JWKSNoMatchingKey) return 'No key of its issuer fits its "kid" and "alg".'
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return 'It needs a "kid": several keys of its issuer fit.'
  return 'It is not a signed JWT.'
}
