import { randomBytes, timingSafeEqual } from 'node:crypto'
import { ProblemError, type Role } from '@fanline/protocol'
import { type Access, type Authenticator, bearerToken, grantAccess } from '../authenticator.ts'
import { type Clock, systemClock } from '../clock.ts'
import { digest } from './digest.ts'

/** What is kept of a key: never the key. */
export interface StoredKey {
  readonly id: string
  /** SHA-256 of its secret, in hexadecimal digits. */
  readonly hash: string
  /** Topics and patterns of topics. */
  readonly subscribe?: readonly string[] | undefined
  /** Topics and patterns of topics, `@all`, `@user:*` or `@user:NAME`. */
  readonly publish?: readonly string[] | undefined
  readonly role?: Role | undefined
  /** The same as the role `admin`. */
  readonly admin?: boolean | undefined
  /** In milliseconds since 1970; it does not end when absent. */
  readonly expiresAt?: number | undefined
}

/** Where keys are kept. */
export interface ApiKeyStore {
  /** The key with this id, always the same object until something about it changes; undefined when there is none. */
  find(id: string): StoredKey | undefined
  /** Called each time a key has let somebody in. */
  used?(id: string): void
}

/** A key that nobody has yet. */
export interface NewKey {
  /** What its holder sends. It cannot be found out again. */
  readonly key: string
  /** What is kept. */
  readonly id: string
  readonly hash: string
}

const PREFIX = 'fl_'
const ID_BYTES = 6

/** Nobody guesses 256 bits, so a plain hash is enough: it needs no salt and need not be slow. */
const SECRET_BYTES = 32

/** Makes a key: `fl_`, its id, `_`, and a random secret. */
export function newApiKey(): NewKey {
  const id = randomBytes(ID_BYTES).toString('hex')
  const secret = randomBytes(SECRET_BYTES).toString('hex')
  return { key: `${PREFIX}${id}_${secret}`, id, hash: digest(secret).toString('hex') }
}

/**
 * Lets in who sends one of the keys as `Authorization: Bearer`, to do what was granted to that key. A key that is no
 * longer found counts no more, also for what it opened before.
 */
export function apiKeys(store: ApiKeyStore, clock: Pick<Clock, 'now'> = systemClock): Authenticator {
  const known = new WeakMap<StoredKey, Access>()
  return (source) => {
    const token = bearerToken(source)
    if (!token?.startsWith(PREFIX)) return undefined
    const mark = token.indexOf('_', PREFIX.length)
    const id = token.slice(PREFIX.length, mark)
    const secret = token.slice(mark + 1)
    const stored = store.find(id)
    // One answer for both: which ids there are is nobody's business.
    if (!stored || !timingSafeEqual(digest(secret), Buffer.from(stored.hash, 'hex'))) {
      throw new ProblemError('token-invalid', 'There is no such API key.')
    }
    if (stored.expiresAt !== undefined && stored.expiresAt <= clock.now()) {
      throw new ProblemError('token-expired', 'It was an API key.')
    }
    store.used?.(id)
    let access = known.get(stored)
    if (!access) {
      access = accessOf(stored, store)
      known.set(stored, access)
    }
    return access
  }
}

function accessOf(stored: StoredKey, store: ApiKeyStore): Access {
  const { id, subscribe, publish, role, admin, expiresAt } = stored
  return {
    ...grantAccess({ subscribe, publish, role, admin, expiresAt, credential: { kind: 'key', id } }),
    isWithdrawn: () => store.find(id) !== stored,
  }
}
