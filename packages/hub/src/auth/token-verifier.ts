import { ProblemError } from '@fanline/protocol'
import { decodeJwt, type JWTPayload } from 'jose'
import type { Access } from '../authenticator.ts'
import { systemClock } from '../clock.ts'
import type { JwtIssuer, JwtOptions } from './jwt-options.ts'
import { TokenIssuer } from './token-issuer.ts'

/** Checks tokens of several issuers, each with its own keys. */
export class TokenVerifier {
  readonly #issuers: readonly TokenIssuer[]

  /** @throws ProblemError `option-invalid` */
  constructor(options: JwtOptions) {
    const { clock = systemClock, clockToleranceMs = 0, grants, onProblem = warn } = options
    if (!(clockToleranceMs >= 0)) {
      throw new ProblemError('option-invalid', 'clockToleranceMs is a number of milliseconds from 0.')
    }
    const rules = { clock, clockToleranceMs, grants, onProblem }
    this.#issuers = issuersIn(options).map((issuer) => new TokenIssuer(issuer, rules))
    mustBeDistinct(this.#issuers)
  }

  /**
   * What the holder of a token may do. Answers at once for a token that was verified before.
   * @throws ProblemError `token-invalid`, `token-expired`, `keys-unavailable`, and what the function `grants` throws
   */
  verify(token: string): Access | Promise<Access> {
    for (const issuer of this.#issuers) {
      const access = issuer.remembered(token)
      if (access) return access
    }
    return this.#verifyNew(token)
  }

  /**
   * Whose token it would be. What a token says of itself chooses among those who are configured, and does nothing else.
   * @throws ProblemError `token-invalid`
   */
  issuerOf({ iss }: JWTPayload): TokenIssuer {
    const named = this.#issuers.find(({ name }) => name !== undefined && name === iss)
    const issuer = named ?? this.#issuers.find(({ name }) => name === undefined)
    if (!issuer) throw new ProblemError('token-invalid', 'Its claim "iss" is missing or not accepted.')
    return issuer
  }

  async #verifyNew(token: string): Promise<Access> {
    return this.issuerOf(claimsIn(token)).verify(token)
  }
}

const ISSUER_FIELDS = [
  'secret',
  'publicKey',
  'jwksUrl',
  'algorithms',
  'issuer',
  'audience',
  'userClaim',
  'userPrefix',
] as const satisfies readonly (keyof JwtIssuer)[]

function issuersIn(options: JwtOptions): readonly JwtIssuer[] {
  const { issuers = [] } = options
  const isOneItself = ISSUER_FIELDS.some((field) => options[field] !== undefined)
  return isOneItself || issuers.length === 0 ? [options, ...issuers] : issuers
}

/** A token has one issuer, or it could be checked with the key of another. */
function mustBeDistinct(issuers: readonly TokenIssuer[]): void {
  if (new Set(issuers.map(({ name }) => name)).size < issuers.length) {
    throw new ProblemError('option-invalid', 'No two issuers of tokens have the same issuer, or none.')
  }
}

function claimsIn(token: string): JWTPayload {
  try {
    return decodeJwt(token)
  } catch (cause) {
    throw new ProblemError('token-invalid', 'It is not a signed JWT.', { cause })
  }
}

function warn(problem: ProblemError): void {
  process.emitWarning(problem)
}
