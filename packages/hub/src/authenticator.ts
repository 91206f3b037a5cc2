import {
  type Grant,
  includesRole,
  isGranted,
  ProblemError,
  type Publication,
  parseChannel,
  parseGrant,
  parsePublishGrant,
  parseRole,
  type Role,
} from '@fanline/protocol'
import type { Clock } from './clock.ts'

/** By what somebody was let in. */
export interface Credential {
  /** `open` asks nobody; `custom` is an application's own check. */
  readonly kind: 'open' | 'token' | 'ticket' | 'key' | 'custom'
  /** A token's `jti` (also of the token behind a ticket), a key's id; undefined when it has none. */
  readonly id?: string | undefined
  /** In milliseconds since 1970; undefined when it does not say. */
  readonly issuedAt?: number | undefined
}

/** Who somebody is, and what they may do. */
export interface Access {
  /** Whose messages a stream gets; nobody's when undefined. */
  readonly user: string | undefined
  /** What they may see and do of others'; undefined for those who only listen and publish. */
  readonly role: Role | undefined
  /** When the credential ends, in milliseconds since 1970, and with it every stream it opened; undefined when it does not. */
  readonly expiresAt: number | undefined
  readonly credential: Credential
  /** Also decides about history. */
  maySubscribe(channel: string): boolean
  mayPublish(publication: Publication): boolean
  /**
   * True when the credential was taken back meanwhile; asked again whenever it is used, and for each line of a stream of
   * publishes. A credential that can only be revoked in the hub needs no such answer.
   */
  isWithdrawn?(): boolean
  /** Called when a stream was opened with this access; what it answers is called when that stream has ended. */
  hold?(): () => void
}

/** What an authenticator looks at. */
export interface CredentialSource {
  readonly method: string
  /** Without the query, still percent-encoded. */
  readonly path: string
  readonly query: URLSearchParams
  /** @param name in lower case */
  header(name: string): string | undefined
}

/**
 * Tells who is asking, or undefined when the request carries no credential of its kind. Called once for each request
 * to a native route; an application may write its own.
 * @throws ProblemError of status 401 or 403 when there is a credential, and it is not accepted
 */
export type Authenticator = (source: CredentialSource) => Access | undefined | Promise<Access | undefined>

/** Asks one authenticator after the other: the first that knows the credential answers for it. */
export function firstOf(authenticators: readonly Authenticator[]): Authenticator {
  return async (source) => {
    for (const authenticate of authenticators) {
      const access = await authenticate(source)
      if (access) return access
    }
    return undefined
  }
}

/** Knows which credentials count no more: a hub. */
export interface RevocationCheck {
  /** Resolves when it knows all that was revoked before; undefined when it does. */
  awaitLog(): Promise<void> | undefined
  isRevoked(access: Access): boolean
}

/**
 * Who is asking.
 * @throws ProblemError `unauthorized` when there is no credential, `token-revoked`, `log-unavailable` while nobody knows
 * what was revoked, and what the authenticator throws
 */
export async function authenticated(
  authenticate: Authenticator,
  source: CredentialSource,
  hub: RevocationCheck,
): Promise<Access> {
  const access = await authenticate(source)
  if (!access) throw new ProblemError('unauthorized')
  const opening = isRevocable(access) ? hub.awaitLog() : undefined
  if (opening) await opening
  // Asked each time, because an authenticator may remember what it verified.
  if (hub.isRevoked(access)) throw new ProblemError('token-revoked')
  return access
}

/** Why what somebody was let in by counts no more; undefined while it does. */
export function endOf(
  access: Access,
  hub: Pick<RevocationCheck, 'isRevoked'> & { readonly clock: Pick<Clock, 'now'> },
): 'token-expired' | 'token-revoked' | undefined {
  if (access.expiresAt !== undefined && access.expiresAt <= hub.clock.now()) return 'token-expired'
  return hub.isRevoked(access) ? 'token-revoked' : undefined
}

