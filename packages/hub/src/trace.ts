import { FATES, type Fate } from './fate.ts'
import {
  fits,
  isAbsentOr,
  isFlag,
  isLike,
  isListOf,
  isNullOr,
  isNumber,
  isText,
  type Shape,
} from './shape.ts'

/** Who asked for a publish. */
export interface Publisher {
  readonly user: string | null
  readonly credential: { readonly kind: string; readonly id?: string | undefined }
}

/** A publish that a hub took. */
export interface TracedPublish {
  /** When the hub was asked, in milliseconds since 1970. */
  readonly at: number
  /** Null for the application that the hub is part of. */
  readonly by: Publisher | null
  /** The open connections of all hubs that it was for. */
  readonly matched: number
  /** True for a key that was known: nothing new was stored. */
  readonly isDuplicate: boolean
}

/** An event on its way to those of a hub's connections that follow one channel. Times are in milliseconds since 1970. */
export interface TracedPassage {
  readonly channel: string
  /** When the hub began to write it. */
  readonly at: number
  /** When the last live connection had been handed it; null until then. */
  readonly writtenAt: number | null
  /** Connections that were live. */
  readonly live: number
  /** Those that were not, and read it from the log later. */
  readonly others: number
}

/** A connection that an event was for. */
export interface TracedConnection {
  readonly id: string
  readonly user: string | null
  /** `closed` when it has ended. */
  readonly state: string
  readonly cursor: string
  readonly fate: Fate
  /** When it had caught up, or was told of the gap, in milliseconds since 1970; null where that is not known. */
  readonly at: number | null
}

/** What a hub remembers of an event. */
export interface HubTrace {
  /** Null when it remembers neither a publish nor a passage of it. */
  readonly event: TracedEvent | null
  /** None when another hub took it, or when it was not published but written by a hub. */
  readonly publishes: readonly TracedPublish[]
  /** One for each of its channels that somebody followed here, or that the log announced all the same. */
  readonly passages: readonly TracedPassage[]
  /** How many connections met each fate. */
  readonly fates: Readonly<Record<Fate, number>>
  /** Some of them, those first that did not get it live. */
  readonly connections: readonly TracedConnection[]
  /** False when what happened to some connections then is forgotten. */
  readonly isComplete: boolean
}

/** An event, without its data. */
export interface TracedEvent {
  readonly type: string
  /** Characters of data. */
  readonly length: number
  readonly channels: readonly string[]
  /** Users and connections that must not get it. */
  readonly except: readonly string[]
}

/** What the hubs that share a log remember of an event. */
export interface EventTrace extends TracedEvent {
  readonly id: string
  /** Those that remember something, this one first. */
  readonly hubs: readonly PlacedTrace[]
  /** Which hubs did not answer in time, by name. Absent where no other hub can use the log. */
  readonly silent?: readonly string[]
}

/** What one of them remembers. */
export interface PlacedTrace extends Omit<HubTrace, 'event'> {
  /** Absent where no other hub can use the log. */
  readonly node?: string
}

/** What several hubs remember, as one; undefined when none of them does. */
export function mergeTraces(
  id: string,
  all: readonly { readonly node?: string; readonly trace: HubTrace }[],
): EventTrace | undefined {
  const events = all.flatMap(({ trace: { event } }) => event ?? [])
  const [first] = events
  if (!first) return undefined
  const channels = [...new Set(events.flatMap((event) => event.channels))].sort()
  const hubs = all
    .map(({ node, trace: { event: _, ...rest } }) => ({ ...(node !== undefined && { node }), ...rest }))
    .filter(
      ({ publishes, passages, connections }) => publishes.length + passages.length + connections.length > 0,
    )
  return { id, type: first.type, length: first.length, channels, except: first.except, hubs }
}

/** What another hub says of an event; undefined when it cannot be that. */
export function parseHubTrace(value: unknown): HubTrace | undefined {
  const { event, publishes, passages, fates, connections, isComplete } = Object(value)
  const isRight =
    (event === null || fits(event, EVENT)) &&
    isListOf(isLike(PUBLISH))(publishes) &&
    isListOf(isLike(PASSAGE))(passages) &&
    isListOf(isLike(CONNECTION))(connections) &&
    FATES.every((fate) => isNumber(Object(fates)[fate])) &&
    isFlag(isComplete)
  return isRight ? { event, publishes, passages, fates, connections, isComplete } : undefined
}

const PUBLISHER: Shape = {
  user: isNullOr(isText),
  credential: isLike({ kind: isText, id: isAbsentOr(isText) }),
}

const EVENT: Shape = { type: isText, length: isNumber, channels: isListOf(isText), except: isListOf(isText) }

const PUBLISH: Shape = {
  at: isNumber,
  by: isNullOr(isLike(PUBLISHER)),
  matched: isNumber,
  isDuplicate: isFlag,
}

const PASSAGE: Shape = {
  channel: isText,
  at: isNumber,
  writtenAt: isNullOr(isNumber),
  live: isNumber,
  others: isNumber,
}

const CONNECTION: Shape = {
  id: isText,
  user: isNullOr(isText),
  state: isText,
  cursor: isText,
  fate: (fate) => FATES.includes(fate as Fate),
  at: isNullOr(isNumber),
}
