import type { StreamErrorCode } from '../errors.ts'
import type { FetchOptions } from '../fetch-options.ts'
import type { SourceEvent, StreamGap, StreamStatus } from '../source.ts'

/** What tabs share: everything that a host must know, and that can be sent to a worker. */
export interface Shared {
  /** Tabs with the same name share one connection. */
  readonly name: string
  readonly url: string
  readonly options: FetchOptions
  readonly hasTokens: boolean
}

/** An error, as it can be sent. */
export interface SentError {
  readonly code: StreamErrorCode
  readonly message: string
  readonly status: number | undefined
  readonly body: string | undefined
}

export interface SentStatus extends Omit<StreamStatus, 'error'> {
  readonly error: SentError | undefined
}

/** An event, and whom it is for: those who follow one of these channels, or everybody. */
export interface SentEvent {
  readonly event: SourceEvent
  readonly of: readonly string[] | undefined
}

/** A guest says that it is there, and where it stands. */
export interface Ask {
  /** Its name; a lock of that name is free when it is gone. */
  readonly from: string
  /** The number of this question. */
  readonly n: number
  /** Whom it listens to: when that is the host, it has missed nothing. */
  readonly host: string | undefined
  /** It has heard everything up to this id. */
  readonly cursor: string | undefined
  readonly channels: readonly string[]
  /** The network may be back. */
  readonly wake: boolean
}

/** A guest has a token, or says why not. */
export interface TokenAnswer {
  readonly from: string
  readonly token: string | undefined
  readonly error: string
}

export type GuestMessage = Ask | TokenAnswer

/** What the host tells its guests: one of them, or all. Several things at once are told from top to bottom. */
export interface HostMessage {
  readonly host: string
  readonly to?: string
  /** Who is there? */
  readonly isCall?: boolean
  /** A token is needed for the next attempt. */
  readonly needsToken?: boolean
  /** Answers the question with this number: from here on everything comes, after what was missed. */
  readonly n?: number
  /** The host is hidden: a guest that is not shall take its place. */
  readonly isHidden?: boolean | undefined
  /** The server refuses what this guest wants to follow. */
  readonly error?: SentError | undefined
  readonly events?: readonly SentEvent[]
  readonly gap?: StreamGap
  readonly of?: readonly string[] | undefined
  readonly status?: SentStatus
  /** Everything up to here was told. */
  readonly cursor?: string | undefined
}
