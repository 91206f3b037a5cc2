/** How a stream is asked for, and kept. Times are in milliseconds. */
export interface FetchOptions {
  /** Topics to follow, beside those that stand in the address. */
  readonly channels?: readonly string[] | undefined
  /** Where to go on: the id of an event. */
  readonly lastEventId?: string | undefined
  /** `GET` when absent. */
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
  readonly credentials?: RequestCredentials | undefined
  /** The global `fetch` when absent. */
  readonly fetch?: typeof fetch | undefined
  /**
   * The token for `Authorization: Bearer`; asked before each attempt, and when the hub says that the one in use
   * expires. When it throws `Unauthorized` the stream is closed; any other failure is tried again.
   */
  readonly getToken?: (() => string | Promise<string>) | undefined
  /** How long the head of an answer may take; 30 s when absent. */
  readonly connectTimeoutMs?: number | undefined
  /**
   * How long a stream may be quiet. Of fanline's own streams it is 2.5 heartbeats when absent, of others no limit.
   */
  readonly silenceMs?: number | undefined
  /** The longest pause between two attempts, if the server does not ask for more; 30 s when absent. */
  readonly maxPauseMs?: number | undefined
  /** A stream that lasted so long was a good one: pauses begin small again. 5 s when absent. */
  readonly healthyMs?: number | undefined
  /** Longer data of one event are dropped, and told as a gap `too-large`; in characters, 16 Mi when absent. */
  readonly maxEventLength?: number | undefined
}
