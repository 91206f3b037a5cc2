import type { LogCanary } from '../../log.ts'

/** A word that was not heard again for so long is lost, and this node may have missed what was announced; milliseconds. */
export const LOST_MS = 3000

/**
 * Words that a node sends itself through Redis, on the way that entries take. Whether they come back, and when, says
 * more of a log than the state of its connections does.
 */
export class Canary {
  #sent = 0
  #lost = 0
  #lastMs: number | null = null
  #heardAt = 0
  /** When each was sent, the oldest first. */
  readonly #underWay = new Map<string, number>()

  /** From now on words should come back; those before were sent when nobody listened yet. */
  begin(): void {
    this.#underWay.clear()
    this.#heardAt = performance.now()
  }

  /** A word to send now. */
  next(): string {
    // Nobody can say it who does not hear it.
    const word = `${++this.#sent}-${crypto.randomUUID()}`
    this.#underWay.set(word, performance.now())
    this.#giveUpLate()
    return word
  }

  isUnderWay(word: string): boolean {
    return this.#underWay.has(word)
  }

  /** A word came back; false when it is none, or came too late. */
  heard(word: string): boolean {
    this.#giveUpLate()
    const sentAt = this.#underWay.get(word)
    if (sentAt === undefined) return false
    this.#heardAt = performance.now()
    this.#lastMs = this.#heardAt - sentAt
    this.#underWay.delete(word)
    return true
  }

  /** How long ago one came back in time, or the beginning was; milliseconds. */
  get silentMs(): number {
    return performance.now() - this.#heardAt
  }

  state(): LogCanary {
    this.#giveUpLate()
    return { sent: this.#sent, lost: this.#lost, roundTripMs: this.#roundTripMs() }
  }

  /** The last one's, unless the oldest under way has taken longer already. */
  #roundTripMs(): number | null {
    const [sentAt] = this.#underWay.values()
    const waitedMs = sentAt === undefined ? 0 : performance.now() - sentAt
    return this.#lastMs === null ? null : Math.max(this.#lastMs, waitedMs)
  }

  #giveUpLate(): void {
    const now = performance.now()
    for (const [word, sentAt] of this.#underWay) {
      if (now - sentAt < LOST_MS) return
      this.#underWay.delete(word)
      this.#lost++
    }
  }
}
