import { type ChannelName, type Position, ZERO } from '@fanline/protocol'
import { REVOCATIONS_CHANNEL } from '../../log.ts'
import type { HubOptions } from '../../options.ts'
import { type ChannelEntry, encodeEntry, entriesFrom, entryAt, lastEntry } from './channel-entry.ts'
import { decodeHeader } from './event-record.ts'
import { channelKey, channelOfIdleKey, idleKey, leadingPosition, positionKey, positionOfKey } from './keys.ts'
import type { KnownKeys } from './known-keys.ts'
import type { LogState } from './log-state.ts'
import type { Ordered } from './sequencer.ts'
import { Change, type Store } from './store.ts'

/** What an entry costs beside the bytes of its event: its place in two tables. Measured, rounded up. */
const ENTRY_OVERHEAD_BYTES = 120

/** What a channel costs that holds nothing but its trim mark. */
const CHANNEL_OVERHEAD_BYTES = 150

/** What one change removes at the most of what is past its count, bytes or age: a millisecond or two of this thread. */
const REMOVED_PER_CHANGE = 500

/** What one change removes at the most to stay inside the byte cap. */
const MADE_ROOM_PER_CHANGE = 4000

/** Entries past their count or bytes are hidden at once, and removed together once there are so many. */
const SLACK_EVENTS = 64
/** The same as a share of the limit. */
const SLACK_SHARE = 1 / 16

/** Remembered ends of channels; beyond it all are read anew. */
const MAX_TAILS = 100_000

/** Where a channel ends, and what it holds. */
interface Tail {
  /** Its newest entry; {@link ZERO} when it holds none. */
  position: Position
  /** What the next entry names as the one before it. */
  before: Position
  /** True when it has a trim mark in place of entries. */
  isMarked: boolean
  number: number
  bytes: number
  /** The same of the last entry that was removed. */
  removedNumber: number
  removedBytes: number
}

/** A change of the store. */
export interface Batch {
  readonly change: Change
  /** The state that follows from it. */
  readonly state: LogState
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * Turns ordered drafts into changes of the store, and adds what retention asks for. One change at a time: what the next one
 * finds in the store is what the last one left there.
 */
export class Writer {
  readonly #store: Store
  readonly #history: HubOptions['history']
  readonly #keys: KnownKeys
  #state: Mutable<LogState>
  #tails = new Map<ChannelName, Tail>()
  /** Channels that hold more than they may. */
  readonly #overfull = new Set<ChannelName>()
  /** The oldest event is past its age after this time, in milliseconds since 1970; 0 when that is not known. */
  #agesAt = 0

  // What belongs to the batch that is being made.
  #change = new Change()
  /** Up to where channels were emptied by it: the store still shows what it removes. */
  #removed = new Map<ChannelName, Position>()
  #shares = new Map<Position, number>()
  /** Channels that hold nothing but a mark, the longest idle first. */
  #idle: { readonly channel: ChannelName; readonly mark: Position }[] = []

  constructor(store: Store, state: LogState, history: HubOptions['history'], keys: KnownKeys) {
    this.#store = store
    this.#state = { ...state }
    this.#history = history
    this.#keys = keys
  }

  get state(): LogState {
    return this.#state
  }

  /** What the next change says of the log, whatever it stores. */
  set state(state: LogState) {
    this.#state = { ...state }
  }

  /** True when something waits to be removed. */
  hasMore(nowMs: number): boolean {
    return this.isOverCap || this.#overfull.size > 0 || nowMs > this.#agesAt
  }

  get isOverCap(): boolean {
    return this.#state.bytes > this.#history.totalBytes
  }

  /** A change that stores some drafts. When it was not made, call {@link reload}. */
  prepare(ordered: readonly Ordered[], nowMs: number): Batch {
    this.#begin()
    let bytes = 0
    for (const { position, channels, record } of ordered) {
      if (position !== null) bytes += channels.length * entryBytes(record)
    }
    this.#removeOldest(bytes, nowMs)
    this.#trimChannels()
    for (const draft of ordered) {
      if (draft.position !== null) this.#add(draft, draft.position)
    }
    this.#keys.save(
      this.#change,
      ordered.flatMap(({ key }) => key ?? []),
    )
    this.#keys.expire(this.#change, nowMs, REMOVED_PER_CHANGE + 2 * ordered.length)
    return { change: this.#change, state: this.#state }
  }

