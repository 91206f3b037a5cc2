import { type Clock, systemClock } from '../clock.ts'
import { seededRandom } from './seeded-random.ts'

interface Timer {
  dueMs: number
  readonly intervalMs: number | undefined
  readonly task: () => void
}

/**
 * A clock for tests: time stands still until `advance`, turns of the event loop are real ones. So a test over real
 * sockets decides when a time-out is over, and waits for nothing.
 */
export class FakeClock implements Clock {
  readonly random: () => number
  #nowMs: number
  readonly #timers = new Set<Timer>()

  /** @param options.nowMs where time starts, in milliseconds since 1970 */
  constructor({ nowMs = 1_700_000_000_000, seed = 1 }: { nowMs?: number; seed?: number } = {}) {
    this.#nowMs = nowMs
    this.random = seededRandom(seed)
  }

  now(): number {
    return this.#nowMs
  }

  defer(task: () => void): void {
    systemClock.defer(task)
  }

  after(delayMs: number, task: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + delayMs, intervalMs: undefined, task })
  }

  every(intervalMs: number, task: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + intervalMs, intervalMs, task })
  }

  /** Lets time pass, and runs what is due on the way, in order. */
  advance(ms: number): void {
    const end = this.#nowMs + ms
    for (let timer = this.#due(end); timer; timer = this.#due(end)) {
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
      if (timer.intervalMs === undefined) this.#timers.delete(timer)
      else timer.dueMs += timer.intervalMs
      timer.task()
    }
    this.#nowMs = end
  }

  /** Sets time back or forward without running anything, as a clock that is put right does. */
  jump(nowMs: number): void {
    this.#nowMs = nowMs
  }

  #due(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.dueMs <= end && (next === undefined || timer.dueMs < next.dueMs)) next = timer
    }
    return next
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }
}
