import type { ChannelName, Position } from '@fanline/protocol'
import type { Access, Credential } from './authenticator.ts'
import { Bounded } from './bounded.ts'
import type { Clock } from './clock.ts'
import { FATES, type Fate, fateOf, type Turn } from './fate.ts'
import type { Happening } from './happenings.ts'
import type { Draft, Entry, Receipt } from './log.ts'
import type { HubTrace, TracedConnection, TracedEvent, TracedPublish } from './trace.ts'

/** The texts of each kind of item, in characters. */
const MAX_LENGTH = 1024 * 1024

/** Events with their data: the feed has as many, and they are mostly the same. */
const MAX_EVENTS_LENGTH = 4 * 1024 * 1024

/** What an event counts beside its data. */
const EVENT_LENGTH = 200

/** Who asked for a publish; undefined when the application did. */
export type By = Pick<Access, 'user' | 'credential'> | undefined

const NOBODY = { user: undefined, credential: undefined }

const NONE: readonly never[] = []

/** What the recorder reads of a connection. */
export interface Recorded {
  readonly id: string
  readonly number: number
  readonly user: string | undefined
  readonly channels: readonly ChannelName[]
  /** Where it came in. */
  readonly begunAt: Position
  readonly cursor: Position
  readonly state: string
}

/** Finds the open connections that follow a channel. */
export interface Followers {
  followers(channel: ChannelName): Iterable<Recorded>
}

/** A publish that the log has stored. */
interface Publish {
  /** When it was asked for. */
  readonly at: number
  readonly position: Position
  readonly type: string
  /** Characters of data, which are not kept. */
  readonly length: number
  readonly channels: readonly ChannelName[]
  readonly except: readonly string[]
  readonly user: string | undefined
  /** Undefined when the application asked. */
  readonly credential: Credential | undefined
  readonly matched: number
  readonly isDuplicate: boolean
}

/** The entries of one channel that leave in one flush: the feed keeps them for as long. */
interface Passage {
  readonly at: number
  readonly entries: readonly Entry[]
  readonly live: number
  readonly others: number
  writtenAt: number | null
}

/** A stream that has ended. */
interface Gone extends Recorded {
  readonly at: number
}

/**
 * Remembers for a while what became of events, so that one can be traced. To whom an event was written is not recorded:
 * it is read from the cursors, and from the few turns that a connection takes. So a delivery costs nothing.
 */
export class FlightRecorder {
  readonly #clock: Clock
  readonly #registry: Followers
  readonly #publishes: Bounded<Publish>
  readonly #passages: Bounded<Passage>
  readonly #turns: Bounded<Turn>
  readonly #gone: Bounded<Gone>
  /** Those of the flush that is under way. */
  #underWay: Passage[] = []

  /** @param maxItems that are kept of each kind: publishes, entries, turns of connections, connections that ended */
  constructor(clock: Clock, registry: Followers, maxItems: number) {
    this.#clock = clock
    this.#registry = registry
    this.#publishes = new Bounded(maxItems, MAX_LENGTH)
    this.#passages = new Bounded(maxItems, MAX_EVENTS_LENGTH)
    this.#turns = new Bounded(maxItems, MAX_LENGTH)
    this.#gone = new Bounded(maxItems, MAX_LENGTH)
  }

  /**
   * The log has stored what this hub was asked to publish.
   * @param at when it was asked, in milliseconds since 1970
   */
  published(draft: Draft, { position, duplicate }: Receipt, at: number, by: By, matched: number): void {
    if (position === null) return
    const { channels, except, event } = draft
    const { type, data } = event
    const { user, credential } = by ?? NOBODY
    // A literal in one piece: made from parts it takes ten times as long.
    const publish: Publish = {
      at,
      position,
      type,
      length: data.length,
      channels,
      except,
      user,
      credential,
      matched,
      isDuplicate: duplicate,
    }
    this.#publishes.push(publish, lengthOf(type, channels, except))
  }

