import { type Position, ZERO } from '@fanline/protocol'
import type { Entry } from './log.ts'

/**
 * The newest entries that the log announced. A connection that has read the log up to a place inside the feed takes the
 * rest from here, in the same turn, and is live. One bounded feed serves all connections: nobody holds entries of its
 * own while it catches up, and who falls out of the feed reads the log again.
 */
export class Feed {
  readonly #maxEntries: number
  readonly #maxLength: number
  #entries: Entry[] = []
  #length = 0
  /** Entries at or below this position are no longer held. */
  #start = ZERO
  #end = ZERO

  /** @param maxLength characters of data, and of the ids that must not get it */
  constructor(maxEntries: number, maxLength: number) {
    this.#maxEntries = maxEntries
    this.#maxLength = maxLength
  }

  /** The position of the newest announced entry. */
  get end(): Position {
    return this.#end
  }

  /** Everything up to here was announced. More of the newest position may follow: one publish can have many entries. */
  get complete(): Position {
    return Math.max(ZERO, this.#end - 1) as Position
  }

  /** Takes entries in position order; ephemeral ones are not kept. */
  push(batch: readonly Entry[]): void {
    for (const entry of batch) {
      if (entry.position === null) continue
      this.#entries.push(entry)
      this.#length += lengthOf(entry)
      this.#end = entry.position
    }
    // Halving makes the cost of forgetting constant per entry.
    if (this.#entries.length > this.#maxEntries || this.#length > this.#maxLength) this.#forgetHalf()
  }

  /**
   * Something up to this position was not announced: nobody may rely on the feed for it. Of the position itself, entries
   * of other channels may still come.
   */
  forget(through: Position): void {
    if (through <= this.#start) return
    this.#start = through
    this.#entries = this.after(through).slice()
    this.#measure()
    if (through > this.#end) this.#end = through
  }

  /** True when every announced entry after `position` is held. */
  covers(position: Position): boolean {
    return position >= this.#start
  }

  /** The held entries after `position`, oldest first. */
  after(position: Position): readonly Entry[] {
    if (position >= this.#end) return NOTHING
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle]!.position as Position) <= position) low = middle + 1
      else high = middle
    }
    return this.#entries.slice(low)
  }

  #forgetHalf(): void {
    const half = this.#entries.length >>> 1
    // All entries of one publish share a position, and so are kept together.
    this.forget(((this.#entries[half]!.position as Position) - 1) as Position)
  }

  #measure(): void {
    this.#length = 0
    for (const entry of this.#entries) this.#length += lengthOf(entry)
  }
}

function lengthOf({ event, except }: Entry): number {
  let length = event.data.length
  for (const id of except) length += id.length
  return length
}

const NOTHING: readonly Entry[] = []
