import { type ChannelName, type Position, ZERO } from '@fanline/protocol'
import { distinct } from '../../lane.ts'
import type { Gap, LogPage, LogQuery, StoredEntry } from '../../log.ts'
import { decodePayload, type Payload } from './message.ts'

/** What Redis has lost: everything between two positions, and where the log stood when somebody said so. */
export interface Hole {
  readonly after: Position
  readonly through: Position
  readonly foundAt: Position
}

/** What read.lua answers. */
export interface RawPage {
  /** The server that answered. */
  readonly run: string
  readonly head: Position
  /** The first position of this log. */
  readonly born: Position
  /** Losses that were confirmed. */
  readonly holes: readonly Hole[]
  readonly channels: readonly RawChannel[]
  /** Everything up to here is in this page, or was trimmed. */
  readonly through: Position
}

/** One channel of a {@link RawPage}. */
export interface RawChannel {
  readonly name: ChannelName
  /** Everything up to here was trimmed. */
  readonly trimmed: Position
  /** Position, time in milliseconds and payload of each entry, one after the other. */
  readonly entries: readonly string[]
}

/** A page of the log from what Redis answered; one more entry of each channel was asked for than fits. */
export function pageOf(raw: RawPage, { after, channels, maxEntries, maxBytes }: LogQuery): LogPage {
  if (after === null) return { entries: [], through: raw.head, gaps: [], reachedHead: true }
  const found = distinct(entriesOf(raw))
  let end = 0
  for (let bytes = 0; end < found.length && end < maxEntries && bytes <= maxBytes; end++) {
    bytes += found[end]!.event.data.length
  }
  const reachedHead = end === found.length
  const through = reachedHead ? raw.head : found[end - 1]!.position
  const gaps = channels.flatMap((channel, i) =>
    gapsOf(raw, channel, raw.channels[i]!.trimmed, after, through),
  )
  return { entries: found.slice(0, end), through, gaps, reachedHead }
}

/** All entries in position order; those of one publish stand side by side and share their event. */
export function entriesOf(raw: RawPage): readonly StoredEntry[] {
  const found: StoredEntry[] = []
  const payloads = new Map<string, Payload>()
  for (const { name, entries } of raw.channels) {
    for (let i = 0; i < entries.length; i += 3) {
      const id = entries[i]!
      const payload = payloads.get(id) ?? decodePayload(entries[i + 2]!)
      // No hub has written it.
      if (!payload) continue
      payloads.set(id, payload)
      const { e: event, x: except } = payload
      found.push({
        channel: name,
        position: Number(id) as Position,
        at: Number(entries[i + 1]),
        event,
        except,
      })
    }
  }
  return found.sort((a, b) => a.position - b.position)
}

function gapsOf(
  { head, born, holes }: RawPage,
  channel: ChannelName,
  trimmed: Position,
  after: Position,
  through: Position,
): Gap[] {
  const known = Math.max(born, trimmed) as Position
  if (after > head) return [{ channel, after: ZERO, through: known, reason: 'bad-cursor' }]
  const gaps: Gap[] = []
  if (after < born) gaps.push({ channel, after, through: known, reason: 'restarted' })
  else if (after < trimmed) gaps.push({ channel, after, through: trimmed, reason: 'trimmed' })
  for (const hole of holes) {
    if (hole.foundAt <= after || hole.after >= through) continue
    // From its beginning, also for who passed that: what was heard of it is undone, and may be published once more.
    const part = { after: hole.after, through: Math.min(hole.through, through) as Position }
    gaps.push({ channel, ...part, reason: 'rollback', foundAt: hole.foundAt })
  }
  return gaps
}
