import type { Position } from '@fanline/protocol'
import type { HubOptions } from '../../options.ts'
import { Deque } from '../deque.ts'
import { positionKey, positionOfKey } from './keys.ts'
import type { Change, Table } from './store.ts'

/** What a key was given for. */
interface Given {
  /** Null for an event without history. */
  readonly position: Position | null
  /** When, in milliseconds since 1970. */
  readonly at: number
  /** Which of all keys ever given. */
  readonly number: number
}

/** Keys that were written together. */
type Row = readonly (readonly [key: string, position: Position | null, at: number])[]

/** The idempotency keys of the window: in memory to be asked, on disk for the next process. */
export class KnownKeys {
  readonly #options: HubOptions['idempotency']
  readonly #given = new Map<string, Given>()
  /** As they were given, the oldest first. */
  readonly #ages = new Deque<{ readonly key: string; readonly at: number; readonly number: number }>()
  /** Where the rows lie, the oldest first, and the newest key in each: with that one a row goes. */
  readonly #rows = new Deque<{ readonly place: number; readonly newest: number }>()
  #newest = 0
  #newestPlace = 0

  constructor(table: Table, options: HubOptions['idempotency']) {
    this.#options = options
    for (const { key: place, value } of table.getRange()) {
      for (const [key, position, at] of JSON.parse(value.toString()) as Row) this.#take(key, position, at)
      this.#newestPlace = positionOfKey(place)
      this.#rows.push({ place: this.#newestPlace, newest: this.#newest })
    }
  }

  /** What a key was given for inside the window; undefined for a new one. */
  find(key: string, nowMs: number): Position | null | undefined {
    const given = this.#given.get(key)
    return given && nowMs - given.at < this.#options.windowMs ? given.position : undefined
  }

  /** Takes a key. What it answers takes it back. */
  add(key: string, position: Position | null, at: number): () => void {
    const before = this.#given.get(key)
    this.#take(key, position, at)
    return () => {
      if (before) this.#given.set(key, before)
      else this.#given.delete(key)
    }
  }

  /** Writes keys that were added. */
  save(change: Change, keys: readonly string[]): void {
    const known = keys.flatMap((key) => {
      const given = this.#given.get(key)
      return given ? { key, ...given } : []
    })
    if (known.length === 0) return
    const row: Row = known.map(({ key, position, at }) => [key, position, at])
    const place = ++this.#newestPlace
    this.#rows.push({ place, newest: Math.max(...known.map(({ number }) => number)) })
    change.put('keys', positionKey(place), Buffer.from(JSON.stringify(row)))
  }

  /** Forgets keys past their window, and the oldest where there are too many; `most` of them at the most. */
  expire(change: Change, nowMs: number, most: number): void {
    const { windowMs, maxKeys } = this.#options
    for (let count = 0; count < most; count++) {
      const oldest = this.#ages.at(0)
      if (!oldest || (nowMs - oldest.at < windowMs && this.#given.size <= maxKeys)) break
      this.#ages.shift()
      // A key that was given anew has a younger age behind this one, and stays.
      if (this.#given.get(oldest.key)?.number === oldest.number) this.#given.delete(oldest.key)
    }
    const oldest = this.#ages.at(0)?.number ?? Number.POSITIVE_INFINITY
    for (let row = this.#rows.at(0); row && row.newest < oldest; row = this.#rows.at(0)) {
      this.#rows.shift()
      change.remove('keys', positionKey(row.place))
    }
  }

  #take(key: string, position: Position | null, at: number): void {
    const number = ++this.#newest
    this.#given.set(key, { position, at, number })
    this.#ages.push({ key, at, number })
  }
}
