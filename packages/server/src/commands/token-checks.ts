import { text } from 'node:stream/consumers'
import { type JwtOptions, type TokenReport, tokenReport } from '@fanline/hub/jwt'
import { Command } from 'commander'
import { decodeJwt } from 'jose'
import { describeProblem } from '../client/request.ts'
import type { Config } from '../config/server-options.ts'
import { Failure, usageFailure } from '../failure.ts'
import { grantsText } from '../grants-text.ts'
import { printable } from '../printable.ts'
import { jwtOptions, tokenIssuers } from '../token-issuers.ts'
import { reasonToRefuse, tokenLines } from '../token-text.ts'
import { addServerFlags, configOf } from './server-flags.ts'

interface CheckFlags {
  readonly json?: true
}

/** `fanline token inspect`. */
export function inspectCommand(): Command {
  const command = new Command('inspect')
    .summary('show what a token says')
    .description(
      'Shows what a token says, and what that means to a server with these options. Needs no key, asks nobody, and does\n' +
        'not look at the signature.',
    )
  return addCheckFlags(command).action(async (argument: string | undefined) => {
    const token = await tokenFrom(argument)
    const report = await tokenReport(token, readingOptions(configOf(command).jwt, token))
    if (!report.header || !report.claims) throw new Failure('This is not a JSON Web Token.')
    const now = Date.now()
    const reason = reasonToRefuse(report, now) ?? null
    process.stdout.write(
      command.opts<CheckFlags>().json ? json({ ...inspected(report), reason }) : tokenLines(report, now),
    )
  })
}

/** `fanline token verify`. */
export function verifyCommand(): Command {
  const command = new Command('verify')
    .summary('say whether a token would be accepted')
    .description(
      'Says whether `fanline start` with the same options would accept a token now, and if not, why: exit code 0 or 1.\n' +
        'Whether it was revoked only the server knows.',
    )
  return addCheckFlags(command).action(async (argument: string | undefined) => {
    const options = jwtOptions(configOf(command))
    if (!options)
      throw usageFailure('There is no key to check with. Set FANLINE_JWT_SECRET, or another of jwt.')
    const report = await tokenReport(await tokenFrom(argument), { ...options, onProblem: tellProblem })
    const { problem } = report
    if (command.opts<CheckFlags>().json) process.stdout.write(json(report))
    if (problem) throw new Failure(`refused: ${describeProblem(problem)}`)
    if (!command.opts<CheckFlags>().json) process.stdout.write(acceptance(report))
  })
}

function addCheckFlags(command: Command): Command {
  command
    .argument('[token]', 'the token; from standard input when it is - or absent')
    .option('--json', 'print all that is known, as JSON')
  return addServerFlags(command)
}

/** @throws Failure when there is none */
async function tokenFrom(argument: string | undefined): Promise<string> {
  const isOnInput = argument === undefined || argument === '-'
  if (isOnInput && process.stdin.isTTY) throw usageFailure('Name a token, or hand it in on standard input.')
  const token = (isOnInput ? await text(process.stdin) : argument).trim()
  if (token === '') throw usageFailure('There is no token.')
  if (token.startsWith('fl_'))
    throw usageFailure('This is an API key: `fanline key list` shows what it may do.')
  return token
}

/** How the issuer that a token names would have it read, without its key. */
function readingOptions(tokens: Config['jwt'], token: string): JwtOptions {
  const issuers = tokenIssuers(tokens).map(({ issuer }) => issuer)
  const iss = issuerIn(token)
  const { userClaim, userPrefix } =
    issuers.find(({ issuer }) => issuer !== '' && issuer === iss) ??
    issuers.find(({ issuer }) => issuer === '') ??
    tokens
  return { userClaim, userPrefix, clockToleranceMs: tokens.clockToleranceMs }
}

function issuerIn(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined // The report says that it cannot be read.
  }
}

function tellProblem({ message }: Error): void {
  process.stderr.write(`fanline: ${message}\n`)
}

/** Whether it would be accepted cannot be told without a key. */
function inspected({ accepted: _, problem: __, ...report }: TokenReport): object {
  return report
}

function json(report: object): string {
  return `${JSON.stringify(report, null, 2)}\n`
}

function acceptance({ user, grants, expiresAt }: TokenReport): string {
  const who = user === null ? 'no user' : `user ${user}`
  return `${printable(`accepted: ${who}, may ${grantsText(grants ?? {})}, until ${expiresAt}`)}\n`
}
