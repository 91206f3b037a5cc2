import { CLOSE_REASONS, PROBLEMS, ROLES } from '@fanline/protocol'

/** A JSON Schema of draft 2020-12. */
export type Schema = Readonly<Record<string, unknown>>

/** The schema that stands under this name in {@link SCHEMAS}. */
export function ref(name: keyof typeof SCHEMAS): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

/** An object with these fields and no others; a name that ends in `?` may be missing. */
export function fields(properties: Readonly<Record<string, Schema>>): Schema {
  const names = Object.keys(properties)
  return {
    type: 'object',
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, schema]) => [name.replace('?', ''), schema]),
    ),
    required: names.filter((name) => !name.endsWith('?')),
    additionalProperties: false,
  }
}

export function listOf(items: Schema): Schema {
  return { type: 'array', items }
}

export const TEXT: Schema = { type: 'string' }
export const FLAG: Schema = { type: 'boolean' }
export const COUNT: Schema = { type: 'integer', minimum: 0 }
const NUMBER: Schema = { type: 'number' }
const NUMBER_OR_NULL: Schema = { type: ['number', 'null'] }
const COUNTS: Schema = { type: 'object', additionalProperties: COUNT }
const SILENT: Schema = {
  ...listOf(TEXT),
  description: 'Names of hubs that did not answer; only with many hubs.',
}
const TIME: Schema = { type: 'string', format: 'date-time' }
const TIME_OR_NULL: Schema = { type: ['string', 'null'], format: 'date-time' }

export const CHANNEL: Schema = {
  type: 'string',
  minLength: 1,
  maxLength: 200,
  pattern: '^[^@\\s*,\\u0000-\\u001f\\u007f-\\u009f][^\\s*,\\u0000-\\u001f\\u007f-\\u009f]*$',
  description:
    'A channel: 1 to 200 bytes without control character, white space, `*` or `,`; no `@` in front.',
}

export const USER: Schema = {
  type: 'string',
  minLength: 1,
  maxLength: 256,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$',
  description: 'A user: 1 to 256 bytes without control characters.',
}

export const POSITION: Schema = { type: 'string', pattern: '^\\d+$', description: 'The id of an event.' }

const FATES = ['lost', 'left', 'waiting', 'caught-up', 'written']

const PUBLISHER: Schema = fields({
  user: { type: ['string', 'null'] },
  credential: fields({ kind: TEXT, 'id?': TEXT, 'issuedAt?': NUMBER }),
})

/** A moment as a revocation takes it. */
const MOMENT: Schema = {
  oneOf: [{ type: 'string', format: 'date-time' }, { type: 'number' }],
  description: 'ISO 8601, or seconds since 1970.',
}

const TARGETS = ['channel', 'channels', 'user', 'users'] as const
const EVERYONE: Schema = { properties: { all: { const: true } }, required: ['all'] }

/** With an item at least: a list of none is no target. */
function some(names: readonly string[]): Schema[] {
  return names.map((name) => ({
    properties: { [name]: name.endsWith('s') ? { type: 'array', minItems: 1 } : {} },
    required: [name],
  }))
}

const CONNECTION_FIELDS = {
  id: TEXT,
  number: { ...COUNT, description: 'Streams are counted as they are opened, from 1 in every process.' },
  user: { type: ['string', 'null'] },
  credential: fields({
    kind: { enum: ['open', 'token', 'ticket', 'key', 'custom'] },
    'id?': TEXT,
    'issuedAt?': NUMBER,
  }),
  expiresAt: TIME_OR_NULL,
  channels: listOf(TEXT),
  connectedAt: TIME,
  cursor: POSITION,
  state: { enum: ['opening', 'catching-up', 'live', 'behind'] },
  bufferedBytes: COUNT,
  'node?': TEXT,
}

