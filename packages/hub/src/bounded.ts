/**
 * The newest items that were given, bounded in number and in size. Two generations: when the young one is full, the old
 * one is forgotten whole, so that nothing is counted or moved per item.
 */
export class Bounded<T extends { readonly at: number }> {
  readonly #maxItems: number
  readonly #maxLength: number
  #young: T[] = []
  #old: T[] = []
  #youngLength = 0
  #forgottenAt = Number.NEGATIVE_INFINITY

  /**
   * @param maxItems at most so many; at least half of them, once there were that many
   * @param maxLength the same for their lengths together
   */
  constructor(maxItems: number, maxLength: number) {
    this.#maxItems = maxItems
    this.#maxLength = maxLength
  }

  /** Everything after this moment is here. */
  get forgottenAt(): number {
    return this.#forgottenAt
  }

  /** @param length characters that are kept with it */
  push(item: T, length: number): void {
    if (this.#young.length >= this.#maxItems / 2 || this.#youngLength + length > this.#maxLength / 2) {
      this.#forgottenAt = this.#old.at(-1)?.at ?? this.#forgottenAt
      this.#old = this.#young
      this.#young = []
      this.#youngLength = 0
    }
    this.#young.push(item)
    this.#youngLength += length
  }

  /** Oldest first. */
  *[Symbol.iterator](): Generator<T> {
    yield* this.#old
    yield* this.#young
  }
}