  /** Entries of one channel are about to be written to those of its connections that are live. */
  passing(entries: readonly Entry[], live: number, others: number): void {
    let length = 0
    for (const { event } of entries) length += event.data.length + EVENT_LENGTH
    const passage: Passage = { at: this.#clock.now(), entries, live, others, writtenAt: null }
    this.#underWay.push(passage)
    this.#passages.push(passage, length)
  }

  /** All that were {@link passing} were written. @param now in milliseconds since 1970 */
  passed(now: number): void {
    for (const passage of this.#underWay) passage.writtenAt = now
    this.#underWay = []
  }

  /** Something has happened to a connection, which was live until then, or was not. */
  turned(
    connection: Recorded,
    { at, what, channels = NONE, gap, reason, isResumed }: Happening,
    wasLive: boolean,
  ): void {
    const { id, number, user, cursor, begunAt, state } = connection
    if (what === 'closed') {
      const gone = { at, id, number, user, channels: connection.channels, begunAt, cursor, state }
      this.#gone.push(gone, lengthOf(user ?? '', gone.channels, [id]))
      return
    }
    // Who came in at the head was live from then on; and what has no history has no id to be traced by.
    if ((what === 'opened' && !isResumed) || reason === 'ephemeral') return
    const { after, through } = gap ?? { after: cursor, through: cursor }
    const turn = { at, number, what, wasLive, channels, after, cursor: through }
    this.#turns.push(turn, lengthOf('', channels, NONE))
  }

  /**
   * What is remembered of an event.
   * @param channels in which it is known to be, beside those that are remembered here
   * @param limit how many connections are named at most
   */
  trace(position: Position, channels: readonly string[], limit: number): HubTrace {
    const publishes = [...this.#publishes].filter((publish) => publish.position === position)
    const heard = [...this.#passages].flatMap((passage) =>
      passage.entries.filter((entry) => entry.position === position).map((entry) => ({ entry, passage })),
    )
    const event = aboutPublish(publishes[0]) ?? aboutEntry(heard[0]?.entry)
    const known = [...(event?.channels ?? []), ...heard.map(({ entry }) => entry.channel)]
    const all = [...new Set([...known, ...channels])] as ChannelName[]
    // A position is at least the time at which it was given.
    const since = heard[0]?.passage.at ?? publishes[0]?.at ?? position / 1000
    const met = this.#fates(position, all, event?.except ?? [], since, limit)
    return {
      event: event && { ...event, channels: [...new Set(known)] },
      publishes: publishes.map(describe),
      passages: heard.map(({ entry, passage: { at, writtenAt, live, others } }) => ({
        channel: entry.channel,
        at,
        writtenAt,
        live,
        others,
      })),
      fates: met.fates,
      connections: FATES.flatMap((fate) => met.named[fate]).slice(0, limit),
      isComplete: Math.max(this.#turns.forgottenAt, this.#gone.forgottenAt) < since,
    }
  }

  /** How many connections met each fate, and some of each: there may be a hundred thousand. */
  #fates(
    position: Position,
    channels: readonly ChannelName[],
    except: readonly string[],
    since: number,
    limit: number,
  ): Pick<HubTrace, 'fates'> & { readonly named: Readonly<Record<Fate, TracedConnection[]>> } {
    const turns = new Map<number, Turn[]>()
    for (const turn of this.#turns) {
      const known = turns.get(turn.number)
      if (known) known.push(turn)
      else turns.set(turn.number, [turn])
    }
    // Who ended before it was there, and had not passed it, has nothing to do with it.
    const gone = [...this.#gone].filter(({ at, cursor }) => at >= since || cursor >= position)
    const found = new Set<Recorded>(gone)
    for (const channel of channels) {
      for (const connection of this.#registry.followers(channel)) found.add(connection)
    }
    const fates = ofEachFate(() => 0)
    const named = ofEachFate<TracedConnection[]>(() => [])
    for (const connection of found) {
      const { id, user = null, number, state, cursor } = connection
      if (except.length > 0 && (except.includes(id) || (user !== null && except.includes(user)))) continue
      const met = fateOf(position, channels, connection, turns.get(number) ?? NONE)
      if (!met) continue
      fates[met.fate]++
      const some = named[met.fate]
      if (some.length < limit) some.push({ id, user, state, cursor: String(cursor), ...met })
    }
    return { fates, named }
  }
}

function ofEachFate<T>(make: () => T): Record<Fate, T> {
  return Object.fromEntries(FATES.map((fate) => [fate, make()])) as Record<Fate, T>
}

function describe({ at, user, credential, matched, isDuplicate }: Publish): TracedPublish {
  return { at, by: credential ? { user: user ?? null, credential } : null, matched, isDuplicate }
}

function aboutPublish(publish: Publish | undefined): TracedEvent | null {
  if (!publish) return null
  const { type, length, channels, except } = publish
  return { type, length, channels, except }
}

function aboutEntry(entry: Entry | undefined): TracedEvent | null {
  if (!entry) return null
  const { event, channel, except } = entry
  return { type: event.type, length: event.data.length, channels: [channel], except }
}

function lengthOf(text: string, channels: readonly string[], ids: readonly string[]): number {
  let length = text.length
  for (const channel of channels) length += channel.length
  for (const id of ids) length += id.length
  return length
}
