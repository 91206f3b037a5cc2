import { type ChannelName, nextPosition, type Position, positionAt, ZERO } from '@fanline/protocol'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { distinct } from '../lane.ts'
import {
  type Draft,
  type Entry,
  type Gap,
  type Log,
  type LogListener,
  type LogPage,
  type LogQuery,
  type LogStats,
  REVOCATIONS_CHANNEL,
  type Receipt,
} from '../log.ts'
import { type HubOptions, parseHubOptions } from '../options.ts'
import { Deque } from './deque.ts'

/** What an entry costs beside its text: objects, references, the encoded frame's share. Measured, rounded up. */
const ENTRY_OVERHEAD_BYTES = 300

/** What an id costs that must not get an entry, beside its text. */
const ID_OVERHEAD_BYTES = 24

/** What a channel costs that holds nothing but its trim mark. */
const CHANNEL_OVERHEAD_BYTES = 500

/** How often aged events are looked for in channels that nobody touches, in milliseconds. */
const SWEEP_MS = 10_000

interface StoredEntry extends Entry {
  readonly position: Position
}

interface Channel {
  readonly name: ChannelName
  readonly entries: Deque<StoredEntry>
  bytes: number
  /** Everything up to here was removed. */
  trimmed: Position
  /** Waits among the idle channels to be forgotten, should the log grow too large. */
  isIdle: boolean
}

const NO_ENTRIES: Deque<StoredEntry> = new Deque()

/** How a memory log keeps its promises. */
export interface MemoryLogOptions {
  readonly history?: Partial<HubOptions['history']>
  readonly idempotency?: Partial<HubOptions['idempotency']>
  readonly clock?: Clock
}

/**
 * A log in the memory of this process: the default of an embedded hub. A restart loses it, and says so: its first
 * position is the time of its birth, and a cursor from before that is answered with a gap.
 * @throws ProblemError `option-invalid`
 */
export function memoryLog(options: MemoryLogOptions = {}): Log {
  const { history, idempotency } = parseHubOptions({
    history: options.history ?? {},
    idempotency: options.idempotency ?? {},
  })
  return new MemoryLog(history, idempotency, options.clock ?? systemClock)
}

class MemoryLog implements Log {
  readonly #history: HubOptions['history']
  readonly #idempotency: HubOptions['idempotency']
  readonly #clock: Clock
  readonly #channels = new Map<ChannelName, Channel>()
  /** They are under no limit, and counted nowhere. */
  #revocations = new Deque<StoredEntry>()
  /** All stored entries of all channels, oldest first, for the byte cap of the whole log. */
  #order = new Deque<StoredEntry>()
  /** Channels that held nothing but their trim mark when they came here, the longest idle first. */
  readonly #idle = new Deque<Channel>()
  readonly #keys = new Map<string, { readonly position: Position | null; readonly at: number }>()
  /** When the keys were given, the oldest first. Looking for the first key of a large map costs 20 µs. */
  readonly #keyAges = new Deque<{ readonly key: string; readonly at: number }>()
  #listener: LogListener | undefined
  #birth = ZERO
  #head = ZERO
  #bytes = 0
  #events = 0
  /** The highest trim mark of the channels that the byte cap made the log forget. */
  #forgotten = ZERO
  #cancelSweep: () => void = () => undefined

  constructor(history: HubOptions['history'], idempotency: HubOptions['idempotency'], clock: Clock) {
    this.#history = history
    this.#idempotency = idempotency
    this.#clock = clock
  }

  async open(listener: LogListener): Promise<void> {
    this.#listener = listener
    this.#birth = positionAt(this.#clock.now())
    this.#head = this.#birth
    this.#cancelSweep = this.#clock.every(SWEEP_MS, () => this.#sweep())
  }

