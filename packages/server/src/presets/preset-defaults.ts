import type { Environment } from '../config/environment.ts'
import type { Config } from '../config/server-options.ts'
import { usageFailure } from '../failure.ts'
import { presetSettings } from './preset-settings.ts'
import { PRESETS } from './presets.ts'
import { redisAddress } from './redis-variables.ts'

/** All addresses: where a Go program listens that is told a port alone. */
const EVERYWHERE = '0.0.0.0'

/** From where the defaults of presets are taken. */
export interface DefaultSources {
  readonly environment: Environment
  /** False keeps the address that the configuration says, where `SERVER_ADDR` is a port alone. */
  readonly mayListenEverywhere: boolean
  /** Where each option was set; what is filled in is added. */
  readonly sources: Map<string, string>
}

/**
 * The configuration with what the systems of its presets would have used where nothing is set: the port on which a
 * single one of them listened, the address of `SERVER_ADDR`, and the Redis of `notification`.
 * @throws Failure for an address that is none
 */
export function withPresetDefaults(
  config: Config,
  { environment, mayListenEverywhere, sources }: DefaultSources,
): Config {
  const presets = presetSettings(config)
  if (presets.length === 0) return config
  const variable = environment.get('SERVER_ADDR')
  const address = variable && parseAddress(variable.value)
  const from = variable ? `SERVER_ADDR in ${variable.source}` : `the preset ${presets[0]!.name}`
  const port = address?.port ?? (presets.length === 1 ? PRESETS[presets[0]!.name].port : undefined)
  const host = address && (address.host || (mayListenEverywhere ? EVERYWHERE : undefined))
  const redis = presets.some(({ name }) => name === 'notification') ? redisAddress(environment) : undefined
  const filled: Record<string, unknown> = {}
  for (const [option, value, source] of [
    ['port', port, from],
    ['host', host, from],
    ['redis', redis?.url, redis?.source ?? ''],
  ] as const) {
    if (value === undefined || sources.has(option)) continue
    filled[option] = value
    sources.set(option, source)
  }
  return { ...config, ...filled }
}

/** `8080`, `:8080` or `localhost:8080`; without a host it is empty. */
function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:(\[[^\]]+\]|[^:]*):)?(\d{1,5})$/.exec(text)
  if (!match || Number(match[2]) > 65_535) {
    throw usageFailure(`SERVER_ADDR is a port, :port or host:port, not ${JSON.stringify(text)}.`)
  }
  return { host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port: Number(match[2]) }
}
