/**
 * What a run leaves behind for the history checker: one JSON object in each line. Records of one client stand in one
 * file, in the order in which it learnt them; those of publishers may stand anywhere.
 */
export type HistoryRecord =
  | PublishRecord
  | ConnectRecord
  | CursorRecord
  | DeliverRecord
  | GapRecord
  | DisconnectRecord
  | EndRecord

/** What a publisher knows of an event. Tried again with the same key it is the same event, recorded again. */
export interface PublishRecord {
  readonly op: 'publish'
  /** A name of the publisher's own that its data carries. */
  readonly event: string
  /** `ok` when it was acknowledged, `fail` when it was refused, `unknown` when no answer came. */
  readonly outcome: 'ok' | 'fail' | 'unknown'
  /** The id in the answer; null without one, and for an ephemeral event. */
  readonly position: string | null
  /** As the hub calls them: `orders`, `@user:alice`, `@all`. */
  readonly channels: readonly string[]
  /** Users that must not get it. */
  readonly except?: readonly string[] | undefined
  /** True for an event without history: only who is live hears it. */
  readonly ephemeral?: boolean | undefined
}

/** A client asks for a stream, or for other channels on the one that it has. */
export interface ConnectRecord {
  readonly op: 'connect'
  readonly client: string
  readonly user: string | null
  /** Topics. The user's own channel and everyone's come by themselves. */
  readonly channels: readonly string[]
  /** The id after which it goes on; null when it begins with what is new. */
  readonly cursor: string | null
}

/** The id of a hello or of a checkpoint: everything up to here was written, or named in a gap. */
export interface CursorRecord {
  readonly op: 'cursor'
  readonly client: string
  readonly position: string
}

/** An event reached a client. */
export interface DeliverRecord {
  readonly op: 'deliver'
  readonly client: string
  readonly event: string
  /** Its id; null for an ephemeral event. */
  readonly position: string | null
  /** The channel on which it came; null for a client that cannot see it, such as a browser's EventSource. */
  readonly channel: string | null
}

/** A client was told of a loss: what is after `from`, up to and including `to`, may be missing. */
export interface GapRecord {
  readonly op: 'gap'
  readonly client: string
  readonly channel: string
  readonly from: string
  readonly to: string
  readonly reason: string
}

/** A client's stream has ended. */
export interface DisconnectRecord {
  readonly op: 'disconnect'
  readonly client: string
}

/** Everybody who is still connected has had time to hear everything up to `head`; all there is when it is null. */
export interface EndRecord {
  readonly op: 'end'
  readonly head?: string | null | undefined
}

const POSITION = /^\d{1,16}$/

/**
 * Reads one line of a history.
 * @throws Error that says what is wrong with it
 */
export function parseHistoryRecord(line: string): HistoryRecord {
  const record = JSON.parse(line) as Record<string, unknown>
  if (typeof record !== 'object' || record === null) throw new Error('It is no object.')
  const fields = FIELDS[String(record.op)]
  if (!fields) throw new Error(`There is no record "${String(record.op)}".`)
  for (const [name, isRight] of Object.entries(fields)) {
    if (!isRight(record[name]))
      throw new Error(`"${name}" of a record "${String(record.op)}" is missing or wrong.`)
  }
  return record as unknown as HistoryRecord
}

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string'
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText)
const isPosition: Check = (value) => typeof value === 'string' && POSITION.test(value)
const orNull =
  (isRight: Check): Check =>
  (value) =>
    value === null || isRight(value)
const optional =
  (isRight: Check): Check =>
  (value) =>
    value === undefined || isRight(value)

const FIELDS: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  publish: {
    event: isText,
    outcome: (value) => value === 'ok' || value === 'fail' || value === 'unknown',
    position: orNull(isPosition),
    channels: isTexts,
    except: optional(isTexts),
    ephemeral: optional((value) => typeof value === 'boolean'),
  },
  connect: { client: isText, user: orNull(isText), channels: isTexts, cursor: orNull(isPosition) },
  cursor: { client: isText, position: isPosition },
  deliver: { client: isText, event: isText, position: orNull(isPosition), channel: orNull(isText) },
  gap: { client: isText, channel: isText, from: isPosition, to: isPosition, reason: isText },
  disconnect: { client: isText },
  end: { head: optional(orNull(isPosition)) },
}
