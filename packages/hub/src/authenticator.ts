import type { Publication } from '@fanline/protocol'

/** Who somebody is, and what they may do. */
export interface Access {
  /** Whose messages a stream gets; nobody's when undefined. */
  readonly user: string | undefined
  /** May see and end connections, and read figures. */
  readonly isAdmin: boolean
  /** Also decides about history. */
  maySubscribe(channel: string): boolean
  mayPublish(publication: Publication): boolean
}

/** What an authenticator looks at. */
export interface CredentialSource {
  readonly query: URLSearchParams
  header(name: string): string | undefined
}

/** Tells who is asking. Called once for each request to a native route. */
export interface Authenticator {
  /** @throws ProblemError `unauthorized` when there is no credential, or it is not accepted */
  authenticate(source: CredentialSource): Access | Promise<Access>
}

/**
 * Lets everybody be whoever `?user=` says and do everything: for development on one machine, and for an application
 * that checks its requests before it hands them over.
 */
export function openAccess(): Authenticator {
  return {
    authenticate: ({ query }) => ({
      user: query.get('user') ?? undefined,
      isAdmin: true,
      maySubscribe: () => true,
      mayPublish: () => true,
    }),
  }
}
