import type { Clock } from './clock.ts'

/** The longest that input waits, in milliseconds. */
const LONGEST_MS = 50

/** With half of the time deliveries leave in more and smaller writes, which cost a third more in all. */
const SHARE = 1 / 4

/**
 * How long a turn of work may last that is done bit by bit: a quarter of what everything else took while the work waited
 * for it. However much input comes, such work has a fifth of the time.
 */
export class FairTurn {
  readonly #clock: Pick<Clock, 'now'>
  #waitsSince = 0
  #end = 0

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** To be called when there is work that waits for its turn. */
  wait(): void {
    this.#waitsSince = this.#clock.now()
  }

  begin(): void {
    const now = this.#clock.now()
    this.#end = now + Math.min(SHARE * (now - this.#waitsSince), LONGEST_MS)
  }

  /** True while the turn may go on. */
  hasTime(): boolean {
    return this.#clock.now() < this.#end
  }
}
