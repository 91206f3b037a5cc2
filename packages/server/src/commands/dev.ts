import { openAccess } from '@fanline/hub/routes'
import { Command } from 'commander'
import type { Entrance, Profile, RunningServer } from '../compose.ts'
import { type Environment, readEnvironment } from '../config/environment.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import type { Config } from '../config/server-options.ts'
import { type Credentials, credentials } from '../credentials.ts'
import { Failure, usageFailure } from '../failure.ts'
import { mustComeFromLoopback } from '../host-guard.ts'
import { createLogger, type Logger } from '../logger.ts'
import { warnOfFewOpenFiles } from '../open-files.ts'
import { painter } from '../painter.ts'
import { presetSettings } from '../presets/preset-settings.ts'
import { runUntilSignal } from '../run-until-signal.ts'
import { VERSION } from '../version.ts'
import { addServerFlags, loadedFor, type PlatformVariables } from './server-flags.ts'

/** HOST is left out: some shells set it to the name of the machine. */
const DEV_VARIABLES: PlatformVariables = new Map([['port', 'PORT']])

const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  localhost: ['127.0.0.1', '::1'],
  '127.0.0.1': ['127.0.0.1', '::1'],
  '::1': ['::1'],
}

/** `fanline dev`: a server for the developer of an application, open to everybody on this machine. */
export function devCommand(): Command {
  const command = new Command('dev')
    .summary('start a server for development')
    .description(
      'Starts a server for development, with a demo page. It is open: everybody on this machine may be any user,\n' +
        'publish and listen. It answers on localhost only, and refuses to start with NODE_ENV=production.',
    )
  return addServerFlags(command).action(async () => dev(loadedFor(command, DEV_VARIABLES)))
}

async function dev({ config, sources }: LoadedConfig): Promise<void> {
  refuseProduction(readEnvironment(process.cwd()))
  if (config.workers > 1)
    throw usageFailure('`fanline dev` is one process: --workers is for `fanline start`.')
  const logger = createLogger(config.log.level, 'human')
  const profile: Profile = {
    ...starterCredentials(config, logger),
    authenticator: openAccess(),
    entrance: entrance(config.host),
    adminEntrance: entrance(config.admin.host),
    demo: true,
    opensPresets: true,
    sources,
  }
  await runUntilSignal(logger, async () => {
    // Only here: the other commands need not wait for what a server consists of.
    const { compose } = await import('../compose.ts')
    const server = await compose(config, profile, logger)
    process.stdout.write(greeting(config, server))
    warnOfFewOpenFiles(logger)
    return server
  })
}

/** Clients of starter always had tokens: it asks for them as soon as there is something to check them with. */
function starterCredentials(config: Config, logger: Logger): Partial<Credentials> {
  const isMounted = presetSettings(config).some(({ name }) => name === 'starter')
  return isMounted ? credentials(config, logger) : {}
}

/** Also by the names that the systems of the presets used. */
const PRODUCTION: ReadonlyMap<string, RegExp> = new Map([
  ['NODE_ENV', /^production$/],
  ['ENVIRONMENT', /^prod(?:uction)?$/],
  ['ENV_TYPE', /^prod(?:uction)?$/],
])

/** @throws Failure */
function refuseProduction(environment: Environment): void {
  for (const [name, production] of PRODUCTION) {
    const value = environment.get(name)?.value
    if (value === undefined || !production.test(value)) continue
    throw new Failure(
      `\`fanline dev\` is open to everybody and does not run with ${name}=${value}. Use \`fanline start\`.`,
    )
  }
}

/** @throws Failure for an address that others can reach */
function entrance(host: string): Entrance {
  const addresses = ADDRESSES[host]
  if (!addresses) {
    throw usageFailure(
      '`fanline dev` is open to everybody, so its host is localhost, 127.0.0.1 or ::1, ' +
        `not ${host}. Use \`fanline start\`.`,
    )
  }
  return { addresses, guard: mustComeFromLoopback }
}

function greeting({ host, admin, tls }: Config, { port, adminPort }: RunningServer): string {
  const paint = painter(process.stdout)
  const scheme = tls.cert === '' ? 'http' : 'https'
  const address = `${nameOf(host)}:${port}`
  // What curl takes for granted need not be said.
  const curled = scheme === 'http' ? address : `https://${address}`
  const quoted = host === '::1' ? (url: string) => `-g '${url}'` : (url: string) => url
  const adminAddress = adminPort === undefined ? address : `${nameOf(admin.host)}:${adminPort}`
  return `
  ${paint('bold', `fanline ${VERSION}`)} for development. ${paint('yellow', 'Open to everybody on this machine.')}

  Demo page   ${paint('cyan', `${scheme}://${address}/`)}
  Admin UI    ${paint('cyan', `${scheme}://${adminAddress}/admin`)}
  API         ${paint('cyan', `${scheme}://${address}/docs`)}
  Listen      curl -N ${quoted(`${curled}/v1/events/hello`)}
  Publish     curl -d 'Hello' ${quoted(`${curled}/v1/publish/hello`)}

  Ctrl-C stops it.

`
}

function nameOf(host: string): string {
  return host === '::1' ? '[::1]' : 'localhost'
}
