/** A list that grows at the end and shrinks at the front, both in constant time. */
export class Deque<T> {
  #items: T[]
  #head = 0

  constructor(items: T[] = []) {
    this.#items = items
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  /** The item at an index from the front; undefined past the end. */
  at(index: number): T | undefined {
    return this.#items[this.#head + index]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head] as T
    // Lets go of the item now, and of its place when half of all places are empty.
    this.#items[this.#head++] = undefined as T
    if (this.#head > 32 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** The items from an index on, `count` at the most. */
  slice(index: number, count: number): T[] {
    return this.#items.slice(this.#head + index, this.#head + index + count)
  }
}