/** What a stream takes over from the access that opened it. */
export interface StreamTerms extends Pick<Access, 'expiresAt' | 'credential'> {
  readonly hold: (() => () => void) | undefined
  readonly isWithdrawn: (() => boolean) | undefined
}

/** For a route of an application's own, which opens its streams with `Hub.handle` or `Hub.fetch`. */
export function streamTerms(access: Access): StreamTerms {
  const { expiresAt, credential } = access
  return {
    expiresAt,
    credential,
    hold: access.hold?.bind(access),
    isWithdrawn: access.isWithdrawn?.bind(access),
  }
}

/** An operator's key is not: figures are to be had while the log is down. */
function isRevocable({ user, credential: { kind } }: Access): boolean {
  return user !== undefined || kind === 'token' || kind === 'ticket'
}

/** What a ticket is wanted for. */
export interface TicketRequest {
  /** Topics of the stream; the holder may follow these and no others. */
  readonly channels: readonly string[]
  /** The origin of the page that will use it; the server's own when undefined. */
  readonly origin: string | undefined
}

/** Something to put into an address, good for streams that begin within a short time, and for coming back to them. */
export interface Ticket {
  readonly ticket: string
  /** When it ends unless a stream was opened with it before, ISO 8601. */
  readonly expiresAt: string
}

/** Gives tickets to those who have a token but cannot send it: an EventSource has no headers. */
export interface TicketIssuer {
  /** @throws ProblemError `channel-forbidden`, `channel-invalid` or `too-many-tickets` */
  issue(access: Access, request: TicketRequest): Ticket
}

/**
 * Refuses a channel that somebody may not read.
 * @throws ProblemError `channel-forbidden`, `channel-invalid` or `channel-reserved`
 */
export function mustSubscribe(access: Access, channel: string): void {
  if (!access.maySubscribe(parseChannel(channel))) {
    throw new ProblemError('channel-forbidden', `It is ${channel}.`)
  }
}

/** What somebody may do, as it is written down. */
export interface Grants {
  readonly user?: string | undefined
  /** Topics and patterns of topics. */
  readonly subscribe?: readonly string[] | undefined
  /** Topics and patterns of topics, `@all`, `@user:*` or `@user:NAME`. */
  readonly publish?: readonly string[] | undefined
  /** A viewer may also read every topic, an operator publish everywhere. */
  readonly role?: Role | undefined
  /** The same as the role `admin`. */
  readonly admin?: boolean | undefined
  readonly expiresAt?: number | undefined
  /** An application's own when absent. */
  readonly credential?: Credential | undefined
}

const CUSTOM: Credential = { kind: 'custom' }

/**
 * Access by channel names and patterns, and by role.
 * @throws ProblemError `grant-invalid`
 */
export function grantAccess(grants: Grants): Access {
  const { user, expiresAt, credential = CUSTOM } = grants
  const role = parseRole(grants)
  const [seesAll, publishesAll] = [includesRole(role, 'viewer'), includesRole(role, 'operator')]
  const subscribe: Grant[] = (grants.subscribe ?? []).map(parseGrant)
  const publish: Grant[] = (grants.publish ?? []).map(parsePublishGrant)
  return {
    user,
    role,
    expiresAt,
    credential,
    maySubscribe: (channel) => seesAll || isGranted(subscribe, channel),
    mayPublish: ({ channels, connection }) =>
      publishesAll || (connection === undefined && channels.every((channel) => isGranted(publish, channel))),
  }
}

/**
 * Lets everybody be whoever `?user=` says and do everything: for development on one machine, and for an application
 * that checks its requests before it hands them over.
 */
export function openAccess(): Authenticator {
  const credential: Credential = { kind: 'open' }
  return ({ query }) => grantAccess({ user: query.get('user') ?? undefined, admin: true, credential })
}

/** The token of an `Authorization: Bearer` header; undefined when there is none. */
export function bearerToken(source: CredentialSource): string | undefined {
  const match = /^Bearer +(\S+) *$/i.exec(source.header('authorization') ?? '')
  return match?.[1]
}
