import { apiKey, apiKeys } from '@fanline/hub/api-key'
import { jwt } from '@fanline/hub/jwt'
import { type Authenticator, firstOf } from '@fanline/hub/routes'
import type { ProblemError } from '@fanline/protocol'
import { closedAccess } from './closed-access.ts'
import type { Config } from './config/server-options.ts'
import { Failure, usageFailure } from './failure.ts'
import { FileKeys } from './keys/file-keys.ts'
import type { Logger } from './logger.ts'
import type { Space } from './presets/space.ts'
import { starterTokens } from './presets/starter-tokens.ts'
import { jwtOptions, tokenIssuers } from './token-issuers.ts'

/** True when somebody could be let in. */
export function hasCredentials({ api, jwt: tokens }: Config): boolean {
  return api.key !== '' || api.keysFile !== '' || tokenIssuers(tokens).length > 0
}

/** Who is let in, and the file of keys that has to be followed for it. */
export interface Credentials {
  readonly authenticator: Authenticator
  /** The same for the clients of the preset `starter`, by the users of its space; undefined when nobody makes tokens. */
  readonly starterAuthenticator: ((space: Space) => Authenticator) | undefined
  readonly keys: FileKeys | undefined
}

/**
 * Who is let in, by what is configured: the API key, those of the file, tokens, or nobody.
 * @param logger hears when keys of an issuer could not be fetched
 * @throws Failure for a key or a file that cannot be used
 */
export function credentials(config: Config, logger: Logger): Credentials {
  const { api } = config
  const known: Authenticator[] = []
  if (api.key !== '') known.push(apiKey(api.key))
  const keys = api.keysFile === '' ? undefined : keysIn(api.keysFile)
  if (keys) known.push(apiKeys(keys))
  const tokens = jwtOptions(config)
  if (!tokens) {
    const authenticator = known.length === 0 ? closedAccess() : firstOf(known)
    return { authenticator, starterAuthenticator: undefined, keys }
  }
  const onProblem = (problem: ProblemError): void =>
    logger.warn({ err: problem }, 'keys of an issuer cannot be fetched')
  const options = { ...tokens, onProblem }
  return {
    authenticator: firstOf([...known, jwt(options)]),
    starterAuthenticator: (space) =>
      firstOf([...known, jwt(starterTokens(options, space, config.cors.origins))]),
    keys,
  }
}

function keysIn(file: string): FileKeys {
  try {
    return new FileKeys(file)
  } catch (error) {
    throw error instanceof Failure ? usageFailure(error.message) : error
  }
}
