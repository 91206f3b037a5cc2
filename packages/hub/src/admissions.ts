import { ProblemError } from '@fanline/protocol'
import type { Clock } from './clock.ts'

/** The longest that a request for a stream is held back, in milliseconds: shorter than clients and proxies wait. */
const HOLD_MS = 2000

/** Over how long those who cannot be held are spread, in milliseconds. */
const SPREAD_MS = 30_000

/**
 * Lets streams in one after the other, so many a second. When thousands come back at once, each waits a moment for its
 * turn; who would wait for too long is told when to come again, everybody another time.
 */
export class Admissions {
  readonly #clock: Pick<Clock, 'now' | 'after'>
  readonly #perSecond: number
  /** When the next one may come in, in milliseconds since 1970. */
  #freeAt = 0
  /** When the next one of those who were sent away is to come again. */
  #appointmentAt = 0
  readonly #waiting = new Set<() => void>()

  /** @param perSecond 0 for any number */
  constructor(clock: Pick<Clock, 'now' | 'after'>, perSecond: number) {
    this.#clock = clock
    this.#perSecond = perSecond
  }

  /**
   * Resolves when the caller's turn has come; undefined when it has come already.
   * @throws ProblemError `too-many-connects`
   */
  turn(): Promise<void> | undefined {
    if (this.#perSecond === 0) return undefined
    const now = this.#clock.now()
    // Nobody is held for longer than that: the clock was set back.
    if (this.#freeAt > now + 2 * HOLD_MS) this.#freeAt = now
    const at = Math.max(now, this.#freeAt)
    if (at - now > HOLD_MS) throw this.#appointment(now)
    this.#freeAt = at + this.#intervalMs
    return at === now ? undefined : this.#wait(at - now)
  }

  /** Nobody waits any more. */
  close(): void {
    for (const enter of [...this.#waiting]) enter()
  }

  get #intervalMs(): number {
    return 1000 / this.#perSecond
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const enter = (): void => {
        cancel()
        this.#waiting.delete(enter)
        resolve()
      }
      const cancel = this.#clock.after(delayMs, enter)
      this.#waiting.add(enter)
    })
  }

  /** Each after the one before it, at the pace of those who come in; in a circle, so that nobody is sent away for long. */
  #appointment(now: number): ProblemError {
    const first = now + HOLD_MS
    const next = this.#appointmentAt + this.#intervalMs
    this.#appointmentAt = next < first || next > first + SPREAD_MS ? first : next
    return new ProblemError('too-many-connects', `At most ${this.#perSecond} a second.`, {
      retryAfterMs: Math.round(this.#appointmentAt - now),
    })
  }
}
