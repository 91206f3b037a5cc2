import { ProblemError } from '@fanline/protocol'

/** How long a browser may remember the answer to a preflight, in seconds; more than two hours no browser honours. */
const MAX_AGE_S = 7200

/** What pages of other origins may do, by a list of exact origins (Fetch standard, section 3.2). */
export interface CorsPolicy {
  /** The headers for an answer to a request of this origin; undefined is a request that names none. */
  headers(origin: string | undefined): Readonly<Record<string, string>>
  /** The headers for the answer to a preflight. */
  preflight(origin: string | undefined): Readonly<Record<string, string>>
}

/**
 * Lets pages of the listed origins use the native API, with credentials. An origin is never mirrored: `null` counts
 * only when it is listed, and an origin that is not gets no header, so that its page sees nothing.
 * @throws ProblemError `option-invalid` for an entry that a browser would never send
 */
export function corsPolicy(origins: readonly string[]): CorsPolicy {
  for (const origin of origins) mustBeOrigin(origin)
  const allowed = new Set(origins)
  // Said to everybody: a cache must not give one origin's answer to another.
  const vary = { Vary: 'Origin' }
  const headers = (origin: string | undefined): Readonly<Record<string, string>> =>
    origin !== undefined && allowed.has(origin)
      ? {
          ...vary,
          'Access-Control-Allow-Origin': origin,
          'Access-Control-Allow-Credentials': 'true',
          'Access-Control-Expose-Headers': 'RateLimit, RateLimit-Policy, Retry-After',
        }
      : vary
  return {
    headers,
    preflight: (origin) =>
      origin !== undefined && allowed.has(origin)
        ? {
            ...headers(origin),
            'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE',
            'Access-Control-Allow-Headers':
              'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Traceparent',
            'Access-Control-Max-Age': String(MAX_AGE_S),
          }
        : vary,
  }
}

/** True for what a browser would send as `Origin`. */
export function isOrigin(origin: unknown): origin is string {
  if (origin === 'null') return true
  if (typeof origin !== 'string' || origin.includes('*')) return false
  return URL.canParse(origin) && new URL(origin).origin === origin
}

function mustBeOrigin(origin: string): void {
  if (isOrigin(origin)) return
  throw new ProblemError(
    'option-invalid',
    `${JSON.stringify(origin)} is not an origin such as https://app.example: scheme, host, and port if it is not the usual one.`,
  )
}
