import type { Clock } from '@fanline/hub'
import type { Random } from './random.ts'

interface Timer {
  dueMs: number
  readonly intervalMs: number | undefined
  readonly task: () => void
}

/**
 * Time and turns under the seed's control: tasks that are ready run in any order, one at a time, and time moves on
 * between them when the seed says so.
 */
export class SimClock implements Clock {
  readonly #random: Random
  #nowMs = 1_700_000_000_000
  /** By how much the clock was set forward, in all. */
  #aheadMs = 0
  #ready: (() => void)[] = []
  readonly #timers = new Set<Timer>()

  constructor(random: Random) {
    this.#random = random
  }

  now(): number {
    return this.#nowMs + this.#aheadMs
  }

  /** The clock is set anew; timers run on. */
  jump(ms: number): void {
    this.#aheadMs += ms
  }

  random(): number {
    return this.#random.next()
  }

  defer(task: () => void): void {
    this.#ready.push(task)
  }

  after(delayMs: number, task: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + delayMs, intervalMs: undefined, task })
  }

  every(intervalMs: number, task: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + intervalMs, intervalMs, task })
  }

  /** True when something waits for its turn, timers aside. */
  get busy(): boolean {
    return this.#ready.length > 0
  }

  /** Runs one ready task, if there is one. */
  step(): void {
    const index = Math.floor(this.#random.next() * this.#ready.length)
    const [task] = this.#ready.splice(index, 1)
    task?.()
  }

  /** Moves time on; timers that are due become ready. */
  pass(ms: number): void {
    this.#nowMs += ms
    for (const timer of this.#timers) {
      if (timer.dueMs > this.#nowMs) continue
      if (timer.intervalMs === undefined) this.#timers.delete(timer)
      else timer.dueMs = this.#nowMs + timer.intervalMs
      this.#ready.push(timer.task)
    }
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }
}
