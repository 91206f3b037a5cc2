import type { Clock } from './clock.ts'

/** The longest that input waits, in milliseconds. */
const LONGEST_MS = 50

/**
 * How long a turn of work may last that is done bit by bit: as long as everything else took while the work waited for it.
 * However much input comes, such work has half of the time.
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
    this.#end = now + Math.min(now - this.#waitsSince, LONGEST_MS)
  }

  /** True while the turn may go on. */
  hasTime(): boolean {
    return this.#clock.now() < this.#end
  }
}
