import { HUB_OPTIONS, type HubOptions } from '@fanline/hub'
import { MIN_KEY_LENGTH } from '@fanline/hub/api-key'
import { MIN_SECRET_LENGTH } from '@fanline/hub/jwt'
import { PRESET_NAMES } from '../presets/preset.ts'
import type { FieldRow, OptionTable, ValuesOf } from './option-row.ts'

/** How much is logged, from everything to nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What a server knows of somebody who makes tokens. */
const ISSUER_FIELDS = {
  secret: {
    kind: 'secret',
    default: '',
    minLength: MIN_SECRET_LENGTH,
    description: 'The secret of the HS256 tokens of those who listen.',
  },
  publicKey: {
    kind: 'text',
    default: '',
    description: 'The public key that tokens are checked with: PEM, a JWK or a JWK set.',
  },
  publicKeyFile: {
    kind: 'text',
    default: '',
    description: 'The file with the public key, read at the start.',
  },
  jwksUrl: {
    kind: 'text',
    default: '',
    description: 'Where the JWK set of public keys is fetched, by https; needs issuer and audience.',
  },
  algorithms: {
    kind: 'list',
    default: [],
    description: 'The algorithms that a token may be signed with; those that fit the key when not set.',
  },
  issuer: { kind: 'text', default: '', description: 'What the claim "iss" of a token must say.' },
  audience: { kind: 'text', default: '', description: 'What the claim "aud" of a token must name.' },
  userClaim: { kind: 'text', default: 'sub', description: 'The claim that says who somebody is.' },
  userPrefix: {
    kind: 'text',
    default: '',
    description: 'Stands before what the claim says, so that users of two issuers are never the same.',
  },
} as const satisfies Record<string, FieldRow>

const LEVELS = ['strict', 'enhanced'] as const
const PRESET_AUTHS = ['closed', 'open'] as const

/** How the clients of another system are served. */
const PRESET_FIELDS = {
  name: { kind: 'choice', choices: PRESET_NAMES, default: PRESET_NAMES[0], description: 'The system.' },
  prefix: { kind: 'text', default: '', description: 'What stands before its routes, such as /push.' },
  level: {
    kind: 'choice',
    choices: LEVELS,
    default: 'enhanced',
    description: 'How exactly it is imitated.',
  },
  auth: {
    kind: 'choice',
    choices: PRESET_AUTHS,
    default: 'closed',
    description: 'Whether it asks for credentials as the native routes do, or nobody, as its system did.',
  },
  namespace: {
    kind: 'text',
    default: '',
    description: 'Keeps its users and broadcasts apart from those of all others.',
  },
  clock: {
    kind: 'switch',
    default: false,
    description: 'Whether its streams are sent the time each second, as the demo of client-id did.',
  },
  requireUid: {
    kind: 'switch',
    default: false,
    description: 'Whether a stream of session must also name a uid, as its later versions demanded.',
  },
} as const satisfies Record<string, FieldRow>