  async append(drafts: readonly Draft[]): Promise<readonly Receipt[]> {
    const at = this.#clock.now()
    const receipts: Receipt[] = []
    const batch: Entry[] = []
    for (const draft of drafts) {
      const known = draft.key === undefined ? undefined : this.#keys.get(draft.key)
      if (known && at - known.at < this.#idempotency.windowMs) {
        receipts.push({ position: known.position, duplicate: true })
        continue
      }
      const position = draft.ephemeral ? null : nextPosition(this.#head, at)
      if (position !== null) this.#head = position
      for (const channel of draft.channels) {
        const entry: Entry = { channel, position, at, event: draft.event, except: draft.except }
        batch.push(entry)
        if (position !== null) this.#store(entry as StoredEntry)
      }
      if (draft.key !== undefined) this.#remember(draft.key, position, at)
      receipts.push({ position, duplicate: false })
    }
    this.#enforceCap()
    this.#compactOrder()
    if (batch.length > 0) this.#listener?.entries(batch)
    return receipts
  }

  async read(query: LogQuery): Promise<LogPage> {
    if (query.after === null) return { entries: [], through: this.#head, gaps: [], reachedHead: true }
    const after = query.after > this.#head ? ZERO : query.after
    const gaps: Gap[] = []
    const sources: StoredEntry[][] = []
    for (const name of query.channels) {
      const { entries, trimmed } = this.#held(name)
      gaps.push(...this.#gaps(name, query.after, trimmed))
      const source = entries.slice(firstAfter(entries, after), query.maxEntries)
      if (source.length > 0) sources.push(source)
    }
    // Each channel gave its oldest; merged, the oldest of all are among them.
    const found = merge(sources)
    const entries = cut(found, query)
    const reachedHead =
      entries.length === found.length && sources.every((source) => source.length < query.maxEntries)
    const through = reachedHead ? this.#head : entries.at(-1)!.position
    return { entries, through, gaps, reachedHead }
  }

  async watch(): Promise<void> {
    // Everything is announced.
  }

  unwatch(): void {
    // Everything is announced.
  }

  async removeRevocations(positions: readonly Position[]): Promise<void> {
    const removed = new Set(positions)
    const held = this.#revocations.slice(0, this.#revocations.size)
    this.#revocations = new Deque(held.filter(({ position }) => !removed.has(position)))
  }

  stats(): LogStats {
    return { events: this.#events, bytes: this.#bytes, channels: this.#channels.size }
  }

  async close(): Promise<void> {
    this.#cancelSweep()
    this.#listener = undefined
  }

  /** What a channel holds, and up to where it was trimmed. */
  #held(name: ChannelName): Pick<Channel, 'entries' | 'trimmed'> {
    if (name === REVOCATIONS_CHANNEL) return { entries: this.#revocations, trimmed: ZERO }
    const channel = this.#channels.get(name)
    if (!channel) return { entries: NO_ENTRIES, trimmed: this.#forgotten }
    this.#trimAged(channel)
    return channel
  }

  #gaps(channel: ChannelName, after: Position, trimmed: Position): Gap[] {
    const birth = this.#birth
    if (after > this.#head) {
      return [{ channel, after: ZERO, through: trimmed > birth ? trimmed : birth, reason: 'bad-cursor' }]
    }
    const gaps: Gap[] = []
    if (after < birth) gaps.push({ channel, after, through: birth, reason: 'restarted' })
    const from = after < birth ? birth : after
    if (trimmed > from) gaps.push({ channel, after: from, through: trimmed, reason: 'trimmed' })
    return gaps
  }

  #store(entry: StoredEntry): void {
    if (entry.channel === REVOCATIONS_CHANNEL) {
      this.#revocations.push(entry)
      return
    }
    let channel = this.#channels.get(entry.channel)
    if (!channel) {
      channel = {
        name: entry.channel,
        entries: new Deque(),
        bytes: 0,
        trimmed: this.#forgotten,
        isIdle: false,
      }
      this.#channels.set(entry.channel, channel)
      this.#bytes += channelBytes(channel)
    }
    const bytes = entryBytes(entry)
    channel.entries.push(entry)
    channel.bytes += bytes
    this.#bytes += bytes
    this.#events++
    this.#order.push(entry)
    while (channel.entries.size > this.#history.maxEvents || channel.bytes > this.#history.maxBytes) {
      if (channel.entries.size === 1) break
      this.#trimOldest(channel)
    }
    this.#trimAged(channel)
  }

  #trimAged(channel: Channel): void {
    const tooOld = this.#clock.now() - this.#history.maxAgeMs
    for (let oldest = channel.entries.at(0); oldest && oldest.at < tooOld; oldest = channel.entries.at(0)) {
      this.#trimOldest(channel)
    }
  }

  #trimOldest(channel: Channel): void {
    const entry = channel.entries.shift()
    if (!entry) return
    const bytes = entryBytes(entry)
    channel.trimmed = entry.position
    channel.bytes -= bytes
    this.#bytes -= bytes
    this.#events--
    if (channel.entries.size > 0 || channel.isIdle) return
    channel.isIdle = true
    this.#idle.push(channel)
  }

  /**
   * Makes room: first what is remembered of channels that hold nothing any more, then the oldest entries of the whole
   * log. The other way round, many channels that were used once would push out every event.
   */
  #enforceCap(): void {
    while (this.#bytes > this.#history.totalBytes) {
      const idle = this.#idle.shift()
      if (idle) {
        idle.isIdle = false
        if (idle.entries.size === 0) this.#forget(idle)
        continue
      }
      const oldest = this.#order.shift()
      if (!oldest) return
      const channel = this.#channels.get(oldest.channel)
      if (channel?.entries.at(0) === oldest) this.#trimOldest(channel)
    }
  }

