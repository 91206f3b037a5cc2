import { ProblemError } from '@fanline/protocol'
import type { Clock } from './clock.ts'

/** The longest that a request for a stream is held back, in milliseconds: shorter than clients and proxies wait. */
const HOLD_MS = 2000

/** Over how long those who cannot be held are spread, in milliseconds. */
const SPREAD_MS = 30_000

/**
 * A timer may be so late, in milliseconds, and what it missed is made up for: on a busy machine one would come in each
 * turn of the event loop otherwise. What was missed before is lost, so a second has a tenth more than it may at the most.
 */
const LATE_MS = 100

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
  /** Who waits to come in, the first one first. */
  #waiting: (() => void)[] = []

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
    const interval = this.#intervalMs
    // Nobody is further away than that: the clock was set back.
    if (this.#freeAt > now + interval) this.#freeAt = now
    if (this.#waiting.length === 0 && this.#freeAt <= now) {
      this.#enter(now)
      return undefined
    }
    if (this.#freeAt + this.#waiting.length * interval > now + HOLD_MS) throw this.#appointment(now)
    if (this.#waiting.length === 0) this.#clock.after(this.#freeAt - now, this.#letIn)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Nobody waits any more. */
  close(): void {
    for (const enter of this.#waiting.splice(0)) enter()
  }

  get #intervalMs(): number {
    return 1000 / this.#perSecond
  }

  readonly #letIn = (): void => {
    const now = this.#clock.now()
    if (this.#freeAt > now + this.#intervalMs) this.#freeAt = now
    for (; this.#freeAt <= now && this.#waiting.length > 0; this.#enter(now)) this.#waiting.shift()!()
    if (this.#waiting.length > 0) this.#clock.after(this.#freeAt - now, this.#letIn)
  }

  #enter(now: number): void {
    if (now - this.#freeAt > LATE_MS) this.#freeAt = now
    this.#freeAt += this.#intervalMs
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
