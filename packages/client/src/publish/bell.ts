/** Lets many wait for the next change. */
export class Bell {
  #waiting: (() => void)[] = []

  ring(): void {
    for (const goOn of this.#waiting.splice(0)) goOn()
  }

  /** Resolves when it rings, or after the time in milliseconds. */
  next(limitMs?: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (limitMs === undefined) return
      const timer = setTimeout(resolve, limitMs)
      this.#waiting.push(() => clearTimeout(timer))
    })
  }
}
