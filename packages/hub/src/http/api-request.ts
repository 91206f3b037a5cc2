import type { StreamRequest } from './stream-request.ts'

/** A request to the native API, wherever it came from. */
export interface ApiRequest {
  readonly method: string
  /** Without the query, still percent-encoded. */
  readonly path: string
  readonly query: URLSearchParams
  /** @param name in lower case */
  header(name: string): string | undefined
  /**
   * The whole body.
   * @throws ProblemError `body-too-large`, `body-timeout` or `bad-request` when the client left before its end
   */
  text(): Promise<string>
  /** The body as it arrives. */
  chunks(): AsyncIterable<Uint8Array>
}

/** What the native API answers. */
export type ApiAnswer =
  | { readonly json: unknown; readonly status?: number; readonly headers?: Record<string, string> }
  /** Lines of NDJSON, as they become known. */
  | { readonly lines: AsyncIterable<string> }
  /** A stream for this user and these channels. */
  | { readonly stream: StreamRequest }
  /** Why nobody was let in to a stream: perhaps told inside one. */
  | { readonly refusal: unknown }
