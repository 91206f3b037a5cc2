import type { Clock } from '../../clock.ts'
import type { Wire } from './wire.ts'

/** Sends what is said in one turn of the event loop as one message: the way to another process is paid for each. */
export class Outbox<Word> {
  readonly #wire: Pick<Wire, 'send'>
  readonly #clock: Pick<Clock, 'defer'>
  #words: Word[] = []

  constructor(wire: Pick<Wire, 'send'>, clock: Pick<Clock, 'defer'>) {
    this.#wire = wire
    this.#clock = clock
  }

  say(word: Word): void {
    if (this.#words.push(word) === 1) this.#clock.defer(() => this.flush())
  }

  /** Sends at once what was said. */
  flush(): void {
    const words = this.#words
    if (words.length === 0) return
    this.#words = []
    this.#wire.send(words)
  }
}
