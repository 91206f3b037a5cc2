import { apiKey, apiKeys } from '@fanline/hub/api-key'
import { jwt } from '@fanline/hub/jwt'
import { type Authenticator, firstOf } from '@fanline/hub/routes'
import { closedAccess } from './closed-access.ts'
import type { Config } from './config/server-options.ts'
import { FileKeys } from './keys/file-keys.ts'
import { tokenIssuers } from './token-issuers.ts'

/** True when somebody could be let in. */
export function hasCredentials({ api, jwt: tokens }: Config): boolean {
  return api.key !== '' || api.keysFile !== '' || tokenIssuers(tokens).length > 0
}

/** Who is let in, and the file of keys that has to be followed for it. */
export interface Credentials {
  readonly authenticator: Authenticator
  readonly keys: FileKeys | undefined
}

/**
 * Who is let in, by what is configured: the API key, those of the file, tokens, or nobody.
 * @throws Failure for a file that cannot be used
 */
export function credentials({ api, cors, jwt: tokens }: Config): Credentials {
  const known: Authenticator[] = []
  if (api.key !== '') known.push(apiKey(api.key))
  const keys = api.keysFile === '' ? undefined : new FileKeys(api.keysFile)
  if (keys) known.push(apiKeys(keys))
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
  return { authenticator: known.length === 0 ? closedAccess() : firstOf(known), keys }
}
