import type { CloseReason, GapReason, ProblemCode } from '@fanline/protocol'

/** Why a stream ended: by a word of the hub, or because the client left. */
export type EndReason = CloseReason | 'left'

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
  /** Those of them with each reason. */
  readonly gapsBy: Partial<Record<GapReason, number>>
  /** Ephemeral events that a connection missed because it was not live. */
  ephemeralSkipped: number
  /** How often a connection's socket was full. */
  fellBehind: number
  /** How often a connection had read what it missed, and was live. */
  caughtUp: number
  opened: number
  closed: number
  /** Those of them that ended for a reason. */
  readonly closedBy: Partial<Record<EndReason, number>>
  /** Requests and lines that were refused, by the code of their problem. */
  readonly problems: Partial<Record<ProblemCode, number>>
}
