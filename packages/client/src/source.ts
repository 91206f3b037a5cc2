import type { GapNotice } from '@fanline/protocol'

/**
 * Where a stream stands: `connecting` asks for it, `catching-up` hears what was missed, `live` hears what happens,
 * `waiting` pauses before it asks again, `closed` is final.
 */
export type StreamState = 'connecting' | 'catching-up' | 'live' | 'waiting' | 'closed'

/** A snapshot of a stream; a change makes a new one. */
export interface StreamStatus {
  readonly state: StreamState
  /** Attempts in a row that did not last. */
  readonly failures: number
  /** When the next attempt comes, in milliseconds since 1970; only while `waiting`. */
  readonly retryAt: number | undefined
  /** Why the last attempt ended, or the stream was closed; undefined when nothing went wrong. */
  readonly error: Error | undefined
  /** The hub's name for the open connection; undefined while there is none, and on servers other than fanline. */
  readonly connection: string | undefined
  /** Who the hub takes this client for. */
  readonly user: string | undefined
}

/** Where every stream begins. */
export const CONNECTING: StreamStatus = Object.freeze({
  state: 'connecting',
  failures: 0,
  retryAt: undefined,
  error: undefined,
  connection: undefined,
  user: undefined,
})

/** An event as it travelled. */
export interface SourceEvent {
  readonly type: string
  readonly data: string
  /** True when `data` is JSON, also of a string. */
  readonly json: boolean
  readonly id: string | undefined
  readonly channel: string | undefined
  /** Other channels of it that are followed, with commas. */
  readonly also: string | undefined
  /** The trace of its publish; absent where nobody traces. */
  readonly traceparent?: string
}

/** A loss. `too-large`: the event after `from` was larger than this client takes. */
export interface StreamGap extends Omit<GapNotice, 'reason'> {
  readonly reason: GapNotice['reason'] | 'too-large'
}

/** What a source tells its stream: each event once, in order. */
export interface SourceListener {
  /** A promise holds the stream up until it resolves: nothing more is read from the server. */
  event(event: SourceEvent): Promise<unknown> | undefined
  gap(gap: StreamGap): void
  /** Everything up to this id was told. */
  cursor(id: string): void
  status(status: StreamStatus): void
}

/** Where a stream gets its events from: a connection of its own, or one that is shared with other tabs. */
export interface Source {
  /**
   * Follows these channels and no others, from where the stream stands. Resolves when the server does, or is to be
   * asked anew. @throws StreamError when it refuses; then nothing has changed
   */
  follow(channels: readonly string[]): Promise<void>
  /** The network may be back, or the machine awake: looks now, and comes back at once. */
  wake(): void
  /** Has nothing open until {@link wake}. */
  rest(): void
  close(error?: Error): void
}
