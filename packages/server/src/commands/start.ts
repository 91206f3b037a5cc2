import { Command } from 'commander'
import type { Profile } from '../compose.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import type { Config } from '../config/server-options.ts'
import { credentials, hasCredentials } from '../credentials.ts'
import { usageFailure } from '../failure.ts'
import { hostGuard, isLoopback } from '../host-guard.ts'
import { createLogger, type Logger } from '../logger.ts'
import { warnOfFewOpenFiles } from '../open-files.ts'
import { presetSettings } from '../presets/preset-settings.ts'
import { runUntilSignal } from '../run-until-signal.ts'
import { VERSION } from '../version.ts'
import { addServerFlags, loadedFor, type PlatformVariables } from './server-flags.ts'

/** Hosting platforms say with these where to listen. */
export const START_VARIABLES: PlatformVariables = new Map([
  ['port', 'PORT'],
  ['host', 'HOST'],
])

/** `fanline start`: a server that lets in who has a credential. */
export function startCommand(): Command {
  const command = new Command('start')
    .summary('start a server that asks for credentials')
    .description(
      'Starts a server that asks for credentials. It listens on 127.0.0.1 unless --host names another address.',
    )
  return addServerFlags(command).action(async () => start(loadedFor(command, START_VARIABLES)))
}

async function start({ config, sources }: LoadedConfig): Promise<void> {
  const logger = createLogger(config.log.level, 'json')
  const profile = { ...startProfile(config, logger), sources }
  await runUntilSignal(logger, async () => {
    // Only here: the other commands need not wait for what a server consists of.
    const { compose } = await import('../compose.ts')
    const server = await compose(config, profile, logger)
    const { adminPort } = server
    const admin = adminPort === undefined ? {} : { adminHost: config.admin.host, adminPort }
    logger.info({ host: config.host, port: server.port, ...admin, version: VERSION }, 'listening')
    const open = openPresets(config)
    if (open.length > 0) {
      logger.warn(
        { presets: open },
        'these presets ask nobody for a credential: whoever can connect may be anybody',
      )
    } else if (!hasCredentials(config)) {
      logger.warn(
        'no credentials are configured, so every request but /livez and /readyz is refused: set FANLINE_JWT_SECRET and FANLINE_API_KEY',
      )
    }
    if (profile.keys?.size === 0) {
      logger.warn({ file: config.api.keysFile }, 'there is no API key yet: `fanline key create` makes one')
    }
    if (config.jwt.tokenInQuery) {
      logger.warn('jwt.tokenInQuery is on: tokens will stand in the logs of every proxy; a ticket would not')
    }
    warnOfFewOpenFiles(logger)
    return server
  })
}

function openPresets(config: Config): readonly string[] {
  return presetSettings(config)
    .filter(({ auth }) => auth === 'open')
    .map(({ name }) => name)
}

/**
 * How `fanline start` runs with this configuration.
 * @throws Failure when it would not start
 */
export function startProfile(config: Config, logger: Logger): Profile {
  const { admin, host, http } = config
  const isUsable = hasCredentials(config) || openPresets(config).length > 0
  for (const address of admin.port === undefined ? [host] : [host, admin.host]) {
    if (isUsable || isLoopback(address)) continue
    throw usageFailure(
      `Nobody could use a server on ${address} without credentials. Set FANLINE_JWT_SECRET for the tokens of ` +
        'those who listen, and FANLINE_API_KEY for those who publish.',
    )
  }
  return {
    ...credentials(config, logger),
    entrance: { addresses: [host], guard: hostGuard(host, http.hosts) },
    adminEntrance: { addresses: [admin.host], guard: hostGuard(admin.host, http.hosts) },
    demo: false,
    opensPresets: false,
  }
}
