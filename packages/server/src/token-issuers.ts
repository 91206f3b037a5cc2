import { readFileSync } from 'node:fs'
import { type JwtIssuer, type JwtOptions, jwt } from '@fanline/hub/jwt'
import { ProblemError } from '@fanline/protocol'
import type { Config, IssuerConfig } from './config/server-options.ts'
import { usageFailure } from './failure.ts'

/** One of those who make tokens, and where it was configured. */
interface PlacedIssuer {
  readonly issuer: IssuerConfig
  /** For error texts: `jwt`, or `Entry 2 of jwt.issuers`. */
  readonly place: string
}

const KEYS = ['secret', 'publicKey', 'publicKeyFile', 'jwksUrl'] as const
const CLAIMS = ['issuer', 'audience', 'algorithms', 'userPrefix'] as const

/**
 * Those whose tokens are accepted: the one of `jwt` itself, if it has a key, and those of `jwt.issuers`.
 * @throws Failure when options contradict each other
 */
export function tokenIssuers(tokens: Config['jwt']): readonly PlacedIssuer[] {
  const more = tokens.issuers.map((issuer, i) => ({ issuer, place: `Entry ${i + 1} of jwt.issuers` }))
  for (const { issuer, place } of more) {
    if (!hasKey(issuer)) throw usageFailure(`${place} has no key: ${KEYS.join(', ')}.`)
    if (issuer.issuer === '') throw usageFailure(`${place} has no issuer: whose tokens is its key for?`)
  }
  if (!hasKey(tokens)) {
    const idle = CLAIMS.find((claim) => tokens[claim].length > 0)
    if (idle === undefined) return more.map(mustBeConsistent)
    throw usageFailure(
      `jwt.${idle} says nothing without a key: ${KEYS.map((key) => `jwt.${key}`).join(', ')}.`,
    )
  }
  return [{ issuer: tokens, place: 'jwt' }, ...more].map(mustBeConsistent)
}

/**
 * How tokens are checked; undefined when nobody makes any.
 * @throws Failure for a key that cannot be used
 */
export function jwtOptions({ cors, jwt: tokens }: Config): JwtOptions | undefined {
  const issuers = tokenIssuers(tokens).map(jwtIssuer)
  if (issuers.length === 0) return undefined
  const { clockToleranceMs, cookie, tokenInQuery } = tokens
  const options: JwtOptions = {
    issuers,
    clockToleranceMs,
    tokenInQuery,
    cookie: cookie === '' ? undefined : { name: cookie, origins: cors.origins },
  }
  mustBeUsable(options, 'jwt')
  return options
}

function hasKey(issuer: IssuerConfig): boolean {
  return KEYS.some((key) => issuer[key] !== '')
}

function mustBeConsistent(placed: PlacedIssuer): PlacedIssuer {
  const { issuer, place } = placed
  const [first, second] = KEYS.filter((key) => issuer[key] !== '')
  if (second !== undefined) {
    throw usageFailure(`${place}: ${first} and ${second} exclude each other: an issuer has one key.`)
  }
  // A set of keys on the web is often that of many applications, so the token has to be for this one.
  if (issuer.jwksUrl !== '' && (issuer.issuer === '' || issuer.audience === '')) {
    throw usageFailure(`${place}: jwksUrl needs issuer and audience beside it.`)
  }
  return placed
}

function jwtIssuer({ issuer, place }: PlacedIssuer): JwtIssuer {
  const { publicKey, publicKeyFile, algorithms } = issuer
  const options: JwtIssuer = {
    secret: issuer.secret || undefined,
    publicKey: publicKeyFile === '' ? publicKey || undefined : textOf(publicKeyFile, place),
    jwksUrl: issuer.jwksUrl || undefined,
    algorithms: algorithms.length === 0 ? undefined : algorithms,
    issuer: issuer.issuer || undefined,
    audience: issuer.audience || undefined,
    userClaim: issuer.userClaim,
    userPrefix: issuer.userPrefix || undefined,
  }
  // On its own first, so that the text says which of them is wrong.
  mustBeUsable(options, place)
  return options
}

function textOf(file: string, place: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw usageFailure(`${place}: publicKeyFile cannot be read: ${(error as Error).message}`)
  }
}

function mustBeUsable(options: JwtOptions, place: string): void {
  try {
    jwt(options)
  } catch (error) {
    throw error instanceof ProblemError ? usageFailure(`${place}: ${error.detail ?? error.message}`) : error
  }
}
