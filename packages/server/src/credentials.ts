import { apiKey, apiKeys } from '@fanline/hub/api-key'
import { jwt } from '@fanline/hub/jwt'
import { type Authenticator, firstOf } from '@fanline/hub/routes'
import type { ProblemError } from '@fanline/protocol'
import { closedAccess } from './closed-access.ts'
import type { Config } from './config/server-options.ts'
import { Failure, usageFailure } from './failure.ts'
import { FileKeys } from './keys/file-keys.ts'
import { jwtOptions, tokenIssuers } from './token-issuers.ts'

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
 * @param onProblem hears when keys of an issuer could not be fetched
 * @throws Failure for a key or a file that cannot be used
 */
export function credentials(config: Config, onProblem: (problem: ProblemError) => void): Credentials {
  const { api } = config
  const known: Authenticator[] = []
  if (api.key !== '') known.push(apiKey(api.key))
  const keys = api.keysFile === '' ? undefined : keysIn(api.keysFile)
  if (keys) known.push(apiKeys(keys))
  const tokens = jwtOptions(config)
  if (tokens) known.push(jwt({ ...tokens, onProblem }))
  return { authenticator: known.length === 0 ? closedAccess() : firstOf(known), keys }
}

function keysIn(file: string): FileKeys {
  try {
    return new FileKeys(file)
  } catch (error) {
    throw error instanceof Failure ? usageFailure(error.message) : error
  }
}
