import { type Command, Option } from 'commander'
import { readEnvironment } from '../config/environment.ts'
import { usageFailure } from '../failure.ts'

const DEFAULT_URL = 'http://localhost:4000'

/** The server that a verb talks to. */
export interface Target {
  readonly url: URL
  /** Sent as a bearer token. */
  readonly token: string | undefined
}

/** Gives a verb `--url`. The token has no flag: the list of processes shows flags to every user of the machine. */
export function addTargetFlags(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', `The server (FANLINE_URL; default: ${DEFAULT_URL}).`))
    .addHelpText('after', '\nA token is taken from the variable FANLINE_TOKEN.')
}

/**
 * The server that flags and environment name.
 * @throws Failure for a text that is no http or https address
 */
export function targetOf(flag: string | undefined): Target {
  const environment = readEnvironment(process.cwd())
  const text = flag ?? environment.get('FANLINE_URL')?.value ?? DEFAULT_URL
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw usageFailure(`${JSON.stringify(text)} is not the address of a server, such as ${DEFAULT_URL}.`)
  }
  return { url, token: environment.get('FANLINE_TOKEN')?.value }
}

/** Where a path below a target's address is. */
export function addressOf({ url }: Target, path: string): URL {
  return new URL(url.pathname.replace(/\/$/, '') + path, url)
}
