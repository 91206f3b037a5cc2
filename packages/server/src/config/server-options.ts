import { HUB_OPTIONS, type HubOptions, type NumberOption } from '@fanline/hub'
import { MIN_KEY_LENGTH } from '@fanline/hub/api-key'
import { MIN_SECRET_LENGTH } from '@fanline/hub/jwt'

/** Any text. Empty means not set. */
export interface TextOption {
  readonly kind: 'text'
  readonly default: string
  readonly description: string
}

/** A text that must not be guessed, and is shown nowhere. Not set when empty. */
export interface SecretOption {
  readonly kind: 'secret'
  readonly default: ''
  readonly minLength: number
  readonly description: string
}

/** Some words; in a flag or a variable with commas between them. */
export interface ListOption {
  readonly kind: 'list'
  readonly default: readonly string[]
  readonly description: string
}

/** One of a few words. */
export interface ChoiceOption {
  readonly kind: 'choice'
  readonly choices: readonly string[]
  readonly default: string
  readonly description: string
}

/** Something that somebody may set. */
export type OptionRow = NumberOption | TextOption | ListOption | SecretOption | ChoiceOption

/** Rows by name; a section holds rows of its own. */
export interface OptionTable {
  readonly [name: string]: OptionRow | { readonly [name: string]: OptionRow }
}

/** How much is logged, from everything to nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number]

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
  api: {
    key: {
      kind: 'secret',
      default: '',
      minLength: MIN_KEY_LENGTH,
      description:
        "The key of the application's servers: who sends it may publish everywhere and administer.",
    },
  },
  cors: {
    origins: {
      kind: 'list',
      default: [],
      description: 'Origins whose pages may use the API, such as https://app.example.',
    },
  },
  jwt: {
    secret: {
      kind: 'secret',
      default: '',
      minLength: MIN_SECRET_LENGTH,
      description: 'The secret of the HS256 tokens of those who listen.',
    },
    issuer: { kind: 'text', default: '', description: 'What the claim "iss" of a token must say.' },
    audience: { kind: 'text', default: '', description: 'What the claim "aud" of a token must name.' },
    cookie: {
      kind: 'text',
      default: '',
      description: 'The cookie that may hold a token, for an EventSource.',
    },
    userClaim: { kind: 'text', default: 'sub', description: 'The claim that says who somebody is.' },
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
} as const satisfies OptionTable

/** All options, with a value each. */
export interface Config extends HubOptions {
  readonly host: string
  readonly port: number
  readonly api: { readonly key: string }
  readonly cors: { readonly origins: readonly string[] }
  readonly jwt: {
    readonly secret: string
    readonly issuer: string
    readonly audience: string
    readonly cookie: string
    readonly userClaim: string
    readonly clockToleranceMs: number
  }
  readonly log: { readonly level: LogLevel }
  readonly shutdown: { readonly drainMs: number }
}

/** Every option of the program: flags, variables, file and JSON Schema are made from it. */
export const OPTIONS: OptionTable = { ...SERVER_OPTIONS, ...HUB_OPTIONS }

/** An option with its names. */
export interface NamedOption {
  /** In a file, as `section.name`. */
  readonly path: string
  /** `history.maxEvents` is `FANLINE_HISTORY_MAX_EVENTS`. */
  readonly variable: string
  /** `history.maxEvents` is `--history-max-events`. */
  readonly flag: string
  /** `history`; empty for an option without a section. */
  readonly section: string
  readonly row: OptionRow
}

/** All options of {@link OPTIONS}, in its order. */
export const NAMED_OPTIONS: readonly NamedOption[] = Object.entries(OPTIONS).flatMap(([name, entry]) =>
  isRow(entry)
    ? [named('', name, entry)]
    : Object.entries(entry).map(([inner, row]) => named(name, inner, row)),
)

/** True for an option, false for a section. */
export function isRow(entry: OptionTable[string]): entry is OptionRow {
  return typeof entry.kind === 'string'
}

function named(section: string, name: string, row: OptionRow): NamedOption {
  const path = section === '' ? name : `${section}.${name}`
  const words = path
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll('.', '_')
    .toUpperCase()
  return {
    path,
    section,
    row,
    variable: `FANLINE_${words}`,
    flag: `--${words.toLowerCase().replaceAll('_', '-')}`,
  }
}
