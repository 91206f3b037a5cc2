/** How long something that has already come in may take to be read, in milliseconds. */
const GRACE_MS = 500

/** Notices a stream on which nothing comes any more. */
export class Watchdog {
  readonly #onSilence: () => void
  #limitMs = Number.POSITIVE_INFINITY
  #heardAt = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(onSilence: () => void) {
    this.#onSilence = onSilence
  }

  /** From now on something must come every so many milliseconds; nothing must when absent. */
  watch(limitMs: number = Number.POSITIVE_INFINITY): void {
    this.#limitMs = limitMs
    this.heard()
    this.look()
  }

  /** Something came. */
  heard(): void {
    this.#heardAt = Date.now()
  }

  /** Looks now whether it was quiet for too long. */
  look(): void {
    clearTimeout(this.#timer)
    if (this.#limitMs === Number.POSITIVE_INFINITY) return
    const heardAt = this.#heardAt
    const leftMs = heardAt + this.#limitMs - Date.now()
    // After a sleep this comes late, and before what the network has brought: that gets its turn first.
    this.#timer = setTimeout(
      () => {
        if (leftMs <= 0 && heardAt === this.#heardAt) this.#onSilence()
        else this.look()
      },
      leftMs > 0 ? leftMs : GRACE_MS,
    )
  }
}
