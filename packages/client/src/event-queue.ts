/** How events wait for a loop that takes them. */
export interface QueueOptions {
  /** How many may wait; 1,000 when absent. */
  readonly limit?: number | undefined
  /**
   * When more than that wait: `fail` ends the loop with an {@link EventOverflow}; `wait` holds up the whole stream until
   * there is room, and the server keeps what comes meanwhile. `fail` when absent.
   */
  readonly overflow?: 'fail' | 'wait' | undefined
  /** Ends the loop. */
  readonly signal?: AbortSignal | undefined
}

/** A loop took its events too slowly. */
export class EventOverflow extends Error {
  override readonly name = 'EventOverflow'
}

/** Between a stream that pushes and a loop that takes. */
export class EventQueue<Item> implements AsyncIterableIterator<Item, undefined> {
  readonly #limit: number
  readonly #overflow: 'fail' | 'wait'
  readonly #onEnd: () => void
  readonly #items: Item[] = []
  readonly #takers: ((result: Promise<IteratorResult<Item, undefined>>) => void)[] = []
  #isEnded = false
  #error: unknown
  #makeRoom: () => void = () => undefined

  /** @param onEnd called once, when nothing is to be pushed any more */
  constructor({ limit = 1000, overflow = 'fail', signal }: QueueOptions, onEnd: () => void) {
    this.#limit = limit
    this.#overflow = overflow
    this.#onEnd = onEnd
    if (signal?.aborted) this.end()
    else signal?.addEventListener('abort', () => void this.return(), { once: true })
  }

  /** A promise asks to push nothing more until it resolves. */
  push(item: Item): Promise<void> | undefined {
    if (this.#isEnded) return undefined
    const give = this.#takers.shift()
    if (give) {
      give(Promise.resolve({ done: false, value: item }))
      return undefined
    }
    const mayWait = this.#overflow === 'wait'
    if (!mayWait && this.#items.length >= this.#limit) {
      this.end(new EventOverflow(`More than ${this.#limit} events waited.`))
      return undefined
    }
    const hasRoom = this.#items.push(item) < this.#limit
    return new Promise((resolve) => {
      if (mayWait && !hasRoom) this.#makeRoom = resolve
      // More may have come together than a loop takes meanwhile: it has its turn.
      else resolve()
    })
  }

  /** What waits can still be taken; then the loop ends, or throws. */
  end(error?: unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#error = error
    this.#makeRoom()
    this.#onEnd()
    for (const give of this.#takers.splice(0)) give(this.#last())
  }

  async next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#items.length > 0) {
      this.#makeRoom()
      return { done: false, value: this.#items.shift() as Item }
    }
    if (this.#isEnded) return this.#last()
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    this.#items.length = 0
    this.end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The error comes once. */
  async #last(): Promise<IteratorResult<Item, undefined>> {
    const error = this.#error
    this.#error = undefined
    if (error !== undefined) throw error
    return { done: true, value: undefined }
  }
}