const FIGURES = {
  connections: COUNT,
  users: COUNT,
  channels: COUNT,
  behind: COUNT,
  bufferedBytes: COUNT,
  lagMs: { type: 'number', minimum: 0 },
  head: POSITION,
  log: { oneOf: [fields({ events: COUNT, bytes: COUNT, channels: COUNT }), { type: 'null' }] },
  published: COUNT,
  delivered: COUNT,
  replayed: COUNT,
  gaps: COUNT,
  gapsBy: COUNTS,
  ephemeralSkipped: COUNT,
  fellBehind: COUNT,
  caughtUp: COUNT,
  opened: COUNT,
  closed: COUNT,
  closedBy: { ...COUNTS, propertyNames: { enum: [...Object.keys(CLOSE_REASONS), 'left'] } },
  problems: { ...COUNTS, propertyNames: { enum: Object.keys(PROBLEMS) } },
}

/** What travels in bodies. */
export const SCHEMAS = {
  Problem: {
    ...fields({
      type: { type: 'string', pattern: '^urn:fanline:problem:' },
      title: TEXT,
      status: { type: 'integer', minimum: 400, maximum: 599 },
      code: { enum: Object.keys(PROBLEMS) },
      'detail?': TEXT,
      'retryable?': { const: true, description: 'The same request may succeed later.' },
    }),
    description: 'A failure (RFC 9457).',
  },
  Publish: {
    ...fields({
      'channel?': CHANNEL,
      'channels?': listOf(CHANNEL),
      'user?': USER,
      'users?': listOf(USER),
      'all?': { ...FLAG, description: 'Everyone.' },
      'connection?': { type: 'string', minLength: 1, description: 'One open connection; goes alone.' },
      data: { description: 'A string travels as it is, anything else as compact JSON.' },
      'event?': {
        type: ['string', 'null'],
        maxLength: 200,
        pattern: '^(?!fanline\\.|error$|open$)[^\\r\\n\\u0000]*$',
        description: 'The type; `message` when absent.',
      },
      'except?': {
        oneOf: [
          { type: 'string', maxLength: 256 },
          { type: 'array', items: { type: 'string', maxLength: 256 }, maxItems: 1000 },
        ],
        description: 'Users or connections that must not get it.',
      },
      'key?': { type: 'string', minLength: 1, maxLength: 200, description: 'The same key publishes once.' },
      'ephemeral?': { ...FLAG, description: 'Only for who is live now: no id, no history.' },
    }),
    oneOf: [{ required: ['connection'] }, { anyOf: [...some(TARGETS), EVERYONE] }],
    description: 'One event, and at least one target.',
  },
  Receipt: fields({
    id: { type: ['string', 'null'], description: 'Null without history.' },
    delivered: { ...COUNT, description: 'Open connections that match.' },
    'duplicate?': { const: true, description: 'Its key was seen before: nothing was published.' },
  }),
  History: fields({
    events: listOf(fields({ id: POSITION, event: TEXT, data: {}, at: TIME })),
    complete: { ...FLAG, description: 'False when something after `after` is gone.' },
    next: { type: ['string', 'null'], description: 'The `after` of the next page.' },
  }),
  TicketRequest: fields({ 'channels?': listOf(CHANNEL), 'origin?': TEXT }),
  Ticket: fields({ ticket: TEXT, expiresAt: TIME }),
  Access: fields({
    user: { type: ['string', 'null'] },
    role: { enum: [...ROLES, null], description: 'Each may also do what those before it may.' },
    expiresAt: TIME_OR_NULL,
  }),
  Renewal: fields({ user: { type: ['string', 'null'] }, expiresAt: TIME_OR_NULL }),
  Channels: fields({ channels: listOf(CHANNEL) }),
  Cancelled: fields({ cancelled: POSITION }),
  Stats: {
    ...fields({
      ...FIGURES,
      'nodes?': listOf(fields({ node: TEXT, stats: fields(FIGURES) })),
      'silent?': SILENT,
    }),
    description: 'Counters begin with the process.',
  },
  Connection: fields(CONNECTION_FIELDS),
  Connections: fields({
    connections: listOf({ $ref: '#/components/schemas/Connection' }),
    next: { type: ['string', 'null'] },
    'silent?': SILENT,
  }),
  FollowedChannels: fields({
    channels: listOf(fields({ channel: TEXT, connections: COUNT })),
    next: { type: ['string', 'null'] },
    'silent?': SILENT,
  }),
  Closed: fields({ closed: COUNT, 'silent?': SILENT }),
  Users: fields({
    users: listOf(fields({ user: TEXT, connections: COUNT })),
    next: { type: ['string', 'null'] },
    'silent?': SILENT,
  }),
  Presence: fields({
    user: TEXT,
    online: FLAG,
    connections: COUNT,
    'nodes?': listOf(fields({ node: TEXT, connections: COUNT })),
  }),
  EventTrace: fields({
    id: POSITION,
    type: TEXT,
    length: { ...COUNT, description: 'Characters of data.' },
    channels: listOf(TEXT),
    except: { ...listOf(TEXT), description: 'Users and connections that must not get it.' },
    hubs: listOf(
      fields({
        'node?': TEXT,
        publishes: listOf(
          fields({
            at: {
              ...NUMBER,
              description: 'When it was asked for, in milliseconds since 1970, as all times here.',
            },
            by: {
              oneOf: [PUBLISHER, { type: 'null', description: 'The application that the hub is part of.' }],
            },
            matched: { ...COUNT, description: 'Open connections that it was for.' },
            isDuplicate: FLAG,
          }),
        ),
        passages: listOf(
          fields({ channel: TEXT, at: NUMBER, writtenAt: NUMBER_OR_NULL, live: COUNT, others: COUNT }),
        ),
        fates: fields(Object.fromEntries(FATES.map((fate) => [fate, COUNT]))),
        connections: listOf(
          fields({
            id: TEXT,
            user: { type: ['string', 'null'] },
            state: TEXT,
            cursor: POSITION,
            fate: { enum: FATES },
            at: { ...NUMBER_OR_NULL, description: 'When it had caught up, or was told of the gap.' },
          }),
        ),
        isComplete: { ...FLAG, description: 'False when what happened to some connections is forgotten.' },
      }),
    ),
    'silent?': SILENT,
  }),
  RevocationRequest: {
    ...fields({
      'jti?': { type: 'string', minLength: 1, description: 'One token.' },
      'user?': USER,
      'issuedBefore?': MOMENT,
      'until?': MOMENT,
    }),
    oneOf: [{ required: ['jti'], properties: { issuedBefore: false } }, { required: ['user'] }],
  },
  Revocation: fields({ id: TEXT, 'jti?': TEXT, 'user?': TEXT, 'issuedBefore?': TIME, until: TIME }),
  Revocations: fields({ revocations: listOf({ $ref: '#/components/schemas/Revocation' }) }),
  Lifted: fields({ lifted: TEXT }),
  Liveness: fields({ status: { const: 'ok' } }),
  Readiness: fields({
    status: { enum: ['starting', 'ready', 'failed', 'unreachable', 'draining'] },
    checks: fields({ log: { enum: ['opening', 'open', 'failed', 'unreachable'] } }),
    'problem?': TEXT,
    'log?': {
      oneOf: [
        fields({
          isReady: FLAG,
          'problem?': TEXT,
          canary: {
            oneOf: [fields({ sent: COUNT, lost: COUNT, roundTripMs: NUMBER_OR_NULL }), { type: 'null' }],
          },
          promise: TEXT,
          warnings: listOf(TEXT),
        }),
        { type: 'null' },
      ],
    },
  }),
  Config: fields({
    options: listOf(fields({ path: TEXT, value: {}, source: { type: ['string', 'null'] } })),
  }),
  System: fields({
    version: TEXT,
    node: TEXT,
    pid: COUNT,
    startedAt: TIME,
    uptimeMs: NUMBER,
    cpu: fields({ userMs: NUMBER, systemMs: NUMBER, percentOfOneCore: NUMBER_OR_NULL }),
    memory: fields({ rssBytes: COUNT, heapUsedBytes: COUNT, heapTotalBytes: COUNT, externalBytes: COUNT }),
    eventLoop: fields({
      lagMeanMs: NUMBER_OR_NULL,
      lagMaxMs: NUMBER_OR_NULL,
      utilization: NUMBER_OR_NULL,
    }),
    host: fields({ cpus: COUNT, load: listOf(NUMBER), memoryBytes: COUNT, freeMemoryBytes: COUNT }),
  }),
} satisfies Readonly<Record<string, Schema>>
