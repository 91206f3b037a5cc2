/** How often late bodies are looked for, in milliseconds. */
const SWEEP_MS = 1000

/** A body on its way. */
export interface AwaitedBody {
  /** When it must be here, in milliseconds since 1970. */
  readonly deadline: number
  /** It is not. */
  expire(): void
}

/** One timer for all bodies: most are here before a timer of their own could be made, which would cost 2 % of a publish. */
export class BodyDeadlines {
  readonly #awaited = new Set<AwaitedBody>()
  #timer: NodeJS.Timeout | undefined

  add(body: AwaitedBody): void {
    this.#awaited.add(body)
    this.#timer ??= setInterval(this.#sweep, SWEEP_MS).unref()
  }

  delete(body: AwaitedBody): void {
    this.#awaited.delete(body)
  }

  readonly #sweep = (): void => {
    const now = Date.now()
    for (const body of this.#awaited) {
      if (body.deadline > now) continue
      this.#awaited.delete(body)
      body.expire()
    }
    if (this.#awaited.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
