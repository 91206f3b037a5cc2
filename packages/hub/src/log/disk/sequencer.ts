import { nextPosition, type Position } from '@fanline/protocol'
import type { Draft, Entry, Receipt } from '../../log.ts'
import { encodeEvent } from './event-record.ts'
import type { KnownKeys } from './known-keys.ts'

/** A draft that has its place in the log. */
export interface Ordered {
  /** Null for an event without history, which is kept for its key alone. */
  readonly position: Position | null
  readonly key: string | undefined
  /** When it was published, in milliseconds since 1970. */
  readonly at: number
  readonly channels: Draft['channels']
  /** Its event as it is stored. */
  readonly record: Buffer
}

/** Some drafts that were put in order together. */
export interface Sequence {
  /** What is to be stored. */
  readonly ordered: readonly Ordered[]
  readonly receipts: readonly Receipt[]
  /** What is to be announced. */
  readonly entries: readonly Entry[]
  /** Makes it as though they had never been ordered; only the latest may be taken back. */
  undo(): void
}

/** Gives drafts their positions, and tells those apart that were seen before. */
export class Sequencer {
  readonly #keys: KnownKeys
  #head: Position

  constructor(head: Position, keys: KnownKeys) {
    this.#head = head
    this.#keys = keys
  }

  order(drafts: readonly Draft[], nowMs: number): Sequence {
    const before = this.#head
    const ordered: Ordered[] = []
    const receipts: Receipt[] = []
    const entries: Entry[] = []
    const undone: (() => void)[] = []
    for (const draft of drafts) {
      const { channels, event, except, key } = draft
      const known = key === undefined ? undefined : this.#keys.find(key, nowMs)
      if (known !== undefined) {
        receipts.push({ position: known, duplicate: true })
        continue
      }
      const position = draft.ephemeral ? null : nextPosition(this.#head, nowMs)
      if (position !== null) this.#head = position
      if (key !== undefined) undone.push(this.#keys.add(key, position, nowMs))
      receipts.push({ position, duplicate: false })
      for (const channel of channels) entries.push({ channel, position, at: nowMs, event, except })
      if (position === null && key === undefined) continue
      ordered.push({ position, key, at: nowMs, channels, record: encodeEvent(draft, nowMs) })
    }
    const undo = (): void => {
      this.#head = before
      for (const takeBack of undone.reverse()) takeBack()
    }
    return { ordered, receipts, entries, undo }
  }
}
