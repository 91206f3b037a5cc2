/** A source that gives what a test tells it to, when it tells it to. */
export class Tap {
  readonly #waiting: unknown[] = []
  readonly #heedsSignal: boolean
  #wake: () => void = () => undefined
  #isOver = false
  #error: unknown
  signal: AbortSignal | undefined

  /** @param options.heedsSignal false for a source that does not care whether anybody wants more */
  constructor({ heedsSignal = true }: { heedsSignal?: boolean } = {}) {
    this.#heedsSignal = heedsSignal
  }

  give(...parts: unknown[]): void {
    this.#waiting.push(...parts)
    this.#wake()
  }

  /** Comes to its end, or fails, after what it was told to give. */
  end(error?: unknown): void {
    this.#isOver = true
    this.#error = error
    this.#wake()
  }

  /** Hand this to the hub. */
  readonly source = (signal: AbortSignal): AsyncGenerator<unknown> => {
    this.signal = signal
    if (this.#heedsSignal) signal.addEventListener('abort', () => this.end(signal.reason))
    return this.#flow()
  }

  async *#flow(): AsyncGenerator<unknown> {
    for (;;) {
      while (this.#waiting.length > 0) yield this.#waiting.shift()
      if (this.#isOver) break
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#error !== undefined) throw this.#error
  }
}
