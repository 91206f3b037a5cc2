import type { Credential } from './authenticator.ts'
import type { Connection, ConnectionState } from './connection.ts'

/** One open connection, as an operator sees it. */
export interface ConnectionInfo {
  readonly id: string
  /** Streams are counted as they are opened, from 1 in every process. */
  readonly number: number
  readonly user: string | null
  /** By what its client was let in. */
  readonly credential: Credential
  /** When its credential ends, ISO 8601; null when it does not. */
  readonly expiresAt: string | null
  readonly channels: readonly string[]
  /** ISO 8601. */
  readonly connectedAt: string
  /** Everything up to this id was written or named in a gap. */
  readonly cursor: string
  readonly state: ConnectionState
  /** Bytes that wait in this process for the client. */
  readonly bufferedBytes: number
}

/** What an operator sees of a connection now. */
export function describe(connection: Connection): ConnectionInfo {
  return {
    id: connection.id,
    number: connection.number,
    user: connection.user ?? null,
    credential: connection.credential,
    expiresAt: connection.expiresAt === undefined ? null : new Date(connection.expiresAt).toISOString(),
    channels: connection.topics,
    connectedAt: new Date(connection.connectedAt).toISOString(),
    cursor: String(connection.cursor),
    state: connection.state,
    bufferedBytes: connection.bufferedBytes(),
  }
}

/** Some open connections. */
export interface ConnectionFilter {
  readonly user?: string
  readonly channel?: string
  readonly connection?: string
  /** The id of the API key behind it. */
  readonly key?: string
}

/** What may be changed on an open connection. */
export interface ConnectionRenewal {
  readonly expiresAt: number | undefined
  readonly credential: Credential
}

/** What another hub says of a connection; undefined when it cannot be that. */
export function parseConnectionInfo(value: unknown): ConnectionInfo | undefined {
  const { id, number, user, credential, expiresAt, channels, connectedAt, cursor, state, bufferedBytes } =
    Object(value)
  const texts = [id, connectedAt, cursor, state, user ?? '', expiresAt ?? '']
  if (!texts.every(isText) || !Array.isArray(channels) || !channels.every(isText)) return undefined
  if (!Number.isInteger(number) || !Number.isInteger(bufferedBytes) || !isCredential(credential))
    return undefined
  return { id, number, user, credential, expiresAt, channels, connectedAt, cursor, state, bufferedBytes }
}

/** True for what may be a credential. */
export function isCredential(value: unknown): value is Credential {
  const { kind, id, issuedAt } = Object(value)
  return isText(kind) && isText(id ?? '') && (issuedAt === undefined || Number.isFinite(issuedAt))
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
