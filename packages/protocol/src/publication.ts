import {
  ALL_CHANNEL,
  type ChannelName,
  MAX_USER_BYTES,
  parseChannel,
  parseUser,
  userChannel,
} from './channel.ts'
import { createEvent, type HubEvent } from './event.ts'
import { ProblemError } from './problem.ts'
import { utf8Length } from './utf8.ts'

/** What a publisher hands over: at least one target, and data. */
export interface PublishRequest {
  channel?: string
  channels?: readonly string[]
  user?: string
  users?: readonly string[]
  /** The id of one open connection; goes alone. */
  connection?: string
  /** Everyone connected, and everyone who comes back for it. */
  all?: boolean
  /** The event's name; `message` when absent. */
  event?: string | undefined
  /** A string travels as it is, anything else as compact JSON. */
  data: unknown
  /** Ids of users or connections that must not get it. */
  except?: string | readonly string[]
  /** The same key within the idempotency window gives the first answer again. */
  key?: string
  /** Only for who is connected and live: no id, no history. */
  ephemeral?: boolean
}

/** What became of a publish. */
export interface PublishReceipt {
  /** The event's id; null for an ephemeral event and for a send to one connection. */
  readonly id: string | null
  /** Open connections that match; for events without history only those that were live. */
  readonly delivered: number
  /** True when its key was seen before, and this is the first answer again. */
  readonly duplicate?: true
}

/** A checked {@link PublishRequest}. */
export interface Publication {
  /** Empty when it goes to one connection. */
  readonly channels: readonly ChannelName[]
  readonly connection: string | undefined
  readonly event: HubEvent
  readonly except: readonly string[]
  readonly key: string | undefined
  readonly ephemeral: boolean
}

const MAX_KEY_BYTES = 200

/** The list is kept with the event, and looked through for every connection. */
const MAX_EXCEPTIONS = 1000

const FIELDS: ReadonlySet<string> = new Set([
  'channel',
  'channels',
  'user',
  'users',
  'connection',
  'all',
  'event',
  'data',
  'except',
  'key',
  'ephemeral',
])

/**
 * Checks what a publisher sent. Unknown fields are refused: a misspelt `ephemeral` must not become history.
 * @throws ProblemError that names the field
 */
export function parsePublication(request: unknown): Publication {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    throw new ProblemError('publish-invalid', 'A publish is an object.')
  }
  for (const field in request) {
    if (!FIELDS.has(field)) throw new ProblemError('publish-invalid', `There is no field ${shown(field)}.`)
  }
  const fields = request as Record<string, unknown>
  const connection = optionalString(fields, 'connection')
  const channels = targets(fields)
  if (connection !== undefined && channels.length > 0) throw new ProblemError('target-conflict')
  if (connection === undefined && channels.length === 0) throw new ProblemError('target-missing')
  return {
    channels,
    connection,
    event: createEvent(fields.event ?? undefined, fields.data),
    except: exceptions(fields),
    key: fields.key === undefined ? undefined : parseKey(fields.key),
    ephemeral: flag(fields, 'ephemeral'),
  }
}

/**
 * Accepts an idempotency key: a string of 1–200 bytes.
 * @throws ProblemError `key-invalid`
 */
export function parseKey(key: unknown): string {
  if (typeof key !== 'string' || key === '' || utf8Length(key) > MAX_KEY_BYTES)
    throw new ProblemError('key-invalid')
  return key
}

function targets(fields: Record<string, unknown>): ChannelName[] {
  const channels: ChannelName[] = []
  if (fields.channel !== undefined) channels.push(parseChannel(fields.channel))
  if (fields.channels !== undefined)
    for (const name of array(fields, 'channels')) channels.push(parseChannel(name))
  if (fields.user !== undefined) channels.push(userChannel(parseUser(fields.user)))
  if (fields.users !== undefined)
    for (const user of array(fields, 'users')) channels.push(userChannel(parseUser(user)))
  if (flag(fields, 'all')) channels.push(ALL_CHANNEL)
  return channels.length > 1 ? [...new Set(channels)] : channels
}

function array(fields: Record<string, unknown>, name: string): readonly unknown[] {
  const value = fields[name]
  if (!Array.isArray(value)) throw new ProblemError('publish-invalid', `${name} is a list of strings.`)
  return value
}

function exceptions({ except }: Record<string, unknown>): readonly string[] {
  if (except === undefined) return NONE
  const ids = typeof except === 'string' ? [except] : except
  if (!Array.isArray(ids) || ids.length > MAX_EXCEPTIONS || !ids.every(isId)) {
    throw new ProblemError(
      'publish-invalid',
      `except is an id or a list of up to ${MAX_EXCEPTIONS}, of at most ${MAX_USER_BYTES} bytes each.`,
    )
  }
  return ids
}

function isId(id: unknown): id is string {
  return typeof id === 'string' && utf8Length(id) <= MAX_USER_BYTES
}

const NONE: readonly string[] = []

function optionalString(fields: Record<string, unknown>, name: string): string | undefined {
  const value = fields[name]
  if (value !== undefined && (typeof value !== 'string' || value === '')) {
    throw new ProblemError('publish-invalid', `${name} is a string.`)
  }
  return value as string | undefined
}

function flag(fields: Record<string, unknown>, name: string): boolean {
  const value = fields[name]
  if (value !== undefined && typeof value !== 'boolean') {
    throw new ProblemError('publish-invalid', `${name} is true or false.`)
  }
  return value === true
}

function shown(field: string): string {
  return JSON.stringify(field.length > 60 ? `${field.slice(0, 60)}…` : field)
}
