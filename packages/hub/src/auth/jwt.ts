/** JSON Web Tokens for those who listen. Needs the package `jose`. */
import { type Authenticator, bearerToken, type CredentialSource } from '../authenticator.ts'
import { cookieToken } from './cookie.ts'
import type { JwtOptions } from './jwt-options.ts'
import { TokenVerifier } from './token-verifier.ts'

export type { CookieOptions } from './cookie.ts'
export type { JwtIssuer, JwtOptions } from './jwt-options.ts'
export { claimedGrants } from './token-grants.ts'
export { type TokenReport, tokenReport } from './token-report.ts'
export { MIN_SECRET_LENGTH } from './verification-keys.ts'

/**
 * Lets in who sends a token as `Authorization: Bearer`, or where the options say. Its claim `fanline` says what they may
 * do: `{ "subscribe": ["orders.*"], "publish": ["chat.42"], "role": "viewer" }`. A token must say when it expires.
 * `jwt({ secret })` is enough for a single issuer.
 * @throws ProblemError `option-invalid`
 */
export function jwt(options: JwtOptions): Authenticator {
  const verifier = new TokenVerifier(options)
  return (source) => {
    const token = tokenIn(source, options)
    return token === undefined ? undefined : verifier.verify(token)
  }
}

/** What somebody put there on purpose counts before what a browser adds by itself. */
function tokenIn(source: CredentialSource, { cookie, tokenInQuery }: JwtOptions): string | undefined {
  const inQuery = tokenInQuery ? (source.query.get('token') ?? undefined) : undefined
  return bearerToken(source) ?? inQuery ?? (cookie && cookieToken(source, cookie))
}
