import { randomUUID } from 'node:crypto'
import { Command } from 'commander'
import { SignJWT } from 'jose'
import type { Config } from '../config/server-options.ts'
import { parseDuration } from '../duration.ts'
import { usageFailure } from '../failure.ts'
import { addGrantFlags, type GrantFlags, mustBeGrants, roleOf } from './grant-flags.ts'
import { addServerFlags, configOf } from './server-flags.ts'
import { inspectCommand, verifyCommand } from './token-checks.ts'

interface MintFlags extends GrantFlags {
  readonly user?: string
  readonly id?: string
  readonly expires: string
}

/** `fanline token`: the tokens of those who listen. */
export function tokenCommand(): Command {
  return new Command('token')
    .summary('make, read and check tokens of those who listen')
    .addCommand(mintCommand())
    .addCommand(inspectCommand())
    .addCommand(verifyCommand())
}

function mintCommand(): Command {
  const command = new Command('mint')
    .summary('make a token')
    .description('Makes a token with the secret of FANLINE_JWT_SECRET, and prints it.')
    .option('--user <id>', 'whose messages its holder gets')
  addGrantFlags(command)
    .option('--expires <time>', 'how long it is good: a number with s, m, h or d', '1h')
    .option('--id <jti>', 'by which it can be revoked; random when absent')
  // The secret and what goes with it may come from a file or the environment, as for `fanline start`.
  return addServerFlags(command).action(async () => {
    process.stdout.write(`${await mint(configOf(command), command.opts<MintFlags>())}\n`)
  })
}

async function mint({ jwt }: Config, flags: MintFlags): Promise<string> {
  if (jwt.secret === '') throw usageFailure('There is no secret to sign with. Set FANLINE_JWT_SECRET.')
  const { user, id = randomUUID(), subscribe, publish } = flags
  const role = roleOf(flags)
  const lifetimeS = parseDuration(flags.expires, '--expires') / 1000
  mustBeGrants(flags)
  const grants = {
    ...(subscribe.length > 0 ? { subscribe } : {}),
    ...(publish.length > 0 ? { publish } : {}),
    ...(role ? { role } : {}),
  }
  const nowS = Math.floor(Date.now() / 1000)
  const token = new SignJWT({ fanline: grants, ...(user === undefined ? {} : { [jwt.userClaim]: user }) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setJti(id)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + lifetimeS)
  if (jwt.issuer !== '') token.setIssuer(jwt.issuer)
  if (jwt.audience !== '') token.setAudience(jwt.audience)
  return token.sign(new TextEncoder().encode(jwt.secret))
}
