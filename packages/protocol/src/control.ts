/** What every event of the hub itself is called; publishers cannot use it. */
export const CONTROL_PREFIX = 'fanline.'

/** The first event of every stream. Its id is the cursor from which the client would resume. */
export interface Hello {
  /** The id of this connection, for `DELETE /v1/connections/{id}` and sends to one connection. */
  readonly connection: string
  readonly user: string | null
  /** The topics this connection follows. */
  readonly channels: readonly string[]
  /** True when the client came back with a cursor and is being brought up to date. */
  readonly resumed: boolean
  /** How often the hub writes something on a quiet stream, in milliseconds. */
  readonly heartbeatMs: number
  /** The data of every event of this stream is JSON, as its client has asked: strings stand in quotation marks. */
  readonly json?: true
}

/** Moves an idle cursor on. Its id is the log's head. */
export interface Checkpoint {
  /** True when it ends a catch-up: everything before it was delivered or named in a gap. */
  readonly live: boolean
}

/** Why a part of a channel cannot be delivered. */
export type GapReason =
  /** Retention removed it. */
  | 'trimmed'
  /** The log came back with less than it had acknowledged. */
  | 'rollback'
  /** The log began after the cursor: a hub with its history in memory was restarted. */
  | 'restarted'
  /** The cursor is not one that this hub gave. */
  | 'bad-cursor'
  /** Events without history were skipped while the client was behind. */
  | 'ephemeral'

/** A loss, said plainly. Carries no id: other channels may have events inside its range. */
export interface GapNotice {
  readonly channel: string
  /** Everything after this id … */
  readonly from: string
  /** … up to and including this one may be missing. */
  readonly to: string
  readonly reason: GapReason
}

/** The token of this stream ends soon. */
export interface Expiring {
  /** When, ISO 8601. */
  readonly at: string
}

/** The last event of a stream that the hub ends. */
export interface Bye {
  readonly reason: CloseReason
  /** False when coming back with the same request cannot work. */
  readonly reconnect: boolean
}

/** Why the hub ends a stream, and whether the client may come back. `docs/reference/close-reasons.md` lists them. */
export const CLOSE_REASONS = {
  drain: {
    reconnect: true,
    meaning: 'The hub is shutting down; another one, or this one again, will answer.',
  },
  kicked: { reconnect: false, meaning: 'An operator or the application ended this connection.' },
  expired: { reconnect: false, meaning: 'The token has expired; come back with a new one.' },
  revoked: { reconnect: false, meaning: 'The token or key behind this connection was revoked.' },
  stalled: { reconnect: true, meaning: 'The client took no byte for the stall time-out.' },
  overloaded: { reconnect: true, meaning: 'A limit is reached; the client should come back later.' },
  'keys-failed': {
    reconnect: true,
    meaning: 'The keys that tokens are checked with could not be fetched; the client should come back later.',
  },
  ended: { reconnect: false, meaning: 'What the stream was opened for has ended.' },
  'log-failed': { reconnect: true, meaning: 'The log could not be read; nothing was skipped.' },
} as const satisfies Record<string, { reconnect: boolean; meaning: string }>

/** A row of {@link CLOSE_REASONS}. */
export type CloseReason = keyof typeof CLOSE_REASONS
