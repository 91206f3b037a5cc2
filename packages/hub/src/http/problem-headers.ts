import type { ProblemError } from '@fanline/protocol'

/** What stands above a problem in an HTTP answer. A 401 names the way to authenticate (RFC 9110, section 15.5.2). */
export function problemHeaders(problem: ProblemError): Record<string, string> {
  return {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(problem.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
    ...(problem.retryAfterMs === undefined ? {} : { 'Retry-After': seconds(problem.retryAfterMs) }),
    ...problem.headers,
  }
}

/** Whole ones, and not too early. */
function seconds(ms: number): string {
  return String(Math.ceil(ms / 1000))
}
