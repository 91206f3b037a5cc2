import {
  type ChannelName,
  nextPosition,
  type Position,
  ProblemError,
  positionAt,
  ZERO,
} from '@fanline/protocol'
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
  type StoredEntry,
} from '../log.ts'
import { type HubOptions, parseHubOptions } from '../options.ts'
import { Deque } from './deque.ts'
import type { SnapshotLine, SnapshotStore, StoredEvent } from './memory/snapshot.ts'

/** What an entry costs beside its text: objects, references, the encoded frame's share. Measured, rounded up. */
const ENTRY_OVERHEAD_BYTES = 300

/** What an id costs that must not get an entry, beside its text. */
const ID_OVERHEAD_BYTES = 24

/** What a channel costs that holds nothing but its trim mark. */
const CHANNEL_OVERHEAD_BYTES = 500

/** How often aged events are looked for in channels that nobody touches, in milliseconds. */
const SWEEP_MS = 10_000

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
  /** Where it leaves what it holds when it is closed, and goes on from when it is opened; `snapshotFile()` makes one. */
  readonly snapshot?: SnapshotStore
}

/**
 * A log in the memory of this process: the default of an embedded hub. A restart without a snapshot loses it, and says
 * so: its first position is the time of its birth, and a cursor from before that is answered with a gap.
 * @throws ProblemError `option-invalid`
 */
export function memoryLog(options: MemoryLogOptions = {}): Log {
  const { history, idempotency } = parseHubOptions({
    history: options.history ?? {},
    idempotency: options.idempotency ?? {},
  })
  return new MemoryLog(history, idempotency, options.clock ?? systemClock, options.snapshot)
}

class MemoryLog implements Log {
  readonly #history: HubOptions['history']
  readonly #idempotency: HubOptions['idempotency']
  readonly #clock: Clock
  readonly #snapshot: SnapshotStore | undefined
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
  #isOpen = false
  #birth = ZERO
  #head = ZERO
  /** Between these positions the log was closed: nobody was given one of them, unless the snapshot is out of date. */
  #closedAfter = ZERO
  #closedUntil = ZERO
  #bytes = 0
  #events = 0
  /** The highest trim mark of the channels that the byte cap made the log forget. */
  #forgotten = ZERO
  #cancelSweep: () => void = () => undefined

  constructor(
    history: HubOptions['history'],
    idempotency: HubOptions['idempotency'],
    clock: Clock,
    snapshot: SnapshotStore | undefined,
  ) {
    this.#history = history
    this.#idempotency = idempotency
    this.#clock = clock
    this.#snapshot = snapshot
  }

  async open(listener: LogListener): Promise<void> {
    this.#listener = listener
    this.#birth = positionAt(this.#clock.now())
    this.#head = this.#birth
    if (this.#snapshot) await this.#goOnFrom(this.#snapshot)
    this.#isOpen = true
    this.#cancelSweep = this.#clock.every(SWEEP_MS, () => this.#sweep())
  }

  async append(drafts: readonly Draft[]): Promise<readonly Receipt[]> {
    if (!this.#isOpen) throw new ProblemError('log-unavailable', 'It is not open.')
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

  /** @throws Error when the snapshot cannot be written */
  async close(): Promise<void> {
    this.#cancelSweep()
    this.#listener = undefined
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#snapshot?.write(this.#snapshotLines())
  }

  async #goOnFrom(snapshot: SnapshotStore): Promise<void> {
    const openedAt = this.#birth
    for await (const lines of snapshot.read()) {
      for (const line of lines) this.#restore(JSON.parse(line) as SnapshotLine)
    }
    await snapshot.discard()
    // Nothing was left.
    if (this.#birth === openedAt) return
    this.#closedAfter = this.#head
    this.#closedUntil = openedAt
  }

  #restore(line: SnapshotLine): void {
    if ('birth' in line) {
      this.#birth = line.birth
      this.#head = line.head
      this.#forgotten = line.forgotten
    } else if ('channel' in line) {
      const channel = this.#addChannel(line.channel, line.trimmed)
      channel.isIdle = true
      this.#idle.push(channel)
    } else if ('key' in line) {
      this.#remember(line.key, line.position, line.at)
    } else {
      const { channels, ...entry } = line
      for (const channel of channels) this.#store({ ...entry, channel })
      this.#enforceCap()
    }
  }

  *#snapshotLines(): Generator<string> {
    const text = (line: SnapshotLine): string => JSON.stringify(line)
    yield text({ birth: this.#birth, head: this.#head, forgotten: this.#forgotten })
    for (const { name, trimmed } of this.#channels.values()) yield text({ channel: name, trimmed })
    for (const event of this.#storedEvents()) yield text(event)
    for (const { key, at } of this.#keyAges.slice(0, this.#keyAges.size)) {
      const known = this.#keys.get(key)
      if (known?.at === at) yield text({ key, position: known.position, at })
    }
  }

  /** Each event once, however many channels it is in: its entries stand side by side in the order of the log. */
  *#storedEvents(): Generator<StoredEvent> {
    for (const { channel, ...event } of this.#revocations.slice(0, this.#revocations.size)) {
      yield { ...event, channels: [channel] }
    }
    let stored: (StoredEvent & { channels: ChannelName[] }) | undefined
    for (const { channel: name, position, at, event, except } of this.#order.slice(0, this.#order.size)) {
      const channel = this.#channels.get(name)
      if (!channel || channel.trimmed >= position) continue
      if (stored?.position === position) stored.channels.push(name)
      else {
        if (stored) yield stored
        stored = { position, at, channels: [name], event, except }
      }
    }
    if (stored) yield stored
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
    if (after > this.#closedAfter && after < this.#closedUntil) {
      gaps.push({ channel, after, through: this.#closedUntil, reason: 'rollback' })
    }
    const from = after < birth ? birth : after
    if (trimmed > from) gaps.push({ channel, after: from, through: trimmed, reason: 'trimmed' })
    return gaps
  }

  #store(entry: StoredEntry): void {
    if (entry.channel === REVOCATIONS_CHANNEL) {
      this.#revocations.push(entry)
      return
    }
    const channel = this.#channels.get(entry.channel) ?? this.#addChannel(entry.channel, this.#forgotten)
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

  #addChannel(name: ChannelName, trimmed: Position): Channel {
    const channel: Channel = { name, entries: new Deque(), bytes: 0, trimmed, isIdle: false }
    this.#channels.set(name, channel)
    this.#bytes += channelBytes(channel)
    return channel
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
