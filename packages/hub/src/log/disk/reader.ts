import { type ChannelName, type Position, positionAt, ZERO } from '@fanline/protocol'
import { merged } from '../../lane.ts'
import { type Entry, type Gap, type LogPage, type LogQuery, REVOCATIONS_CHANNEL } from '../../log.ts'
import type { HubOptions } from '../../options.ts'
import { type ChannelEntry, entriesFrom, lastEntry } from './channel-entry.ts'
import { decodeEvent } from './event-record.ts'
import { channelKey, positionKey, positionOfKey } from './keys.ts'
import type { LogState } from './log-state.ts'
import type { Store } from './store.ts'

/** A place of a channel that belongs on a page. */
interface Place extends Pick<Entry, 'channel' | 'also'> {
  readonly position: Position
}

/** What a channel has after a position. */
interface Rest {
  /** Everything up to here was trimmed. */
  readonly trimmed: Position
  /** Oldest first. */
  readonly places: readonly Place[]
}

/**
 * Makes pages from what the last commit left in the store, in one go, so that all parts of a page are of one moment.
 * What is past its count, bytes or age is not shown, whether it was removed yet or not.
 */
export class Reader {
  readonly #store: Store
  readonly #history: HubOptions['history']

  constructor(store: Store, history: HubOptions['history']) {
    this.#store = store
    this.#history = history
  }

  /** @throws Error when the store cannot be read, or was never written to */
  read(query: LogQuery, nowMs: number): LogPage {
    const state = this.#store.state()
    if (!state) throw new Error('The store has no state.')
    const { head } = state
    if (query.after === null) return { entries: [], through: head, gaps: [], reachedHead: true }
    const after = query.after > head ? ZERO : query.after
    const rests = query.channels.map((channel) =>
      this.#rest(channel, after, query.maxEntries, state.forgotten, nowMs),
    )
    const found = merge(rests.map(({ places }) => places))
    const { entries, damaged, taken } = this.#entries(found, query)
    const reachedHead =
      taken === found.length && rests.every(({ places }) => places.length < query.maxEntries)
    const through = reachedHead ? head : found[taken - 1]!.position
    const gaps = query.channels.flatMap((channel, i) => [
      ...trimGaps(state, channel, query.after!, rests[i]!.trimmed),
      ...holeGaps(state, channel, after, through),
    ])
    return { entries, through, gaps: [...gaps, ...damaged], reachedHead }
  }

  #rest(channel: ChannelName, after: Position, limit: number, forgotten: Position, nowMs: number): Rest {
    if (channel === REVOCATIONS_CHANNEL) return this.#revocations(after, limit)
    const { entries, marks } = this.#store.tables
    const last = lastEntry(entries, channel)
    if (!last) {
      const mark = marks.get(channelKey(channel, 0))
      return { trimmed: mark ? positionOfKey(mark) : forgotten, places: [] }
    }
    if (last.position <= after) return { trimmed: ZERO, places: [] }
    const oldestAt = nowMs - this.#history.maxAgeMs
    const places: Place[] = []
    // What has an older position than that is past its age; a younger one may be, where a clock was set back.
    let trimmed: Position | undefined
    for (const entry of entriesFrom(entries, channel, Math.max(after + 1, positionAt(oldestAt)))) {
      trimmed ??= entry.before
      if (entry.at < oldestAt || this.#isExcess(entry, last)) {
        trimmed = entry.position
        continue
      }
      places.push({ channel, position: entry.position })
      if (places.length === limit) break
    }
    return { trimmed: trimmed ?? last.position, places }
  }

  #revocations(after: Position, limit: number): Rest {
    const range = this.#store.tables.revocations.getRange({ start: positionKey(after + 1), limit })
    const places = [...range].map(({ key }) => ({
      channel: REVOCATIONS_CHANNEL,
      position: positionOfKey(key),
    }))
    return { trimmed: ZERO, places }
  }

  #isExcess(entry: ChannelEntry, last: ChannelEntry): boolean {
    if (entry.position === last.position) return false
    const { maxEvents, maxBytes } = this.#history
    return last.number - entry.number >= maxEvents || last.bytes - entry.bytes + entry.size > maxBytes
  }

  /** As much as fits on a page. An event that is not what was written is told as a loss. */
  #entries(
    found: readonly Place[],
    { maxEntries, maxBytes }: LogQuery,
  ): { entries: Entry[]; damaged: Gap[]; taken: number } {
    const entries: Entry[] = []
    const damaged: Gap[] = []
    let taken = 0
    for (let bytes = 0; taken < found.length && taken < maxEntries && bytes <= maxBytes; taken++) {
      const { position, ...place } = found[taken]!
      const { events, revocations } = this.#store.tables
      const record = (place.channel === REVOCATIONS_CHANNEL ? revocations : events).get(positionKey(position))
      const stored = record && decodeEvent(record)
      if (stored) {
        const { at, event, except } = stored
        entries.push({ ...place, position, at, event, except })
        bytes += event.data.length
      } else {
        const after = (position - 1) as Position
        for (const channel of [place.channel, ...(place.also ?? [])]) {
          damaged.push({ channel, after, through: position, reason: 'rollback' })
        }
      }
    }
    return { entries, damaged, taken }
  }
}

/** In position order, an event in several channels once. */
function merge(sources: readonly (readonly Place[])[]): readonly Place[] {
  const [only] = sources
  if (only && sources.length === 1) return only
  const all = sources.flat().sort((a, b) => a.position - b.position)
  return merged(all, (one, other) => one.position === other.position)
}

function trimGaps(
  { birth, head }: LogState,
  channel: ChannelName,
  after: Position,
  trimmed: Position,
): Gap[] {
  if (after > head) {
    return [{ channel, after: ZERO, through: trimmed > birth ? trimmed : birth, reason: 'bad-cursor' }]
  }
  const gaps: Gap[] = []
  if (after < birth) gaps.push({ channel, after, through: birth, reason: 'restarted' })
  const from = after < birth ? birth : after
  if (trimmed > from) gaps.push({ channel, after: from, through: trimmed, reason: 'trimmed' })
  return gaps
}

function holeGaps({ holes }: LogState, channel: ChannelName, after: Position, through: Position): Gap[] {
  return holes
    .filter((hole) => hole.through > after && hole.after < through)
    .map((hole) => ({
      channel,
      after: Math.max(hole.after, after) as Position,
      through: Math.min(hole.through, through) as Position,
      reason: 'rollback',
    }))
}
