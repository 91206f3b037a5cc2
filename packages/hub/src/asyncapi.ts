/** Streams as an AsyncAPI 3.0 document, for the tools that read such. */
import { CLOSE_REASONS, type EventDefinitions, STREAM_TYPE, type StandardSchema } from '@fanline/protocol'

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** What the document tells beside what every hub does. */
export interface AsyncApiOptions {
  /** `fanline` when absent. */
  readonly title?: string | undefined
  /** Of the events, not of the hub; 1 when absent. */
  readonly version?: string | undefined
  /** What stands before `/v1`; empty when absent. */
  readonly basePath?: string | undefined
  /** The events that the hub takes; any when absent. */
  readonly events?: EventDefinitions | undefined
  /** The JSON Schema of what a validator takes, as its library makes it; any data when absent or undefined. */
  readonly schemaOf?: ((validator: StandardSchema, type: string) => JsonSchema | undefined) | undefined
}

const TEXT: JsonSchema = { type: 'string' }
const ID: JsonSchema = { type: 'string', pattern: '^\\d+$', description: 'The id of an event.' }
const ALSO: JsonSchema = {
  type: 'string',
  description: 'Where data is JSON: the names beside `channel` of an event in several channels, with commas.',
}
const TRACEPARENT: JsonSchema = { type: 'string', description: 'The trace of its publish.' }
const TIME: JsonSchema = { type: 'string', format: 'date-time' }

/** An event of the hub's own. */
interface ControlEvent {
  readonly summary: string
  /** Whether its block has an id. */
  readonly hasId: boolean
  readonly data: Readonly<Record<string, JsonSchema>>
  /** Fields that may be missing. */
  readonly optional?: readonly string[]
}

const CONTROL_EVENTS: Readonly<Record<string, ControlEvent>> = {
  'fanline.hello': {
    summary: 'The first event of every stream. Its id is the cursor from which the client would resume.',
    hasId: true,
    data: {
      connection: TEXT,
      user: { type: ['string', 'null'] },
      channels: { type: 'array', items: TEXT },
      resumed: { type: 'boolean' },
      heartbeatMs: { type: 'integer', minimum: 0 },
      json: { const: true, description: 'Strings stand in quotation marks, as the client has asked.' },
    },
    optional: ['json'],
  },
  'fanline.checkpoint': {
    summary: 'Moves an idle cursor on; `live` when it ends a catch-up.',
    hasId: true,
    data: { live: { type: 'boolean' } },
  },
  'fanline.gap': {
    summary: 'Events of a channel after `from` and up to `to` may be missing.',
    hasId: false,
    data: {
      channel: TEXT,
      from: ID,
      to: ID,
      reason: { enum: ['trimmed', 'rollback', 'restarted', 'bad-cursor', 'ephemeral'] },
    },
  },
  'fanline.expiring': {
    summary: 'The token of this stream ends soon.',
    hasId: false,
    data: { at: TIME },
  },
  'fanline.bye': {
    summary: 'The last event of a stream that the hub ends.',
    hasId: false,
    data: { reason: { enum: Object.keys(CLOSE_REASONS) }, reconnect: { type: 'boolean' } },
  },
  [STREAM_TYPE]: {
    summary: 'A piece of a stream in a channel: an answer that is being given, the progress of a task.',
    hasId: true,
    data: {
      stream: ID,
      parts: { type: 'array' },
      end: { enum: ['complete', 'cancelled', 'failed'] },
      error: TEXT,
    },
    optional: ['stream', 'parts', 'end', 'error'],
  },
}

/** What a hub sends to those who listen: its own events, and those of an application as far as they are defined. */
export function describeStreams(options: AsyncApiOptions = {}): JsonSchema {
  const { title = 'fanline', version = '1', basePath = '' } = options
  const messages = { ...controlMessages(), ...eventMessages(options) }
  const all = Object.keys(messages)
  return {
    asyncapi: '3.0.0',
    info: {
      title,
      version,
      description:
        'What travels on streams of Server-Sent Events. Headers are the fields of a block: `id`, `event`, `channel`, `also`, `traceparent`. Publishing is HTTP, and described by OpenAPI.',
    },
    defaultContentType: 'application/json',
    channels: {
      stream: {
        address: `${basePath}/v1/events/{channel}`,
        title: 'A stream',
        description:
          'Follows channels, and what is for its user and for everybody. More channels stand in `?channel=`; a cursor in `Last-Event-ID`.',
        parameters: {
          channel: { description: '1 to 200 bytes without control character, white space, `*` or `,`.' },
        },
        messages: Object.fromEntries(all.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
        bindings: { http: { bindingVersion: '0.3.0' } },
      },
    },
    operations: {
      listen: {
        action: 'send',
        channel: { $ref: '#/channels/stream' },
        summary: 'The hub sends, a client listens.',
        bindings: { http: { method: 'GET', bindingVersion: '0.3.0' } },
        messages: all.map((name) => ({ $ref: `#/channels/stream/messages/${name}` })),
      },
    },
    components: { messages },
  }
}

function controlMessages(): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(CONTROL_EVENTS).map(([type, { summary, hasId, data, optional = [] }]) => {
      const required = Object.keys(data).filter((field) => !optional.includes(field))
      return [
        type,
        {
          name: type,
          summary,
          headers: headersOf({ const: type }, hasId ? ['id', 'event'] : ['event']),
          payload: { type: 'object', properties: data, required, additionalProperties: false },
        },
      ]
    }),
  )
}

function eventMessages({ events, schemaOf }: AsyncApiOptions): Record<string, JsonSchema> {
  if (!events) {
    const summary = 'An event of the application, with any type and data.'
    return { event: { name: 'event', summary, headers: headersOf(TEXT, ['channel']), payload: {} } }
  }
  return Object.fromEntries(
    Object.entries(events.types).map(([type, validator]) => [
      keyOf(type),
      {
        name: type,
        headers: headersOf({ const: type }, type === 'message' ? ['channel'] : ['event', 'channel']),
        payload: schemaOf?.(validator, type) ?? {},
      },
    ]),
  )
}

function headersOf(event: JsonSchema, required: readonly string[]): JsonSchema {
  const properties = { id: ID, event, channel: TEXT, also: ALSO, traceparent: TRACEPARENT }
  return { type: 'object', properties, required }
}

/** A type may be any text; the key of a message is a word. */
function keyOf(type: string): string {
  return type.replace(/[^\w.-]/g, (sign) => `_${sign.codePointAt(0)?.toString(16)}`)
}
