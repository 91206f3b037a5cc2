import type { ProblemError } from '@fanline/protocol'
import type { JSONWebKeySet, JWK, JWTPayload } from 'jose'
import type { Grants } from '../authenticator.ts'
import type { Clock } from '../clock.ts'
import type { CookieOptions } from './cookie.ts'

/** One of those who make tokens, and what theirs must say. It has exactly one of `secret`, `publicKey` and `jwksUrl`. */
export interface JwtIssuer {
  /** Shared with the issuer; at least 32 characters, 48 for HS384 and 64 for HS512. */
  readonly secret?: string | undefined
  /** PEM, a JWK or a JWK set, as text or as an object; RSA with at least 2048 bits. */
  readonly publicKey?: string | JWK | JSONWebKeySet | undefined
  /** Where its JWK set is fetched: by https, or by http from the same machine. Needs `issuer` and `audience`. */
  readonly jwksUrl?: string | undefined
  /** What a token may be signed with; HS256 for a secret, else all that fit the keys, when absent. */
  readonly algorithms?: readonly string[] | undefined
  /** What `iss` must say; not looked at when absent, which only one issuer may do. */
  readonly issuer?: string | undefined
  /** What `aud` must name; not looked at when absent. */
  readonly audience?: string | undefined
  /**
   * The claim that says who somebody is, a string or a whole number; of several the first that a token has. `sub` when
   * absent.
   */
  readonly userClaim?: string | readonly string[] | undefined
  /** Stands before what the claim says, so that users of two issuers are never the same; nothing when absent. */
  readonly userPrefix?: string | undefined
}

/** Whose tokens are accepted, and where they may sit. The fields of a single issuer may stand here themselves. */
export interface JwtOptions extends JwtIssuer {
  /** Those who make tokens, beside the one that is described here, if there is one. */
  readonly issuers?: readonly JwtIssuer[] | undefined
  /** How far clocks may differ, in milliseconds; none when absent. */
  readonly clockToleranceMs?: number | undefined
  /** A cookie that may hold a token, for an EventSource, which cannot send headers. */
  readonly cookie?: CookieOptions | undefined
  /** Whether `?token=` may hold one; false when absent. Addresses end up in logs, so a ticket is better. */
  readonly tokenInQuery?: boolean | undefined
  /**
   * What the holder of a token may do, by its claims, in place of its claim `fanline`; asked once for a token. The user
   * is that of `userClaim` unless it names one. It cannot let a token live longer.
   */
  readonly grants?: ((claims: JWTPayload) => Grants | Promise<Grants>) | undefined
  /** Hears when a JWK set could not be fetched; a process warning when absent. */
  readonly onProblem?: ((problem: ProblemError) => void) | undefined
  readonly clock?: Pick<Clock, 'now'> | undefined
}
