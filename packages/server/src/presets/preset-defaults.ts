import type { Environment } from '../config/environment.ts'
import type { Config } from '../config/server-options.ts'
import { usageFailure } from '../failure.ts'
import { presetSettings } from './preset-settings.ts'
import { PRESETS } from './presets.ts'

/**
 * The configuration with what the systems of its presets would have used where nothing is set: the port on which a
 * single one of them listened, and the address of `SERVER_ADDR`.
 * @param sources where each option was set; what is filled in here is added
 * @throws Failure for a `SERVER_ADDR` that is none
 */
export function withPresetDefaults(
  config: Config,
  environment: Environment,
  sources: Map<string, string>,
): Config {
  const presets = presetSettings(config)
  if (presets.length === 0) return config
  const variable = environment.get('SERVER_ADDR')
  const address = variable ? parseAddress(variable.value) : { host: undefined, port: undefined }
  const source = variable ? `SERVER_ADDR in ${variable.source}` : `the preset ${presets[0]!.name}`
  const port = address.port ?? (presets.length === 1 ? PRESETS[presets[0]!.name].port : undefined)
  const filled: { host?: string; port?: number } = {}
  if (port !== undefined && !sources.has('port')) {
    filled.port = port
    sources.set('port', source)
  }
  if (address.host !== undefined && !sources.has('host')) {
    filled.host = address.host
    sources.set('host', source)
  }
  return { ...config, ...filled }
}

/** `8080`, `:8080` or `localhost:8080`; a Go program without a host listens on all addresses. */
function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:(\[[^\]]+\]|[^:]*):)?(\d{1,5})$/.exec(text)
  if (!match || Number(match[2]) > 65_535) {
    throw usageFailure(`SERVER_ADDR is a port, :port or host:port, not ${JSON.stringify(text)}.`)
  }
  return { host: match[1]?.replace(/^\[|\]$/g, '') || '0.0.0.0', port: Number(match[2]) }
}
