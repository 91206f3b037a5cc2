import type { CloseReason, ProblemError } from '@fanline/protocol'
import type { CatchUps } from './catch-ups.ts'
import type { Clock } from './clock.ts'
import type { Connection } from './connection.ts'
import type { Feed } from './feed.ts'
import type { Log } from './log.ts'
import type { HubOptions } from './options.ts'
import type { Registry } from './registry.ts'

/** What has happened since the hub began. */
export interface Counters {
  /** Events accepted. */
  published: number
  /** Events written to connections, live or replayed. */
  delivered: number
  /** Those of them that were read from the log. */
  replayed: number
  /** Gap notices written. */
  gaps: number
  /** Ephemeral events that a connection missed because it was not live. */
  ephemeralSkipped: number
  /** How often a connection's socket was full. */
  fellBehind: number
  opened: number
  closed: number
}

/** What all connections of a hub share. */
export interface Delivery {
  readonly clock: Clock
  readonly log: Log
  readonly feed: Feed
  readonly registry: Registry
  readonly catchUps: CatchUps
  readonly counters: Counters
  readonly options: HubOptions
  readonly pageEntries: number
  readonly pageBytes: number
  /** Connections that were closed by the hub and whose last bytes are on their way. */
  readonly ending: Set<Connection>
  /** The time of the last pulse: precise enough for heartbeats, and free. */
  coarseNow(): number
  /** The reconnection time for the next client, spread so that they do not come back together. */
  retryMs(): number
  /** A connection is no longer open. */
  left(connection: Connection, reason: CloseReason | 'gone'): void
  /** One of {@link ending} has sent everything, or lost its client. */
  ended(connection: Connection): void
  /** Something failed that no caller waits for. */
  report(problem: ProblemError, about: { connection?: string }): void
}
