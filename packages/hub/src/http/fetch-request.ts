import { ProblemError } from '@fanline/protocol'
import type { HubOptions } from '../options.ts'
import type { ApiRequest } from './api-request.ts'

/** A request of the web standard. */
export class FetchRequest implements ApiRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly #request: Request
  readonly #limits: HubOptions['limits']

  constructor(request: Request, basePath: string, limits: HubOptions['limits']) {
    const url = new URL(request.url)
    this.#request = request
    this.#limits = limits
    this.method = request.method
    this.path = url.pathname.slice(basePath.length)
    this.query = url.searchParams
  }

  /** Bound, because an authenticator may take it out of the request that it is given. */
  readonly header = (name: string): string | undefined => this.#request.headers.get(name) ?? undefined

  async text(): Promise<string> {
    const { bodyBytes, bodyTimeoutMs } = this.#limits
    // A raw body is data as it is, a byte order mark included, as on node:http.
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    const reader = this.#request.body?.getReader()
    if (!reader) return ''
    const timeout = AbortSignal.timeout(bodyTimeoutMs)
    timeout.addEventListener('abort', () => void reader.cancel(timeout.reason))
    let text = ''
    let bytes = 0
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      bytes += step.value.length
      if (bytes > bodyBytes) {
        await reader.cancel()
        throw new ProblemError('body-too-large', `At most ${bodyBytes} bytes.`)
      }
      text += decoder.decode(step.value, { stream: true })
    }
    if (timeout.aborted) throw new ProblemError('body-timeout')
    return text + decoder.decode()
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const reader = this.#request.body?.getReader()
    if (!reader) return
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value
  }
}
