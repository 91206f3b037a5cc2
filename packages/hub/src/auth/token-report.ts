import { type ProblemBody, parseRole, type Role, toProblem } from '@fanline/protocol'
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'
import type { Grants } from '../authenticator.ts'
import type { JwtOptions } from './jwt-options.ts'
import { grantsIn } from './token-grants.ts'
import { TokenVerifier } from './token-verifier.ts'

/** A token, taken apart. */
export interface TokenReport {
  /** Null when it cannot be read. */
  readonly header: Record<string, unknown> | null
  /** Null when they cannot be read. */
  readonly claims: Record<string, unknown> | null
  /** Whose messages its holder gets, or would get; null for nobody's. */
  readonly user: string | null
  /** What it allows, or would allow; null when that cannot be told. */
  readonly grants: {
    readonly subscribe: readonly string[]
    readonly publish: readonly string[]
    readonly role: Role | null
  } | null
  /** When access ends, the tolerance included, ISO 8601; null when that cannot be told. */
  readonly expiresAt: string | null
  readonly accepted: boolean
  /** Why it is refused; null when it is accepted, and when there is no key to check it with. */
  readonly problem: ProblemBody | null
}

/**
 * Says what a token holds, and whether it would be accepted now. With a `jwksUrl` the keys are fetched; nothing else
 * leaves the machine. When the options name no key, the token is taken apart, and neither accepted nor refused.
 * @throws ProblemError `option-invalid`
 */
export async function tokenReport(token: string, options: JwtOptions): Promise<TokenReport> {
  const verifier = namesKeys(options) ? new TokenVerifier(options) : undefined
  const claims = readable(() => decodeJwt(token))
  const grants = claims && (await grantsOf(claims, options, verifier))
  const problem = verifier && (await problemOf(token, verifier))
  return {
    header: readable(() => ({ ...decodeProtectedHeader(token) })),
    claims,
    user: grants?.user ?? null,
    grants: grants && {
      subscribe: grants.subscribe ?? [],
      publish: grants.publish ?? [],
      role: parseRole(grants) ?? null,
    },
    expiresAt: grants?.expiresAt === undefined ? null : new Date(grants.expiresAt).toISOString(),
    accepted: verifier !== undefined && problem === undefined,
    problem: problem ?? null,
  }
}

function namesKeys({ secret, publicKey, jwksUrl, issuers = [] }: JwtOptions): boolean {
  return [secret, publicKey, jwksUrl].some((key) => key !== undefined) || issuers.length > 0
}

function readable<T>(decode: () => T): T | null {
  try {
    return decode()
  } catch {
    // Why it cannot be read is said by the problem.
    return null
  }
}

async function grantsOf(
  claims: JWTPayload,
  options: JwtOptions,
  verifier: TokenVerifier | undefined,
): Promise<Grants | null> {
  try {
    return await (verifier ? verifier.issuerOf(claims).grantsIn(claims) : grantsIn(claims, options))
  } catch {
    // The same is said by the problem.
    return null
  }
}

async function problemOf(token: string, verifier: TokenVerifier): Promise<ProblemBody | undefined> {
  try {
    await verifier.verify(token)
    return undefined
  } catch (error) {
    return toProblem(error).toBody()
  }
}
