import type { Clock } from './clock.ts'

/** A page of 64 KiB costs some 30 µs to read and write, so this is a slice of about a millisecond. */
const PAGES_PER_TURN = 32

/** Who takes a turn. */
export interface CatchingUp {
  /** Reads and writes one page. Never rejects. */
  catchUp(): Promise<void>
}

/** Lets connections that catch up take turns, a page each, so that thousands that return at once delay nobody else. */
export class CatchUps {
  readonly #clock: Clock
  #waiting: CatchingUp[] = []
  #next = 0
  #scheduled = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(connection: CatchingUp): void {
    this.#waiting.push(connection)
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.defer(this.#turn)
  }

  readonly #turn = (): void => {
    const end = Math.min(this.#next + PAGES_PER_TURN, this.#waiting.length)
    while (this.#next < end) void this.#waiting[this.#next++]!.catchUp()
    if (this.#next < this.#waiting.length) {
      this.#clock.defer(this.#turn)
      return
    }
    this.#waiting = []
    this.#next = 0
    this.#scheduled = false
  }
}
