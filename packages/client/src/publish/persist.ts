import { pauseMs } from '../backoff.ts'
import { PublishError } from './publish-error.ts'

/** No pause is longer, unless the server asks for it; in milliseconds. */
const LONGEST_PAUSE_MS = 30_000

/** What broke is often a connection that was kept for too long: so the first pauses are shorter than those of a stream, up to 1/8 s. */
const QUICK = 3

/**
 * Tries again, with growing random pauses, while that may help and the time is not over.
 * @throws what the last attempt did, or the reason of the signal
 */
export async function persist<Result>(
  attempt: () => Promise<Result>,
  retryForMs: number,
  signal: AbortSignal | undefined,
): Promise<Result> {
  const until = Date.now() + retryForMs
  for (let failures = 0; ; failures++) {
    signal?.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof PublishError && error.retryable)) throw error
      const { retryAfterMs } = error
      const ms = pauseMs(retryAfterMs ? failures : failures - QUICK, retryAfterMs, LONGEST_PAUSE_MS)
      if (Date.now() + ms > until) throw error
      await pause(ms, signal)
    }
  }
}

/** Resolves after the time, or at once when the signal is aborted. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
}
