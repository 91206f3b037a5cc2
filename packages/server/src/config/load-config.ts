import { type HubOptionsInput, parseHubOptions } from '@fanline/hub'
import { corsPolicy } from '@fanline/hub/routes'
import { ProblemError } from '@fanline/protocol'
import { networks } from '../client-address.ts'
import { usageFailure } from '../failure.ts'
import { hostGuard } from '../host-guard.ts'
import { withPresetDefaults } from '../presets/preset-defaults.ts'
import { presetSettings } from '../presets/preset-settings.ts'
import { tokenIssuers } from '../token-issuers.ts'
import { readConfigFile } from './config-file.ts'
import { didYouMean } from './did-you-mean.ts'
import type { Environment } from './environment.ts'
import { NAMED_OPTIONS, type NamedOption } from './named-options.ts'
import { checkOption, fromText, type Given } from './read-option.ts'
import { type Config, SERVER_OPTIONS } from './server-options.ts'

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

/** What came of the sources. */
export interface LoadedConfig {
  readonly config: Config
  /** The file that was read, if there was one. */
  readonly file: string | undefined
  /** Where each option was set that does not have its default, by its path. */
  readonly sources: ReadonlyMap<string, string>
}

/**
 * Puts the configuration together and checks it.
 * @throws Failure that names the source of an unknown name or a wrong value
 */
export function loadConfig(from: ConfigSources): LoadedConfig {
  refuseUnknownVariables(from.environment)
  const file = readConfigFile(from.directory, from.file ?? from.environment.get('FANLINE_CONFIG')?.value)
  const values: Record<string, unknown> = {}
  const sources = new Map<string, string>()
  for (const option of NAMED_OPTIONS) {
    const given =
      fromFlag(from, option) ??
      fromVariable(from, option) ??
      (file?.values.has(option.path)
        ? { value: file.values.get(option.path), source: `${option.path} in ${file.name}` }
        : undefined)
    if (given) sources.set(option.path, given.source)
    const value = given ? checkOption(option.row, given) : option.row.default
    const [name, inner] = option.path.split('.') as [string, string?]
    if (inner === undefined) values[name] = value
    else values[name] = { ...(values[name] as object | undefined), [inner]: value }
  }
  const config = withPresetDefaults(values as unknown as Config, {
    environment: from.environment,
    mayListenEverywhere: from.platformVariables?.has('host') === true,
    sources,
  })
  refuseContradictions(config, sources)
  return { config, file: file?.name, sources }
}

/** The part of a configuration that is the hub's. */
export function hubOptions({ history, idempotency, delivery, limits }: Config): HubOptionsInput {
  const { headerTimeoutMs: _, ...hubLimits } = limits
  return { history, idempotency, delivery, limits: hubLimits }
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

function refuseUnknownVariables(environment: Environment): void {
  const known = [...NAMED_OPTIONS.map(({ variable }) => variable), ...OTHER_VARIABLES]
  for (const [name, { source }] of environment) {
    if (!name.startsWith('FANLINE_') || known.includes(name)) continue
    throw usageFailure(`There is no variable ${name} (in ${source}).${didYouMean(name, known)}`)
  }
}

function refuseContradictions(config: Config, sources: LoadedConfig['sources']): void {
  const { admin, cors, data, durability, host, http, jwt, port, proxy, redis, snapshot } = config
  networks(proxy.trusted)
  hostGuard(host, http.hosts)
  tokenIssuers(jwt)
  presetSettings(config)
  if (admin.port === port && admin.host === host && port !== 0) {
    throw usageFailure(
      `admin.port and port are both ${port}: leave admin.port out to serve everything there.`,
    )
  }
  if (data !== '' && redis !== '') {
    const [one, other] = [sources.get('data'), sources.get('redis')]
    throw usageFailure(`${one} and ${other} name two places for one history: leave one of them out.`)
  }
  const lasting = data === '' ? redis !== '' && sources.get('redis') : sources.get('data')
  if (snapshot !== '' && lasting) {
    throw usageFailure(
      `${sources.get('snapshot')} is for a history in memory, and ${lasting} keeps it elsewhere: leave one of them out.`,
    )
  }
  // Its default says nothing: `config print` writes it for everybody.
  if (data === '' && durability !== SERVER_OPTIONS.durability.default) {
    throw usageFailure('durability is that of a log on disk: name its directory with data, or leave it out.')
  }
  try {
    parseHubOptions(hubOptions(config))
    corsPolicy(cors.origins)
  } catch (error) {
    throw error instanceof ProblemError ? usageFailure(error.detail ?? error.message) : error
  }
}
