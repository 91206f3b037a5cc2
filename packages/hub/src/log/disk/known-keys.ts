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

type Row = [key: string, position: Position | null, at: number]

/** The idempotency keys of the window: in memory to be asked, on disk for the next process. */
export class KnownKeys {
  readonly #options: HubOptions['idempotency']
  readonly #given = new Map<string, Given>()
  /** As they were given, the oldest first. */
  readonly #ages = new Deque<{ readonly key: string; readonly at: number; readonly number: number }>()
  #newest = 0

  constructor(table: Table, options: HubOptions['idempotency']) {
    this.#options = options
    for (const { key: place, value } of table.getRange()) {
      const [key, position, at] = JSON.parse(value.toString()) as Row
      this.#take(key, { position, at, number: positionOfKey(place) })
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
    this.#take(key, { position, at, number: this.#newest + 1 })
    return () => {
      if (before) this.#given.set(key, before)
      else this.#given.delete(key)
    }
  }

  /** Writes a key that was added. */
  save(change: Change, key: string): void {
    const given = this.#given.get(key)
    if (!given) return
    const row: Row = [key, given.position, given.at]
    change.put('keys', positionKey(given.number), Buffer.from(JSON.stringify(row)))
  }

  /** Forgets keys past their window, and the oldest where there are too many; `most` of them at the most. */
  expire(change: Change, nowMs: number, most: number): void {
    const { windowMs, maxKeys } = this.#options
    for (let count = 0; count < most; count++) {
      const oldest = this.#ages.at(0)
      if (!oldest || (nowMs - oldest.at < windowMs && this.#given.size <= maxKeys)) return
      this.#ages.shift()
      change.remove('keys', positionKey(oldest.number))
      // A key that was given anew has a younger age behind this one, and stays.
      if (this.#given.get(oldest.key)?.number === oldest.number) this.#given.delete(oldest.key)
    }
  }

  #take(key: string, given: Given): void {
    this.#given.set(key, given)
    this.#ages.push({ key, at: given.at, number: given.number })
    this.#newest = given.number
  }
}
