import type { ChannelName, Position } from '@fanline/protocol'
import type { Frames } from './frames.ts'
import type { Entry } from './log.ts'
import type { Run } from './sink.ts'

/** The entries of one turn, by channel. */
export class Flush {
  readonly #entries: readonly Entry[]
  readonly #byChannel = new Map<ChannelName, Entry[]>()
  readonly #lanes = new Map<Frames, Lane>()

  constructor(entries: readonly Entry[]) {
    this.#entries = entries
    for (const entry of entries) {
      const known = this.#byChannel.get(entry.channel)
      if (known) known.push(entry)
      else this.#byChannel.set(entry.channel, [entry])
    }
  }

  channels(): IterableIterator<ChannelName> {
    return this.#byChannel.keys()
  }

  of(channel: ChannelName): readonly Entry[] {
    return this.#byChannel.get(channel) ?? []
  }

  /** Entries of some of the channels, in order, an event in several of them once. */
  select(channels: readonly ChannelName[]): readonly Entry[] {
    if (channels.length === 1) return this.of(channels[0]!)
    if (channels.length === this.#byChannel.size) return distinct(this.#entries)
    const wanted = new Set(channels)
    return distinct(this.#entries.filter((entry) => wanted.has(entry.channel)))
  }

  /** Where connections of one dialect begin. */
  lane(frames: Frames): Lane {
    let lane = this.#lanes.get(frames)
    if (!lane) {
      lane = new Lane(this, frames, [])
      this.#lanes.set(frames, lane)
    }
    return lane
  }
}

/**
 * The connections of one flush that follow the same of its channels, and so get the same bytes. Each connection walks
 * from the empty lane to its own, channel by channel; lanes are made as they are first walked into.
 */
export class Lane {
  readonly #flush: Flush
  readonly #frames: Frames
  readonly #channels: readonly ChannelName[]
  /** Made when a connection walks on: most follow one channel of a flush. */
  #next: Map<ChannelName, Lane> | undefined
  #entries: readonly Entry[] | undefined
  #run: Run | undefined
  #first: Position | undefined
  #last: Position | undefined
  #length = 0
  #exceptions = false

  constructor(flush: Flush, frames: Frames, channels: readonly ChannelName[]) {
    this.#flush = flush
    this.#frames = frames
    this.#channels = channels
  }

  with(channel: ChannelName): Lane {
    this.#next ??= new Map()
    let lane = this.#next.get(channel)
    if (!lane) {
      lane = new Lane(this.#flush, this.#frames, [...this.#channels, channel])
      this.#next.set(channel, lane)
    }
    return lane
  }

  get entries(): readonly Entry[] {
    return this.#load()
  }

  /** True when a connection that stands at `cursor` gets exactly the shared run. */
  fits(cursor: Position): boolean {
    this.#load()
    return !this.#exceptions && (this.#first === undefined || cursor < this.#first)
  }

  /** The shared bytes of all entries. */
  get run(): Run {
    this.#run ??= this.#frames.run(this.entries)
    return this.#run
  }

  /** The position of the last entry, if any has one. */
  get last(): Position | undefined {
    this.#load()
    return this.#last
  }

  /** Characters of data in the entries. */
  get length(): number {
    this.#load()
    return this.#length
  }

  #load(): readonly Entry[] {
    if (this.#entries) return this.#entries
    const entries = this.#flush.select(this.#channels)
    for (const entry of entries) {
      this.#length += entry.event.data.length
      if (entry.except.length > 0) this.#exceptions = true
      if (entry.position === null) continue
      this.#first ??= entry.position
      this.#last = entry.position
    }
    this.#entries = entries
    return entries
  }
}

/** Makes one entry of those of one publish, which stand side by side and share their event. */
export function distinct<E extends Entry>(entries: readonly E[]): readonly E[] {
  return merged(entries, (one, other) => one.event === other.event)
}

/** Makes one of neighbours that are the same but for their channel, and keeps the names. */
export function merged<E extends Pick<Entry, 'channel' | 'also'>>(
  entries: readonly E[],
  isSame: (one: E, other: E) => boolean,
): readonly E[] {
  const found: E[] = []
  for (let i = 0; i < entries.length; ) {
    const entry = entries[i]!
    const also: ChannelName[] = []
    for (i++; i < entries.length && isSame(entry, entries[i]!); i++) also.push(entries[i]!.channel)
    found.push(also.length === 0 ? entry : { ...entry, also })
  }
  return found
}
