/** No server may ask for a longer pause, in milliseconds. */
const LONGEST_MS = 3_600_000

/** What an attempt waits for when the server said nothing, in milliseconds. */
const FIRST_MS = 1000

/**
 * How long to wait before the next attempt, in milliseconds. The server's word is the least; above it the pause is
 * random up to a bound that doubles with each failure, so that clients which lost their server together do not come
 * back together.
 */
export function pauseMs(failures: number, askedMs: number | undefined, maxMs: number): number {
  const least = Math.min(askedMs ?? 0, LONGEST_MS)
  const most = Math.min(maxMs, Math.max(FIRST_MS, least) * 2 ** failures)
  return least + Math.random() * Math.max(0, most - least)
}

/** `Retry-After` in milliseconds from now: seconds, or a date. Undefined when it is neither. */
export function retryAfterMs(value: string | null): number | undefined {
  if (value === null) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