  #forget(channel: Channel): void {
    this.#channels.delete(channel.name)
    this.#bytes -= channelBytes(channel)
    if (channel.trimmed > this.#forgotten) this.#forgotten = channel.trimmed
  }

  /**
   * Lets go of entries that their channel has trimmed. Only when they are the greater part, so that the cost per entry
   * is constant: one quiet old channel would otherwise keep everything younger in the list.
   */
  #compactOrder(): void {
    if (this.#order.size <= 2 * this.#events + 1024) return
    const stored = this.#order.slice(0, this.#order.size).filter((entry) => {
      const channel = this.#channels.get(entry.channel)
      return channel !== undefined && channel.trimmed < entry.position
    })
    this.#order = new Deque(stored)
  }

  #remember(key: string, position: Position | null, at: number): void {
    this.#keys.set(key, { position, at })
    this.#keyAges.push({ key, at })
    while (this.#keys.size > this.#idempotency.maxKeys) this.#forgetOldestKey()
  }

  /** A key that was given anew has a younger age behind this one, and stays. */
  #forgetOldestKey(): void {
    const oldest = this.#keyAges.shift()
    if (oldest && this.#keys.get(oldest.key)?.at === oldest.at) this.#keys.delete(oldest.key)
  }

  #sweep(): void {
    const now = this.#clock.now()
    for (const channel of this.#channels.values()) this.#trimAged(channel)
    this.#compactOrder()
    for (let oldest = this.#keyAges.at(0); oldest; oldest = this.#keyAges.at(0)) {
      if (now - oldest.at < this.#idempotency.windowMs) break
      this.#forgetOldestKey()
    }
  }
}

/** The index of the first entry after a position. */
function firstAfter(entries: Deque<StoredEntry>, after: Position): number {
  let low = 0
  let high = entries.size
  while (low < high) {
    const middle = (low + high) >>> 1
    if (entries.at(middle)!.position <= after) low = middle + 1
    else high = middle
  }
  return low
}

/** In position order, an event in several channels once. Most pages come from one channel, and are that already. */
function merge(sources: readonly StoredEntry[][]): readonly StoredEntry[] {
  if (sources.length === 1) return sources[0]!
  return distinct(sources.flat().sort((a, b) => a.position - b.position))
}

/** As much as fits on a page. */
function cut(found: readonly StoredEntry[], { maxEntries, maxBytes }: LogQuery): readonly StoredEntry[] {
  let end = 0
  for (let bytes = 0; end < found.length && end < maxEntries && bytes <= maxBytes; end++) {
    bytes += found[end]!.event.data.length
  }
  return end === found.length ? found : found.slice(0, end)
}

function entryBytes(entry: Entry): number {
  const { event, except } = entry
  let bytes = event.data.length + event.type.length + ENTRY_OVERHEAD_BYTES
  for (const id of except) bytes += id.length + ID_OVERHEAD_BYTES
  return bytes
}

function channelBytes(channel: Channel): number {
  return channel.name.length + CHANNEL_OVERHEAD_BYTES
}
