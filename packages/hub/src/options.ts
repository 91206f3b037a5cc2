import { ProblemError } from '@fanline/protocol'

/** A number that somebody may set. */
export interface NumberOption {
  readonly kind: 'number'
  readonly default: number
  readonly min: number
  readonly max: number
  /** What the number counts. */
  readonly unit: string
  readonly description: string
}

/** Something that somebody may turn on. */
export interface SwitchOption {
  readonly kind: 'switch'
  readonly default: boolean
  readonly description: string
}

/** One option of a hub. */
export type HubOption = NumberOption | SwitchOption

function number(unit: string, fallback: number, min: number, max: number, description: string): NumberOption {
  return { kind: 'number', default: fallback, min, max, unit, description }
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const KIB = 1024
const MIB = 1024 * KIB

/** Bun cuts a stream that was quiet for ten seconds. */
const HEARTBEAT_MS = 'Bun' in globalThis ? 8000 : 15_000

/** Every option of a hub, once. Documentation, flags, variables and the JSON Schema are made from it. */
export const HUB_OPTIONS = {
  history: {
    maxEvents: number('events', 10_000, 1, 10_000_000, 'How many events a channel keeps.'),
    maxAgeMs: number('ms', DAY_MS, 1000, 3650 * DAY_MS, 'How long a channel keeps an event.'),
    maxBytes: number('bytes', 32 * MIB, KIB, 64 * 1024 * MIB, 'How many bytes of events a channel keeps.'),
    totalBytes: number(
      'bytes',
      256 * MIB,
      64 * KIB,
      1024 * 1024 * MIB,
      'How many bytes all channels keep together.',
    ),
  },
  idempotency: {
    windowMs: number(
      'ms',
      10 * MINUTE_MS,
      0,
      7 * DAY_MS,
      'How long a publish with the same key gets the first answer again.',
    ),
    maxKeys: number('keys', 100_000, 1, 10_000_000, 'How many keys are remembered; the oldest go first.'),
  },
  delivery: {
    compress: {
      kind: 'switch',
      default: false,
      description:
        'Whether streams leave as gzip for clients that accept it; an event is compressed once, however many get it.',
    },
    heartbeatMs: number('ms', HEARTBEAT_MS, 1000, 10 * MINUTE_MS, 'How long a stream may be quiet.'),
    retryMs: number(
      'ms',
      2000,
      1000,
      10 * MINUTE_MS,
      'When an EventSource comes back, on average; each is told between half and one and a half of it.',
    ),
    stallTimeoutMs: number(
      'ms',
      30_000,
      1000,
      60 * MINUTE_MS,
      'A client that takes no byte for so long is disconnected.',
    ),
  },
  limits: {
    connections: number('connections', 100_000, 1, 10_000_000, 'How many streams may be open.'),
    connectionsPerUser: number(
      'connections',
      1000,
      0,
      1_000_000,
      'How many streams one user may have open; 0 for any number.',
    ),
    connectionsPerAddress: number(
      'connections',
      1000,
      0,
      10_000_000,
      'How many streams may come from one public address; 0 for any number.',
    ),
    connectionsPerSecond: number(
      'connections/s',
      0,
      0,
      1_000_000,
      'How many streams may be opened in a second; who comes too soon waits up to two seconds, or is told when to come ' +
        'again; 0 for any number.',
    ),
    channelsPerConnection: number('channels', 100, 1, 10_000, 'How many topics one stream may follow.'),
    channelsPerPublish: number('channels', 1000, 1, 100_000, 'How many targets one publish may name.'),
    dataBytes: number('bytes', MIB, 1, 64 * MIB, 'How large the data of one event may be.'),
    bodyBytes: number('bytes', 2 * MIB, KIB, 128 * MIB, 'How large the body of one request may be.'),
    publishesPerSecondPerUser: number(
      'events/s',
      100,
      0,
      1_000_000,
      'How many events a second one user may publish; 0 for any number.',
    ),
    publishesPerSecondPerKey: number(
      'events/s',
      0,
      0,
      1_000_000,
      'How many events a second one API key may publish; 0 for any number.',
    ),
    bufferedBytes: number(
      'bytes',
      256 * MIB,
      MIB,
      1024 * 1024 * MIB,
      'How many bytes may wait for slow clients; beyond it, those with the most are disconnected.',
    ),
    bodyTimeoutMs: number(
      'ms',
      30_000,
      1000,
      10 * MINUTE_MS,
      'How long a body that is not a stream may take.',
    ),
  },
} as const satisfies Record<string, Record<string, HubOption>>

type Table = typeof HUB_OPTIONS

type ValueOf<Row> = Row extends SwitchOption ? boolean : number

/** All options of a hub, with a value each. */
export type HubOptions = {
  readonly [S in keyof Table]: { readonly [K in keyof Table[S]]: ValueOf<Table[S][K]> }
}

/** Options as somebody writes them: what is left out has its default. */
export type HubOptionsInput = {
  readonly [S in keyof Table]?: { readonly [K in keyof Table[S]]?: ValueOf<Table[S][K]> | undefined }
}

/**
 * Fills in defaults and checks bounds.
 * @throws ProblemError `option-invalid` for an unknown name, a value out of bounds, or two that contradict each other
 */
export function parseHubOptions(input: HubOptionsInput = {}): HubOptions {
  for (const section in input) {
    if (!Object.hasOwn(HUB_OPTIONS, section)) refuse(`There is no option "${section}".`)
  }
  const options: Record<string, Record<string, number | boolean>> = {}
  for (const [section, rows] of Object.entries<Record<string, HubOption>>(HUB_OPTIONS)) {
    const given: Record<string, unknown> = input[section as keyof Table] ?? {}
    for (const name in given) {
      if (!Object.hasOwn(rows, name)) refuse(`There is no option "${section}.${name}".`)
    }
    const values: Record<string, number | boolean> = {}
    for (const [name, row] of Object.entries(rows)) {
      const check = row.kind === 'switch' ? checkSwitch : checkNumber
      values[name] = check(`${section}.${name}`, row as never, given[name] ?? row.default)
    }
    options[section] = values
  }
  const parsed = options as unknown as HubOptions
  if (parsed.history.maxBytes > parsed.history.totalBytes) {
    refuse('history.maxBytes is larger than history.totalBytes.')
  }
  if (parsed.limits.dataBytes > parsed.limits.bodyBytes) {
    refuse('limits.dataBytes is larger than limits.bodyBytes.')
  }
  return parsed
}

/**
 * Checks one value against its row.
 * @throws ProblemError `option-invalid`
 */
export function checkNumber(name: string, row: NumberOption, value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < row.min || value > row.max) {
    refuse(`${name} is an integer from ${row.min} to ${row.max} (${row.unit}), not ${JSON.stringify(value)}.`)
  }
  return value
}

function checkSwitch(name: string, _: SwitchOption, value: unknown): boolean {
  if (typeof value !== 'boolean') refuse(`${name} is true or false, not ${JSON.stringify(value)}.`)
  return value
}

function refuse(detail: string): never {
  throw new ProblemError('option-invalid', detail)
}
