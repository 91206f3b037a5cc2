import { Command } from 'commander'
import { compose, type Profile } from '../compose.ts'
import type { Config } from '../config/server-options.ts'
import { credentials } from '../credentials.ts'
import { usageFailure } from '../failure.ts'
import { isLoopback } from '../host-guard.ts'
import { createLogger } from '../logger.ts'
import { warnOfFewOpenFiles } from '../open-files.ts'
import { runUntilSignal } from '../run-until-signal.ts'
import { VERSION } from '../version.ts'
import { addServerFlags, configOf } from './server-flags.ts'

const PLATFORM_VARIABLES: ReadonlyMap<string, string> = new Map([
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
  return addServerFlags(command).action(async () => start(configOf(command, PLATFORM_VARIABLES)))
}

async function start(config: Config): Promise<void> {
  const isClosed = config.api.key === '' && config.jwt.secret === ''
  if (isClosed && !isLoopback(config.host)) {
    throw usageFailure(
      `Nobody could use a server on ${config.host} without credentials. Set FANLINE_JWT_SECRET for the tokens of ` +
        'those who listen, and FANLINE_API_KEY for those who publish.',
    )
  }
  const profile: Profile = { authenticator: credentials(config), addresses: [config.host], demo: false }
  const logger = createLogger(config.log.level, 'json')
  await runUntilSignal(logger, async () => {
    const server = await compose(config, profile, logger)
    logger.info({ host: config.host, port: server.port, version: VERSION }, 'listening')
    if (isClosed) {
      logger.warn(
        'no credentials are configured, so every request but /livez and /readyz is refused: set FANLINE_JWT_SECRET and FANLINE_API_KEY',
      )
    }
    warnOfFewOpenFiles(logger)
    return server
  })
}
