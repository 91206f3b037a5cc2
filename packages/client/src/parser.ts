/** One event of an event stream. */
export interface ParsedEvent {
  /** `message` when the block names none. */
  readonly type: string
  readonly data: string
  /** The id that stands in this very block; undefined when there is none, or one with NUL. */
  readonly id: string | undefined
  /** Where it came from, when the stream is fanline's: other parsers pass over that line. */
  readonly channel: string | undefined
  /** Its data were longer than the parser keeps, and were dropped. */
  readonly isTooLarge: boolean
}
