import type { Clock } from './clock.ts'

/**
 * Lets those who make large answers go one after the other, one in each turn of the event loop: what thousands ask at
 * once would otherwise be made before anybody else is heard.
 */
export class Turns {
  readonly #clock: Pick<Clock, 'defer'>
  readonly #waiting: (() => void)[] = []
  #isTaken = false

  constructor(clock: Pick<Clock, 'defer'>) {
    this.#clock = clock
  }

  /** Resolves when it is the caller's turn: at once when nobody had this one. */
  next(): Promise<void> {
    if (this.#isTaken) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#isTaken = true
    this.#clock.defer(this.#turn)
    return Promise.resolve()
  }

  readonly #turn = (): void => {
    const next = this.#waiting.shift()
    this.#isTaken = next !== undefined
    if (!next) return
    this.#clock.defer(this.#turn)
    next()
  }
}
