import { isatty } from 'node:tty'
import { Command } from 'commander'
import { certificateFiles } from '../certificate-files.ts'
import type { Profile } from '../compose.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import type { Config } from '../config/server-options.ts'
import { credentials, hasCredentials } from '../credentials.ts'
import { Failure, usageFailure } from '../failure.ts'
import { hostGuard, isLoopback } from '../host-guard.ts'
import { createLogger, type Logger } from '../logger.ts'
import { warnOfFewOpenFiles } from '../open-files.ts'
import { presetSettings } from '../presets/preset-settings.ts'
import { type Running, runUntil, runUntilSignal } from '../run-until-signal.ts'
import { VERSION } from '../version.ts'
import type { Ports } from '../workers/message.ts'
import { ownTeam, type Team } from '../workers/team.ts'
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

async function start(loaded: LoadedConfig): Promise<void> {
  const { config } = loaded
  const team = ownTeam()
  if (team) return startWorker(loaded, team)
  // SIGHUP means that the certificate is to be read again, so it must not end a server that has not read it yet, or has
  // none. Except in a terminal, where it means that the terminal is gone.
  if (config.tls.cert !== '' || !isatty(0)) process.on('SIGHUP', () => undefined)
  const logger = createLogger(config.log.level, 'json')
  const profile = { ...startProfile(config, logger), sources: loaded.sources }
  await runUntilSignal(logger, async () => {
    const { server, ports } =
      config.workers > 1 ? await startWorkers(config, logger) : await startAlone(config, profile, logger)
    const { port, adminPort } = ports
    const admin = adminPort === undefined ? {} : { adminHost: config.admin.host, adminPort }
    const workers = config.workers > 1 ? { workers: config.workers } : {}
    logger.info({ host: config.host, port, ...admin, ...workers, version: VERSION }, 'listening')
    warnOfConfig(config, profile, logger)
    warnOfFewOpenFiles(logger)
    return server
  })
}

interface Started {
  readonly server: Running
  readonly ports: Ports
}

async function startAlone(config: Config, profile: Profile, logger: Logger): Promise<Started> {
  // Only here: the other commands need not wait for what a server consists of.
  const { compose } = await import('../compose.ts')
  const server = await compose(config, profile, logger)
  return { server, ports: server }
}

async function startWorkers(config: Config, logger: Logger): Promise<Started> {
  const { runWorkers } = await import('../workers/run-workers.ts')
  const server = await runWorkers(config, logger)
  return { server, ports: server.ports }
}

/** What is wrong with the configuration, and where the server listens, is said by the process that starts the workers. */
async function startWorker({ config, sources }: LoadedConfig, team: Team): Promise<void> {
  const logger = createLogger(config.log.level, 'json').child({ worker: team.worker })
  const start = async (): Promise<Running> => {
    const { compose } = await import('../compose.ts')
    const profile = { ...startProfile(config, logger), sources }
    const server = await compose(config, profile, logger, team)
    team.listening({ port: server.port, adminPort: server.adminPort })
    return server
  }
  try {
    await runUntil(team.asksToClose, logger, start)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return team.failed(error.message, error.exitCode)
  }
  team.leave()
}

function warnOfConfig(config: Config, { keys }: Profile, logger: Logger): void {
  const open = openPresets(config)
  if (open.length > 0) {
    logger.warn(
      { presets: open },
      'these presets ask nobody for a credential: whoever can connect may be anybody',
    )
  } else if (!hasCredentials(config)) {
    logger.warn(
      'no credentials are configured, so nobody can listen, publish or see figures: set FANLINE_JWT_SECRET and FANLINE_API_KEY',
    )
  }
  if (keys?.size === 0) {
    logger.warn({ file: config.api.keysFile }, 'there is no API key yet: `fanline key create` makes one')
  }
  if (config.jwt.tokenInQuery) {
    logger.warn('jwt.tokenInQuery is on: tokens will stand in the logs of every proxy; a ticket would not')
  }
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
  // Said here, too, because `fanline config check` starts no server.
  certificateFiles(config)
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
