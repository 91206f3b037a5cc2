/** Which keys are wanted, as LMDB has it: from `start`, to before `end`; backwards when `reverse`. */
export interface RangeOptions {
  readonly start?: Buffer
  readonly end?: Buffer
  readonly limit?: number
  readonly reverse?: boolean
}

interface Row {
  readonly key: Buffer
  readonly value: Buffer
}

/** Keys and values in the order of the keys' bytes. */
export class SortedTable {
  readonly #rows: Row[] = []

  get(key: Buffer): Buffer | undefined {
    const row = this.#rows[this.#indexOf(key)]
    return row?.key.equals(key) ? row.value : undefined
  }

  set(key: Buffer, value: Buffer | undefined): void {
    const index = this.#indexOf(key)
    const isThere = this.#rows[index]?.key.equals(key) === true
    if (value) this.#rows.splice(index, isThere ? 1 : 0, { key: Buffer.from(key), value: Buffer.from(value) })
    else if (isThere) this.#rows.splice(index, 1)
  }

  range({ start, end, limit = Number.POSITIVE_INFINITY, reverse = false }: RangeOptions = {}): Row[] {
    if (!reverse) {
      const from = start ? this.#indexOf(start) : 0
      const to = end ? this.#indexOf(end) : this.#rows.length
      return this.#rows.slice(from, Math.min(to, from + limit))
    }
    const last = start ? this.#indexAfter(start) : this.#rows.length
    const first = end ? this.#indexAfter(end) : 0
    return this.#rows.slice(Math.max(first, last - limit), last).reverse()
  }

  /** Of the first row that is not before a key. */
  #indexOf(key: Buffer): number {
    let low = 0
    let high = this.#rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (Buffer.compare(this.#rows[middle]!.key, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #indexAfter(key: Buffer): number {
    const index = this.#indexOf(key)
    return this.#rows[index]?.key.equals(key) ? index + 1 : index
  }
}
