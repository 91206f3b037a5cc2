/** Keys that signatures are checked with, and the algorithms they fit. */
import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { ProblemError } from '@fanline/protocol'
import { createLocalJWKSet, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose'

/** A shorter secret could be guessed. */
export const MIN_SECRET_LENGTH = 32

/** Shorter RSA keys can be broken (RFC 7518, section 3.3). */
const MIN_RSA_BITS = 2048

/** A secret is at least as long as the hash (RFC 7518, section 3.2). */
const SECRET_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['HS256', MIN_SECRET_LENGTH],
  ['HS384', 48],
  ['HS512', 64],
])

/** By type of key, or by its curve. */
const PUBLIC_ALGORITHMS: ReadonlyMap<string | undefined, readonly string[]> = new Map([
  ['RSA', ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
  ['P-256', ['ES256']],
  ['P-384', ['ES384']],
  ['P-521', ['ES512']],
  ['Ed25519', ['EdDSA', 'Ed25519']],
])

const ALL_PUBLIC: readonly string[] = [...PUBLIC_ALGORITHMS.values()].flat()

/** The keys of one issuer. */
export interface VerificationKeys {
  /** Named here and never taken from a token, which must not choose how it is checked (RFC 8725, section 3.1). */
  readonly algorithms: readonly string[]
  /** What stands for the keys in force: another object once they have changed; undefined while they must be fetched. */
  current(): object | undefined
  /** The key for a token by its header. */
  readonly find: JWTVerifyGetKey
}

/**
 * A secret that the issuer shares.
 * @throws ProblemError `option-invalid`
 */
export function secretKeys(secret: string, algorithms: readonly string[] = ['HS256']): VerificationKeys {
  if (secret.trimStart().startsWith('-----BEGIN')) {
    throw new ProblemError('option-invalid', 'A secret is no key in PEM: that is a publicKey.')
  }
  for (const algorithm of algorithms) {
    const length = SECRET_LENGTHS.get(algorithm)
    if (length === undefined) throw unfit(algorithm, 'a secret', [...SECRET_LENGTHS.keys()])
    if (secret.length < length) {
      throw new ProblemError(
        'option-invalid',
        `A JWT secret has at least ${length} characters for ${algorithm}.`,
      )
    }
  }
  const key = new TextEncoder().encode(secret)
  return { algorithms, current: () => key, find: () => key }
}

/**
 * A public key, or a set of them.
 * @throws ProblemError `option-invalid`
 */
export function publicKeys(
  input: string | JWK | JSONWebKeySet,
  algorithms?: readonly string[],
): VerificationKeys {
  const keys = parsePublicKeys(input)
  const fitting = [...new Set(keys.flatMap(fittingAlgorithms))]
  if (fitting.length === 0) throw new ProblemError('option-invalid', 'publicKey holds no key for signatures.')
  for (const algorithm of algorithms ?? []) {
    if (!fitting.includes(algorithm)) throw unfit(algorithm, 'the public key', fitting)
  }
  const find = keyFinder(keys)
  return { algorithms: algorithms ?? fitting, current: () => find, find }
}

/**
 * Checks names of algorithms with public keys; all there are when none are named.
 * @throws ProblemError `option-invalid`
 */
export function publicAlgorithms(algorithms: readonly string[] = ALL_PUBLIC): readonly string[] {
  const wrong = algorithms.find((algorithm) => !ALL_PUBLIC.includes(algorithm))
  if (wrong !== undefined) throw unfit(wrong, 'a set of public keys', ALL_PUBLIC)
  return algorithms
}

/** Those of a fetched set that can be used: one that cannot must not cost its neighbours. */
export function usableKeys(keys: readonly JWK[]): JWK[] {
  return keys.filter((key) => {
    try {
      return fittingAlgorithms(key).length > 0
    } catch {
      // Weak, private or broken: as if it were not there.
      return false
    }
  })
}

/** Chooses the key for a token by its `kid` and `alg`. Keys without any name are tried without one. */
export function keyFinder(keys: readonly JWK[]): JWTVerifyGetKey {
  const choose = createLocalJWKSet({ keys: [...keys] })
  const isNamed = keys.some(({ kid }) => kid !== undefined)
  return (header, token) => choose(isNamed ? header : { alg: header.alg }, token)
}

function parsePublicKeys(input: string | JWK | JSONWebKeySet): readonly JWK[] {
  const value: unknown = typeof input === 'string' ? parseText(input.trim()) : input
  const keys = isObject(value) && 'keys' in value ? value.keys : [value]
  if (!Array.isArray(keys) || !keys.every(isObject)) throw noPublicKey()
  return keys
}

function parseText(text: string): unknown {
  if (text.includes('PRIVATE KEY')) throw privateKey()
  try {
    return text.startsWith('{') ? JSON.parse(text) : createPublicKey(text).export({ format: 'jwk' })
  } catch (cause) {
    throw noPublicKey(cause)
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/**
 * What a public key can check; nothing when it is not for signatures.
 * @throws ProblemError `option-invalid` for a key that is no public one, or too short
 */
function fittingAlgorithms(jwk: JWK): readonly string[] {
  if (jwk.kty === 'oct' || jwk.d !== undefined) throw privateKey()
  if ((jwk.use !== undefined && jwk.use !== 'sig') || jwk.key_ops?.includes('verify') === false) return []
  const algorithms = PUBLIC_ALGORITHMS.get(jwk.kty === 'RSA' ? jwk.kty : jwk.crv) ?? []
  if (algorithms.length === 0) return []
  const bits = publicKeyOf(jwk).asymmetricKeyDetails?.modulusLength
  if (bits !== undefined && bits < MIN_RSA_BITS) {
    throw new ProblemError('option-invalid', `An RSA key has at least ${MIN_RSA_BITS} bits, not ${bits}.`)
  }
  return algorithms.filter((algorithm) => jwk.alg === undefined || jwk.alg === algorithm)
}

function publicKeyOf(jwk: JWK): ReturnType<typeof createPublicKey> {
  try {
    return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
  } catch (cause) {
    throw noPublicKey(cause)
  }
}

function noPublicKey(cause?: unknown): ProblemError {
  return new ProblemError('option-invalid', 'publicKey is PEM, a JWK or a JWK set.', { cause })
}

function privateKey(): ProblemError {
  return new ProblemError('option-invalid', 'publicKey is public: keep what signs tokens with the issuer.')
}

function unfit(algorithm: string, key: string, fitting: readonly string[]): ProblemError {
  return new ProblemError('option-invalid', `${algorithm} is no algorithm for ${key}: ${fitting.join(', ')}.`)
}
