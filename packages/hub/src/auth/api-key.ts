import { createHash, timingSafeEqual } from 'node:crypto'
import { ProblemError } from '@fanline/protocol'
import { type Access, type Authenticator, bearerToken, grantAccess } from '../authenticator.ts'

/** A shorter key could be guessed. */
export const MIN_KEY_LENGTH = 32

/**
 * Lets in who sends the key as `Authorization: Bearer`: the application's own servers. They may publish everywhere and
 * administer.
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
    // Digests have one length, so that the time of the comparison tells nothing.
    return token !== undefined && timingSafeEqual(digest(token), expected) ? access : undefined
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
