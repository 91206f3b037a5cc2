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
