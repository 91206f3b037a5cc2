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
