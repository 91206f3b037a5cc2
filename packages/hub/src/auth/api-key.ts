import { timingSafeEqual } from 'node:crypto'
import { ProblemError } from '@fanline/protocol'
import { type Access, type Authenticator, bearerToken, grantAccess } from '../authenticator.ts'
import { digest } from './digest.ts'

export { type ApiKeyStore, apiKeys, type NewKey, newApiKey, type StoredKey } from './api-keys.ts'

/** A shorter key could be guessed. */
export const MIN_KEY_LENGTH = 32

/**
 * Lets in who sends the key as `Authorization: Bearer`: the application's own servers. They may do everything.
 * @throws ProblemError `option-invalid` for a key that is too short
 */
export function apiKey(key: string): Authenticator {
  if (key.length < MIN_KEY_LENGTH) {
    throw new ProblemError('option-invalid', `An API key has at least ${MIN_KEY_LENGTH} characters.`)
  }
  const expected = digest(key)
  const access: Access = grantAccess({ admin: true, credential: { kind: 'key' } })
  return (source) => {
    const token = bearerToken(source)
    return token !== undefined && timingSafeEqual(digest(token), expected) ? access : undefined
  }
}
