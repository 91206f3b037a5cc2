import { type HubOptionsInput, parseHubOptions } from '@fanline/hub'
import { corsPolicy } from '@fanline/hub/routes'
import { ProblemError } from '@fanline/protocol'
import { usageFailure } from '../failure.ts'
import { readConfigFile } from './config-file.ts'
import { didYouMean } from './did-you-mean.ts'
import type { Environment } from './environment.ts'
import { type Config, NAMED_OPTIONS, type NamedOption, type OptionRow } from './server-options.ts'

/** Where configuration comes from. Flags win over variables, these over the file, the file over the defaults. */
export interface ConfigSources {
  /** Values of flags by option path. */
  readonly flags: ReadonlyMap<string, string>
  readonly environment: Environment
  /** The directory in which a file is looked for. */
  readonly directory: string
  /** The file that `--config` names. */
  readonly file?: string | undefined
  /** Variables of hosting platforms that stand for an option where its own is not set: option path → name. */
  readonly platformVariables?: ReadonlyMap<string, string>
}

/** Variables with our prefix that are not options. */
export const OTHER_VARIABLES: readonly string[] = ['FANLINE_CONFIG', 'FANLINE_URL', 'FANLINE_TOKEN']

interface Given {
  readonly value: unknown
  /** For error texts: `--port`, `FANLINE_PORT in .env`, `port in fanline.yaml`. */
  readonly source: string
}

/**
 * Puts the configuration together and checks it.
 * @throws Failure that names the source of an unknown name or a wrong value
 */
export function loadConfig(sources: ConfigSources): Config {
  refuseUnknownVariables(sources.environment)
  const file = readConfigFile(
    sources.directory,
    sources.file ?? sources.environment.get('FANLINE_CONFIG')?.value,
  )
  const config: Record<string, unknown> = {}
  for (const option of NAMED_OPTIONS) {
    const given =
      fromFlag(sources, option) ??
      fromVariable(sources, option) ??
      (file?.values.has(option.path)
        ? { value: file.values.get(option.path), source: `${option.path} in ${file.name}` }
        : undefined)
    const value = given ? check(option.row, given) : option.row.default
    const [name, inner] = option.path.split('.') as [string, string?]
    if (inner === undefined) config[name] = value
    else config[name] = { ...(config[name] as object | undefined), [inner]: value }
  }
  const loaded = config as unknown as Config
  refuseContradictions(loaded)
  return loaded
}

/** The part of a configuration that is the hub's. */
export function hubOptions({ history, idempotency, delivery, limits }: Config): HubOptionsInput {
  return { history, idempotency, delivery, limits }
}

function fromFlag({ flags }: ConfigSources, { path, flag, row }: NamedOption): Given | undefined {
  const text = flags.get(path)
  return text === undefined ? undefined : { value: fromText(row, text), source: flag }
}

function fromVariable(
  { environment, platformVariables }: ConfigSources,
  option: NamedOption,
): Given | undefined {
  for (const name of [option.variable, platformVariables?.get(option.path)]) {
    const variable = name === undefined ? undefined : environment.get(name)
    if (variable)
      return { value: fromText(option.row, variable.value), source: `${name} in ${variable.source}` }
  }
  return undefined
}

/** Flags and variables are text; what is no number stays text, so that the check can show it. */
function fromText(row: OptionRow, text: string): unknown {
  if (row.kind === 'list') return text.split(',').map((word) => word.trim())
  return row.kind === 'number' && /^-?\d+$/.test(text) ? Number(text) : text
}

function check(row: OptionRow, { value, source }: Given): unknown {
  const refuse = (expected: string): never => {
    const shown = row.kind === 'secret' ? 'what it is' : JSON.stringify(value)
    throw usageFailure(`${source} must be ${expected}, not ${shown}.`)
  }
  switch (row.kind) {
    case 'number':
      return typeof value === 'number' && Number.isInteger(value) && value >= row.min && value <= row.max
        ? value
        : refuse(`an integer from ${row.min} to ${row.max} (${row.unit})`)
    case 'choice':
      return typeof value === 'string' && row.choices.includes(value)
        ? value
        : refuse(`one of ${row.choices.join(', ')}`)
    case 'list':
      return Array.isArray(value) && value.every((word) => typeof word === 'string' && word !== '')
        ? value
        : refuse('a list of words')
    case 'secret':
      return typeof value === 'string' && value.length >= row.minLength
        ? value
        : refuse(`a text of at least ${row.minLength} characters`)
    case 'text':
      return typeof value === 'string' && value !== '' ? value : refuse('a text')
  }
}

function refuseUnknownVariables(environment: Environment): void {
  const known = [...NAMED_OPTIONS.map(({ variable }) => variable), ...OTHER_VARIABLES]
  for (const [name, { source }] of environment) {
    if (!name.startsWith('FANLINE_') || known.includes(name)) continue
    throw usageFailure(`There is no variable ${name} (in ${source}).${didYouMean(name, known)}`)
  }
}

function refuseContradictions(config: Config): void {
  try {
    parseHubOptions(hubOptions(config))
    corsPolicy(config.cors.origins)
  } catch (error) {
    throw error instanceof ProblemError ? usageFailure(error.detail ?? error.message) : error
  }
}
