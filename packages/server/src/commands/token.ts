import { grantAccess } from '@fanline/hub/routes'
import { ProblemError } from '@fanline/protocol'
import { Command, Option } from 'commander'
import { SignJWT } from 'jose'
import type { Config } from '../config/server-options.ts'
import { Failure, usageFailure } from '../failure.ts'
import { addServerFlags, configOf } from './server-flags.ts'

interface MintFlags {
  readonly user?: string
  readonly subscribe: string[]
  readonly publish: string[]
  readonly admin?: boolean
  readonly expires: string
}

const UNIT_S = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** `fanline token mint`. */
export function tokenCommand(): Command {
  return new Command('token').summary('make tokens for those who listen').addCommand(mintCommand())
}

function mintCommand(): Command {
  const command = new Command('mint')
    .summary('make a token')
    .description('Makes a token with the secret of FANLINE_JWT_SECRET, and prints it.')
    .option('--user <id>', 'whose messages its holder gets')
    .addOption(
      repeatable('--subscribe <pattern>', "channels its holder may read, such as 'orders.*'; repeatable"),
    )
    .addOption(repeatable('--publish <pattern>', 'channels its holder may write; repeatable'))
    .option('--admin', 'its holder may do everything')
    .option('--expires <time>', 'how long it is good: a number with s, m, h or d', '1h')
  // The secret and what goes with it may come from a file or the environment, as for `fanline start`.
  return addServerFlags(command).action(async () => {
    process.stdout.write(`${await mint(configOf(command), command.opts<MintFlags>())}\n`)
  })
}

function repeatable(flags: string, description: string): Option {
  return new Option(flags, description)
    .default([], 'none')
    .argParser((value: string, earlier: string[]) => [...earlier, value])
}

async function mint(
  { jwt }: Config,
  { user, subscribe, publish, admin, expires }: MintFlags,
): Promise<string> {
  if (jwt.secret === '') throw new Failure('There is no secret to sign with. Set FANLINE_JWT_SECRET.', 2)
  const match = /^(\d{1,6})([smhd])$/.exec(expires)
  if (!match) throw usageFailure(`--expires is a number with s, m, h or d, such as 12h, not ${expires}.`)
  const lifetimeS = Number(match[1]) * UNIT_S[match[2] as keyof typeof UNIT_S]
  const grants = {
    ...(subscribe.length > 0 ? { subscribe } : {}),
    ...(publish.length > 0 ? { publish } : {}),
    ...(admin ? { admin } : {}),
  }
  mustBeGrants(grants)
  const nowS = Math.floor(Date.now() / 1000)
  const token = new SignJWT({ fanline: grants, ...(user === undefined ? {} : { [jwt.userClaim]: user }) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + lifetimeS)
  if (jwt.issuer !== '') token.setIssuer(jwt.issuer)
  if (jwt.audience !== '') token.setAudience(jwt.audience)
  return token.sign(new TextEncoder().encode(jwt.secret))
}

function mustBeGrants(grants: Parameters<typeof grantAccess>[0]): void {
  try {
    grantAccess(grants)
  } catch (error) {
    throw error instanceof ProblemError ? usageFailure(error.detail ?? error.message) : error
  }
}