  /** The last change was not made: what is true stands in the store. */
  reload(): void {
    this.#tails = new Map()
    this.#agesAt = 0
    this.#state = { ...(this.#store.state() ?? this.#state) }
  }

  #begin(): void {
    this.#change = new Change()
    this.#removed = new Map()
    this.#shares = new Map()
    this.#idle = []
    if (this.#tails.size > MAX_TAILS) this.#tails = new Map()
  }

  #add({ channels: all, record, at }: Ordered, position: Position): void {
    this.#state.head = position
    const channels = all.filter((channel) => channel !== REVOCATIONS_CHANNEL)
    if (channels.length < all.length) this.#change.put('revocations', positionKey(position), record)
    if (channels.length === 0) return
    const isShared = channels.length > 1
    const size = entryBytes(record)
    this.#change.put('events', positionKey(position), record)
    if (isShared) this.#change.put('shares', positionKey(position), positionKey(channels.length))
    for (const channel of channels) {
      const tail = this.#tail(channel)
      if (tail.isMarked) this.#unmark(channel, tail.before)
      else if (tail.position === ZERO) this.#count(1, channelBytes(channel))
      const { before } = tail
      tail.position = position
      tail.before = position
      tail.isMarked = false
      tail.number++
      tail.bytes += size
      const { number, bytes } = tail
      const entry = encodeEntry({ before, at, number, bytes, size, isShared })
      this.#change.put('entries', channelKey(channel, position), entry)
      this.#state.entries++
      this.#state.bytes += size
      if (this.#excess(tail, true)) this.#overfull.add(channel)
    }
  }

  /** Removes events from the oldest on: those past their age, and as many as the byte cap asks for. */
  #removeOldest(addedBytes: number, nowMs: number): void {
    const { totalBytes, maxAgeMs } = this.#history
    const isOver = (): boolean => this.#state.bytes + addedBytes > totalBytes
    if (isOver()) this.#loadIdle()
    else if (nowMs <= this.#agesAt) return
    let removed = 0
    this.#agesAt = nowMs + maxAgeMs
    for (const { key, value } of this.#store.tables.events.getRange()) {
      // What is remembered of empty channels goes first: many that were used once would push out every event.
      while (isOver() && this.#forgetIdle());
      const event = decodeHeader(value)
      const agesAt = event ? event.at + maxAgeMs : 0
      const isDue = isOver() ? removed < MADE_ROOM_PER_CHANGE : agesAt < nowMs && removed < REMOVED_PER_CHANGE
      if (!isDue) {
        this.#agesAt = agesAt
        break
      }
      removed++
      const position = positionOfKey(key)
      for (const channel of event?.channels ?? []) {
        const entry = entryAt(this.#store.tables.entries, channel, position)
        if (entry) this.#remove(channel, entry)
      }
      this.#change.remove('events', key)
      this.#change.remove('shares', key)
    }
    while (isOver() && this.#forgetIdle());
  }

  /** Removes what channels hold beyond their count and bytes. */
  #trimChannels(): void {
    let left = REMOVED_PER_CHANGE
    for (const channel of this.#overfull) {
      const tail = this.#tail(channel)
      const start = this.#removed.get(channel) ?? ZERO
      for (const entry of entriesFrom(this.#store.tables.entries, channel, start)) {
        if (!this.#excess(tail, false)) break
        if (entry.position === start) continue
        if (left === 0) return
        this.#remove(channel, entry)
        if (!entry.isShared || this.#unshare(entry.position)) {
          this.#change.remove('events', positionKey(entry.position))
        }
        left--
      }
      this.#overfull.delete(channel)
    }
  }

  #remove(channel: ChannelName, { position, number, bytes, size }: ChannelEntry): void {
    this.#change.remove('entries', channelKey(channel, position))
    this.#removed.set(channel, position)
    this.#state.entries--
    this.#state.bytes -= size
    const tail = this.#tail(channel)
    tail.removedNumber = number
    tail.removedBytes = bytes
    if (tail.position === position) this.#mark(channel, tail)
  }

  /** One channel less holds an event. True when no other does. */
  #unshare(position: Position): boolean {
    const key = positionKey(position)
    const stored = (): number => {
      const value = this.#store.tables.shares.get(key)
      return value ? positionOfKey(value) : 1
    }
    const left = (this.#shares.get(position) ?? stored()) - 1
    this.#shares.set(position, left)
    if (left > 0) this.#change.put('shares', key, positionKey(left))
    else this.#change.remove('shares', key)
    return left === 0
  }

  /** A channel holds nothing any more; up to where it was trimmed is remembered. */
  #mark(channel: ChannelName, tail: Tail): void {
    const mark = tail.position
    this.#change.put('marks', channelKey(channel, 0), positionKey(mark))
    this.#change.put('idle', idleKey(mark, channel), EMPTY)
    this.#idle.push({ channel, mark })
    this.#tails.set(channel, { ...NO_ENTRIES, before: mark, isMarked: true })
  }

  #unmark(channel: ChannelName, mark: Position): void {
    this.#change.remove('marks', channelKey(channel, 0))
    this.#change.remove('idle', idleKey(mark, channel))
  }

  #loadIdle(): void {
    for (const { key } of this.#store.tables.idle.getRange({ limit: MADE_ROOM_PER_CHANGE })) {
      this.#idle.push({ channel: channelOfIdleKey(key), mark: leadingPosition(key) })
    }
  }

