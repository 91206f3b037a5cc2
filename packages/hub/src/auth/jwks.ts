/** The public keys of an issuer, fetched from where it publishes them. */
import { ProblemError } from '@fanline/protocol'
import { errors, type JWK, type JWTVerifyGetKey } from 'jose'
import type { Clock } from '../clock.ts'
import { keyFinder, publicAlgorithms, usableKeys, type VerificationKeys } from './verification-keys.ts'

/** How old a set may be before it is fetched again. */
const MAX_AGE_MS = 600_000

/** Between two fetches, whatever asks for them: tokens with keys that do not exist must not become requests. */
const COOL_DOWN_MS = 30_000

/** The same while there is no set at all, so that a start in the wrong order costs little. */
const FIRST_COOL_DOWN_MS = 5000

/** Headers and body of a fetch together. */
const FETCH_TIMEOUT_MS = 5000

/** Sets take a few KiB. */
const MAX_SET_BYTES = 256 * 1024

/** How a set is fetched. */
export interface RemoteKeysOptions {
  /** https, or http to this machine. */
  readonly url: string
  readonly algorithms?: readonly string[] | undefined
  readonly clock: Pick<Clock, 'now'>
  /** Hears of each fetch that failed, at most once in a cool-down. */
  readonly onProblem: (problem: ProblemError) => void
}

/**
 * A JWK set by URL. It is fetched for the first token, and again in the background when it is old, or at once when a
 * token names a key that it does not have. The last good set stays in force when a fetch fails.
 */
export class RemoteKeys implements VerificationKeys {
  readonly algorithms: readonly string[]
  readonly #url: URL
  readonly #clock: Pick<Clock, 'now'>
  readonly #onProblem: (problem: ProblemError) => void
  #find: JWTVerifyGetKey | undefined
  #text = ''
  #fetchedAt = Number.NEGATIVE_INFINITY
  #attemptedAt = Number.NEGATIVE_INFINITY
  #fetching: Promise<void> | undefined

  /** @throws ProblemError `option-invalid` */
  constructor({ url, algorithms, clock, onProblem }: RemoteKeysOptions) {
    this.algorithms = publicAlgorithms(algorithms)
    this.#url = parseUrl(url)
    this.#clock = clock
    this.#onProblem = onProblem
  }

  current(): object | undefined {
    if (!this.#find || this.#wasForgotten()) return undefined
    if (this.#isOld()) void this.#refresh()
    return this.#find
  }

  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (!this.current()) await this.#refresh()
    try {
      return await this.#mustFind()(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      await this.#refresh()
      return this.#mustFind()(header, token)
    }
  }

  /** Nobody has asked for so long that a key may have been withdrawn since: even a good set waits for its successor. */
  #wasForgotten(): boolean {
    return this.#clock.now() - this.#attemptedAt > 2 * MAX_AGE_MS
  }

  #isOld(): boolean {
    return this.#clock.now() - this.#fetchedAt > MAX_AGE_MS
  }

  #mustFind(): JWTVerifyGetKey {
    if (this.#find) return this.#find
    const retryAfterS = Math.ceil((this.#attemptedAt + FIRST_COOL_DOWN_MS - this.#clock.now()) / 1000)
    throw new ProblemError('keys-unavailable', undefined, {
      headers: { 'Retry-After': String(Math.max(retryAfterS, 1)) },
    })
  }

  /** Joins the fetch under way, or begins one if the last is long enough ago. Never rejects. */
  async #refresh(): Promise<void> {
    const coolDownMs = this.#find ? COOL_DOWN_MS : FIRST_COOL_DOWN_MS
    if (!this.#fetching && this.#clock.now() - this.#attemptedAt >= coolDownMs) {
      this.#attemptedAt = this.#clock.now()
      this.#fetching = this.#fetch().finally(() => {
        this.#fetching = undefined
      })
    }
    await this.#fetching
  }

  async #fetch(): Promise<void> {
    try {
      const text = await fetchText(this.#url)
      // The same set stays the same object: what was verified with it stays verified.
      if (text !== this.#text) {
        this.#find = keyFinder(usableKeys(parseSet(text)))
        this.#text = text
      }
      this.#fetchedAt = this.#clock.now()
    } catch (cause) {
      const { origin, pathname } = this.#url
      this.#onProblem(
        new ProblemError('keys-unavailable', `${origin}${pathname}: ${reasonOf(cause)}`, { cause }),
      )
    }
  }
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw new ProblemError('option-invalid', 'jwksUrl is no URL.')
  const url = new URL(text)
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal)) {
    throw new ProblemError('option-invalid', 'jwksUrl begins with https://; http only to this machine.')
  }
  if (url.username !== '' || url.password !== '') {
    throw new ProblemError('option-invalid', 'jwksUrl holds a user or password; keys are public.')
  }
  return url
}

/** Follows no redirect: it could lead anywhere, such as to addresses that only this machine reaches. */
async function fetchText(url: URL): Promise<string> {
  const response = await fetch(url, {
    redirect: 'manual',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    headers: { Accept: 'application/jwk-set+json, application/json' },
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`it answered ${response.status}, not 200`)
  }
  return readText(response)
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    // Leaving the loop cancels the body.
    if (length > MAX_SET_BYTES) throw new Error(`it is larger than ${MAX_SET_BYTES / 1024} KiB`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function parseSet(text: string): readonly JWK[] {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    // The parser's own words quote the text.
    throw new Error('it is not JSON')
  }
  const { keys } = (set ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'object' && key !== null)) {
    throw new Error('it is no JWK set')
  }
  return keys
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'it took too long'
  // What went wrong with the connection stands behind "fetch failed".
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}
