import { type Grant, isGranted, type Publication, parseGrant } from '@fanline/protocol'

/** Who somebody is, and what they may do. */
export interface Access {
  /** Whose messages a stream gets; nobody's when undefined. */
  readonly user: string | undefined
  /** May see and end connections, and read figures. */
  readonly isAdmin: boolean
  /** When the credential ends, in milliseconds since 1970, and with it every stream it opened; undefined when it does not. */
  readonly expiresAt: number | undefined
  /** Also decides about history. */
  maySubscribe(channel: string): boolean
  mayPublish(publication: Publication): boolean
}

/** What an authenticator looks at. */
export interface CredentialSource {
  readonly method: string
  readonly query: URLSearchParams
  header(name: string): string | undefined
}

/** Tells who is asking. Called once for each request to a native route. */
export interface Authenticator {
  /** @throws ProblemError of status 401 when there is no credential, or it is not accepted */
  authenticate(source: CredentialSource): Access | Promise<Access>
}

/** What somebody may do, as it is written down. */
export interface Grants {
  readonly user?: string | undefined
  readonly subscribe?: readonly string[]
  /** Topics only: users, connections and everyone are reached with `admin`. */
  readonly publish?: readonly string[]
  readonly admin?: boolean
  readonly expiresAt?: number | undefined
}

/**
 * Access by channel names and patterns. An admin may do everything.
 * @throws ProblemError `grant-invalid`
 */
export function grantAccess(grants: Grants): Access {
  const { user, admin = false, expiresAt } = grants
  const subscribe: Grant[] = (grants.subscribe ?? []).map(parseGrant)
  const publish: Grant[] = (grants.publish ?? []).map(parseGrant)
  return {
    user,
    isAdmin: admin,
    expiresAt,
    maySubscribe: (channel) => admin || isGranted(subscribe, channel),
    mayPublish: ({ channels, connection }) =>
      admin || (connection === undefined && channels.every((channel) => isGranted(publish, channel))),
  }
}

/**
 * Lets everybody be whoever `?user=` says and do everything: for development on one machine, and for an application
 * that checks its requests before it hands them over.
 */
export function openAccess(): Authenticator {
  return {
    authenticate: ({ query }) => grantAccess({ user: query.get('user') ?? undefined, admin: true }),
  }
}

/** The token of an `Authorization: Bearer` header; undefined when there is none. */
export function bearerToken(source: CredentialSource): string | undefined {
  const match = /^Bearer +(\S+) *$/i.exec(source.header('authorization') ?? '')
  return match?.[1]
}