/** Every option of the program that is not one of the hub's. */
export const SERVER_OPTIONS = {
  host: { kind: 'text', default: '127.0.0.1', description: 'The address to listen on.' },
  port: {
    kind: 'number',
    default: 4000,
    min: 0,
    max: 65_535,
    unit: 'port',
    description: 'The port to listen on; 0 takes a free one.',
  },
  admin: {
    host: {
      kind: 'text',
      default: '127.0.0.1',
      description: 'The address of the admin routes, when they have a port of their own.',
    },
    port: {
      kind: 'number',
      default: undefined,
      min: 0,
      max: 65_535,
      unit: 'port',
      description:
        'A port of their own for /metrics, /v1/system and the admin routes of the API, which are then answered there ' +
        'and nowhere else; 0 takes a free one.',
    },
  },
  api: {
    key: {
      kind: 'secret',
      default: '',
      minLength: MIN_KEY_LENGTH,
      description:
        "The key of the application's servers: who sends it may publish everywhere and administer.",
    },
    keysFile: {
      kind: 'text',
      default: '',
      description:
        'The file in which `fanline key` keeps API keys, hashed. A server notices within a second when it changes.',
    },
  },
  cors: {
    origins: {
      kind: 'list',
      default: [],
      description: 'Origins whose pages may use the API, such as https://app.example.',
    },
  },
  data: {
    kind: 'text',
    default: '',
    description:
      'The directory that keeps the history on disk, made when there is none, and used by one server at a time. History ' +
      'is kept in memory when not set.',
  },
  durability: {
    kind: 'choice',
    choices: ['group', 'interval', 'os'],
    default: 'group',
    description:
      'What a publish waits for with `data`: `group` that it is flushed to the disk, `interval` and `os` that the ' +
      'operating system has it, which flushes it right after, or when it likes.',
  },
  http: {
    hosts: {
      kind: 'list',
      default: [],
      description:
        'Names that a request may give in "Host", such as app.example, beside those of loopback; `*` for any. When ' +
        'not set, a loopback address answers for no others, because a page can point a name of its own at it (DNS ' +
        'rebinding), and any other address answers for all; there /livez and /readyz, which proxies and Kubernetes ' +
        'ask for under other names, are always answered. Behind a proxy on the same machine, list the names that it ' +
        'passes on.',
    },
  },
  jwt: {
    ...ISSUER_FIELDS,
    issuers: {
      kind: 'records',
      default: [],
      fields: ISSUER_FIELDS,
      description: 'More of those who make tokens; each has an issuer and one key.',
    },
    cookie: {
      kind: 'text',
      default: '',
      description: 'The cookie that may hold a token, for an EventSource.',
    },
    tokenInQuery: {
      kind: 'switch',
      default: false,
      description:
        'Whether `?token=` may hold a token. Addresses end up in the logs of proxies: a ticket is better.',
    },
    clockToleranceMs: {
      kind: 'number',
      default: 0,
      min: 0,
      max: 300_000,
      unit: 'ms',
      description: 'How far the clock of who made a token may differ.',
    },
  },
  log: {
    level: { kind: 'choice', choices: LOG_LEVELS, default: 'info', description: 'How much is logged.' },
  },
  preset: {
    kind: 'list',
    default: [],
    description:
      'Systems whose clients are served at the root: user-channel, client-id, notification, session, starter.',
  },
  presetLevel: {
    kind: 'choice',
    choices: LEVELS,
    default: 'enhanced',
    description: 'How exactly those of --preset are imitated.',
  },
  presetRequireUid: {
    kind: 'switch',
    default: false,
    description: 'Whether streams of session must also name a uid, as its later versions demanded.',
  },
  presetAuth: {
    kind: 'choice',
    choices: PRESET_AUTHS,
    default: 'closed',
    description:
      'Whether those of --preset ask for credentials as the native routes do, or nobody, as their systems did.',
  },
  presetClock: {
    kind: 'switch',
    default: false,
    description: 'Whether streams of client-id are sent the time each second, as its demo did.',
  },
  presetDefault: {
    kind: 'choice',
    choices: ['none', ...PRESET_NAMES],
    default: 'none',
    description:
      'Which preset answers where several have a path, such as /sse, and the query names none of them.',
  },
  presets: {
    kind: 'records',
    default: [],
    fields: PRESET_FIELDS,
    description: 'Systems whose clients are served, each in its place.',
  },
  proxy: {
    trusted: {
      kind: 'list',
      default: [],
      description:
        'Addresses and networks of proxies whose `X-Forwarded-For` is believed, such as 10.0.0.0/8. The client is the ' +
        'last one it names that is none of them. For `limits.connectionsPerAddress` an IPv6 address counts with its ' +
        '/64 network; loopback and private addresses are counted only when a trusted proxy names them, so that a ' +
        'proxy that is not listed does not pass for one client.',
    },
  },
  redis: {
    kind: 'secret',
    default: '',
    minLength: 8,
    description:
      'A Redis or Valkey, such as redis://localhost:6379, that keeps the history and joins all servers that use it: ' +
      '`rediss://…` with TLS, `redis+sentinel://host:26379,host:26379/MASTER` by its Sentinels. ' +
      'History is kept in memory when not set.',
  },
  redisCa: {
    kind: 'text',
    default: '',
    description:
      'A file with the certificates (PEM) of who signed that of Redis, where the system does not know them.',
  },
  redisPrefix: {
    kind: 'text',
    default: 'fanline',
    description: 'What stands before all keys in Redis: servers with different prefixes share nothing.',
  },
  redisAck: {
    kind: 'choice',
    choices: ['memory', 'aof', 'replica'],
    default: 'memory',
    description:
      'What a publish waits for: that Redis has it, that it is on its disk, or that a replica has it.',
  },
  nodeName: {
    kind: 'text',
    default: '',
    description:
      'What this server is called in answers about all that share a history, with the number of the worker where there are ' +
      'several; its host and process when not set.',
  },
  shutdown: {
    drainMs: {
      kind: 'number',
      default: 5000,
      min: 0,
      max: 600_000,
      unit: 'ms',
      description: 'How long a shutdown may take.',
    },
  },
  snapshot: {
    kind: 'text',
    default: '',
    description:
      'The file that carries a history in memory over a restart: written when the server is shut down, used once by ' +
      'the next one. For one server at a time.',
  },
  tls: {
    cert: {
      kind: 'text',
      default: '',
      description:
        'The file with the certificate (PEM, with those that it was signed by), for TLS and HTTP/2 without a proxy. Read ' +
        'again on SIGHUP.',
    },
    key: { kind: 'text', default: '', description: 'The file with the key of that certificate (PEM).' },
  },
  tickets: {
    lifetimeMs: {
      kind: 'number',
      default: 300_000,
      min: 10_000,
      max: 3_600_000,
      unit: 'ms',
      description: 'How long a ticket is good for its first stream, and for coming back after one has ended.',
    },
  },
  tracing: {
    kind: 'switch',
    default: false,
    description:
      'Whether publishes and deliveries are traced by OpenTelemetry; needs the package `@opentelemetry/api`, and an SDK ' +
      'that is loaded before, such as by `node --import`.',
  },
  workers: {
    kind: 'number',
    default: 1,
    min: 1,
    max: 64,
    unit: 'processes',
    description:
      'Processes that share the port, for machines with several cores. They have one history: that of the process that ' +
      'starts them, or Redis. One that dies is replaced.',
  },
  limits: {
    headerTimeoutMs: {
      kind: 'number',
      default: 10_000,
      min: 1000,
      max: 600_000,
      unit: 'ms',
      description: 'How long the head of a request may take.',
    },
  },
} as const satisfies OptionTable

/** All options, with a value each. */
export type Config = HubOptions & ValuesOf<typeof SERVER_OPTIONS>

/** One of those who make tokens. */
export type IssuerConfig = ValuesOf<typeof ISSUER_FIELDS>

/** Every option of the program: flags, variables, file and JSON Schema are made from it. */
export const OPTIONS: OptionTable = {
  ...SERVER_OPTIONS,
  ...HUB_OPTIONS,
  limits: { ...HUB_OPTIONS.limits, ...SERVER_OPTIONS.limits },
}