  /** Forgets the mark of the channel that has been empty for longest. False when there is none. */
  #forgetIdle(): boolean {
    const idle = this.#idle.shift()
    if (!idle) return false
    const { channel, mark } = idle
    this.#unmark(channel, mark)
    this.#count(-1, -channelBytes(channel))
    if (mark > this.#state.forgotten) this.#state.forgotten = mark
    this.#tails.delete(channel)
    this.#tails.set(channel, { ...NO_ENTRIES, before: this.#state.forgotten })
    return true
  }

  #count(channels: number, bytes: number): void {
    this.#state.channels += channels
    this.#state.bytes += bytes
  }

  #tail(channel: ChannelName): Tail {
    const known = this.#tails.get(channel)
    if (known) return known
    const tail = this.#loadTail(channel)
    this.#tails.set(channel, tail)
    return tail
  }

  #loadTail(channel: ChannelName): Tail {
    const { entries, marks } = this.#store.tables
    const last = lastEntry(entries, channel)
    if (!last) {
      const mark = marks.get(channelKey(channel, 0))
      const before = mark ? positionOfKey(mark) : this.#state.forgotten
      return { ...NO_ENTRIES, before, isMarked: mark !== undefined }
    }
    const [first = last] = entriesFrom(entries, channel, ZERO)
    const { position, number, bytes } = last
    return {
      position,
      before: position,
      isMarked: false,
      number,
      bytes,
      removedNumber: first.number - 1,
      removedBytes: first.bytes - first.size,
    }
  }

  /** True when a channel holds more than it may; `isLenient` allows for what is removed together. */
  #excess(tail: Tail, isLenient: boolean): boolean {
    const { maxEvents, maxBytes } = this.#history
    const events = tail.number - tail.removedNumber
    const bytes = tail.bytes - tail.removedBytes
    if (events <= 1) return false
    const slack = isLenient ? 1 + SLACK_SHARE : 1
    return events > maxEvents * slack + (isLenient ? SLACK_EVENTS : 0) || bytes > maxBytes * slack
  }
}

const EMPTY = Buffer.alloc(0)

const NO_ENTRIES: Tail = {
  position: ZERO,
  before: ZERO,
  isMarked: false,
  number: 0,
  bytes: 0,
  removedNumber: 0,
  removedBytes: 0,
}

function entryBytes(record: Buffer): number {
  return record.length + ENTRY_OVERHEAD_BYTES
}

function channelBytes(channel: ChannelName): number {
  return channel.length + CHANNEL_OVERHEAD_BYTES
}
