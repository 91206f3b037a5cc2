import { apiKey } from '@fanline/hub/api-key'
import { jwt } from '@fanline/hub/jwt'
import { type Authenticator, firstOf } from '@fanline/hub/routes'
import { closedAccess } from './closed-access.ts'
import type { Config } from './config/server-options.ts'
import { tokenIssuers } from './token-issuers.ts'

/** True when somebody could be let in. */
export function hasCredentials({ api, jwt: tokens }: Config): boolean {
  return api.key !== '' || tokenIssuers(tokens).length > 0
}

/** Who is let in, by what is configured: the API key, tokens, or nobody. */
export function credentials({ api, cors, jwt: tokens }: Config): Authenticator {
  const known: Authenticator[] = []
  if (api.key !== '') known.push(apiKey(api.key))
  if (tokens.secret !== '') {
    known.push(
      jwt({
        secret: tokens.secret,
        issuer: tokens.issuer || undefined,
        audience: tokens.audience || undefined,
        cookie: tokens.cookie === '' ? undefined : { name: tokens.cookie, origins: cors.origins },
        userClaim: tokens.userClaim,
        clockToleranceMs: tokens.clockToleranceMs,
      }),
    )
  }
  return known.length === 0 ? closedAccess() : firstOf(known)
}
