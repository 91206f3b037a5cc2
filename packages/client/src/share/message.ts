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

/** What a guest tells the host. */
export type GuestMessage = { readonly from: string } & (
  | {
      /** It is there, follows these channels, and has heard everything up to this id. */
      readonly type: 'ask'
      readonly n: number
      /** Whom it listens to: when that is the host, it has missed nothing. */
      readonly host: string | undefined
      readonly cursor: string | undefined
      readonly channels: readonly string[]
      readonly isVisible: boolean
      /** The network may be back. */
      readonly wake: boolean
    }
  | { readonly type: 'follow'; readonly n: number; readonly channels: readonly string[] }
  | {
      readonly type: 'token'
      readonly n: number
      readonly token: string | undefined
      readonly error: string
    }
  | { readonly type: 'leave' }
)

/** What the host tells its guests: one of them, or all. */
export type HostMessage = {
  readonly host: string
  readonly to?: string
} /** There is a new host: who is there? */ & (
  | { readonly type: 'call' }
  /** Answers `ask`: from here on everything comes, after what was missed. */
  | {
      readonly type: 'welcome'
      readonly n: number
      readonly status: SentStatus
      readonly cursor: string | undefined
      readonly missed: readonly SentEvent[]
    }
  | { readonly type: 'followed'; readonly n: number; readonly error: SentError | undefined }
  | ({ readonly type: 'event' } & SentEvent)
  | { readonly type: 'gap'; readonly gap: StreamGap; readonly of: readonly string[] | undefined }
  | { readonly type: 'cursor'; readonly cursor: string }
  | { readonly type: 'status'; readonly status: SentStatus; readonly cursor: string | undefined }
  /** A token is needed for the next attempt. */
  | { readonly type: 'need-token'; readonly n: number }
  /** The host is hidden, and this guest is not: it shall be the host. */
  | { readonly type: 'take-over' }
  /** What the server refuses together it may not refuse each: go on with a connection of your own. */
  | { readonly type: 'alone' }
  /** This host is none any more. */
  | { readonly type: 'bye' }
)

/** Held by a guest as long as it lives. */
export function guestLock(name: string, guest: string): string {
  return `${name} ${guest}`
}
