import { Unauthorized } from '../errors.ts'
import { answerError, jsonOf, PublishError } from './publish-error.ts'

/** Where events are published, and by whom. Times are in milliseconds. */
export interface PublisherOptions {
  /** Sent as `Authorization: Bearer`, if there is no `getToken`. */
  readonly token?: string | undefined
  /**
   * The token for `Authorization: Bearer`; asked before each request, and again when the one it gave was refused. When it
   * throws `Unauthorized` nothing is tried again.
   */
  readonly getToken?: (() => string | Promise<string>) | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly credentials?: RequestCredentials | undefined
  /** The global `fetch` when absent. */
  readonly fetch?: typeof fetch | undefined
  /** For how long an event that was not answered is tried again; 30 s when absent, 0 tries once. */
  readonly retryForMs?: number | undefined
  /** How long an answer may take before it counts as lost; 15 s when absent. */
  readonly answerTimeoutMs?: number | undefined
}

/** The route by which events are published: one attempt, one answer. */
export class PublishRoute {
  readonly #url: string
  readonly #options: PublisherOptions
  readonly answerTimeoutMs: number
  /** False where a request has to be there as a whole before it is answered: in browsers, and behind some proxies. */
  takesLines: boolean = !globalThis.navigator?.userAgent?.startsWith('Mozilla/')

  constructor(url: string | URL, options: PublisherOptions) {
    this.#url = new URL(url, globalThis.location?.href).href
    this.#options = options
    this.answerTimeoutMs = options.answerTimeoutMs ?? 15_000
  }

  /**
   * Sends a body that is known, and reads the whole answer.
   * @throws PublishError, or the reason of the signal
   */
  async post(body: string, signal: AbortSignal | undefined): Promise<unknown> {
    const attempt = new AbortController()
    const stop = (): void => attempt.abort(signal?.reason)
    const timer = setTimeout(() => attempt.abort(), this.answerTimeoutMs)
    signal?.addEventListener('abort', stop)
    try {
      let response = await this.open({ body }, 'application/json', attempt.signal)
      // Perhaps the token ended on its way.
      if (response.status === 401 && this.#options.getToken) {
        await response.body?.cancel()
        response = await this.open({ body }, 'application/json', attempt.signal)
      }
      const text = await response.text()
      const answer = jsonOf(text)
      if (response.status !== 200 || answer === undefined) throw answerError(response, text)
      return answer
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof PublishError) throw error
      const why = attempt.signal.aborted ? `no answer within ${this.answerTimeoutMs} ms` : String(error)
      throw new PublishError('unreachable', `Nobody answers at ${this.#url}: ${why}.`, {
        retryable: true,
        cause: error,
      })
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
  }

  /**
   * Sends a body and resolves with the head of the answer.
   * @throws PublishError `token`, or what `fetch` does
   */
  async open(body: RequestInit, contentType: string, signal: AbortSignal): Promise<Response> {
    const { fetch = globalThis.fetch, headers, credentials } = this.#options
    const token = await this.#token()
    return fetch(this.#url, {
      method: 'POST',
      headers: {
        ...headers,
        'Content-Type': contentType,
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(credentials === undefined ? {} : { credentials }),
      ...body,
      signal,
    })
  }

  async #token(): Promise<string | undefined> {
    const { getToken, token } = this.#options
    if (!getToken) return token
    try {
      return await getToken()
    } catch (cause) {
      throw new PublishError('token', `There is no token: ${String(cause)}.`, {
        retryable: !(cause instanceof Unauthorized),
        cause,
      })
    }
  }
}
