import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Command } from 'commander'
import { begin } from '../client/request.ts'
import { NAMED_OPTIONS } from '../config/named-options.ts'
import type { Config } from '../config/server-options.ts'
import { Failure, usageFailure } from '../failure.ts'
import { addServerFlags, configOf } from './server-flags.ts'
import { START_VARIABLES } from './start.ts'

/** What says where the server listens. */
const PLACE: ReadonlySet<string> = new Set(['host', 'port', 'tls.cert', 'tls.key'])

/** How long the server may take to answer. */
const PATIENCE_MS = 3000

/** `fanline healthcheck`: for containers, which restart what is not well. */
export function healthcheckCommand(): Command {
  const command = new Command('healthcheck')
    .summary('ask the server of this machine or container whether it is alive')
    .description(
      'Asks /livez where `fanline start` listens with the same configuration. Exit code 1 when it does not answer 200\n' +
        'within three seconds.',
    )
    .option('--ready', 'ask /readyz instead: are new clients welcome?')
  const options = NAMED_OPTIONS.filter(({ path }) => PLACE.has(path))
  return addServerFlags(command, options).action(async () => {
    const { ready } = command.opts<{ ready?: true }>()
    await ask(placeOf(configOf(command, START_VARIABLES)), ready ? '/readyz' : '/livez')
  })
}

/** @throws Failure unless 200 is answered in time */
async function ask(url: URL, path: string): Promise<void> {
  const request = begin({ url, token: undefined }, path, {
    // It asks itself: a certificate for other names is as good, and a name of its own is always one of loopback.
    rejectUnauthorized: false,
    headers: { Host: 'localhost' },
    signal: AbortSignal.timeout(PATIENCE_MS),
    agent: false,
  })
  try {
    const [answer] = (await once(request.end(), 'response')) as [IncomingMessage]
    answer.destroy()
    if (answer.statusCode === 200) return
    throw new Failure(`${path} of ${url.origin} answered ${answer.statusCode}.`)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`${path} of ${url.origin} did not answer: ${(error as Error).message}.`)
  }
}

/** @throws Failure when nobody can know the port */
function placeOf({ host, port, tls }: Config): URL {
  if (port === 0) throw usageFailure('port is 0, so nobody knows which one the server has.')
  const address = ANY_ADDRESS.get(host) ?? host
  const shown = address.includes(':') ? `[${address}]` : address
  return new URL(`${tls.cert === '' ? 'http' : 'https'}://${shown}:${port}`)
}

/** Where a server is found that listens on all addresses. */
const ANY_ADDRESS: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
])
