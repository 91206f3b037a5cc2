import { type Position, ZERO } from '@fanline/protocol'

/** What was acknowledged between two positions may be lost. */
export interface Hole {
  readonly after: Position
  readonly through: Position
}

/** What a log on disk knows of itself. It is written with every change, in the same step. */
export interface LogState {
  /** Nothing is known of what was before. */
  readonly birth: Position
  readonly head: Position
  /** The highest trim mark of the channels that the byte cap made the log forget. */
  readonly forgotten: Position
  /** True while a process may have acknowledged what is not flushed. */
  readonly isUncertain: boolean
  /** Oldest first. */
  readonly holes: readonly Hole[]
  readonly entries: number
  readonly bytes: number
  /** Channels that hold entries, or a trim mark. */
  readonly channels: number
}

/** More holes than this are told as fewer, larger ones. */
const MAX_HOLES = 100

/** A log that holds nothing. */
export function newState(birth: Position): LogState {
  const nothing = { holes: [], entries: 0, bytes: 0, channels: 0 }
  return { birth, head: birth, forgotten: ZERO, isUncertain: false, ...nothing }
}

/** The clock may have been set back since positions were given that are lost; but not by more than this. Microseconds. */
const LEAP_US = 10_000_000

/** The log goes on above all that was given before, and whatever was above its head may have been lost. */
export function withHole(state: LogState, now: Position): LogState {
  const through = (Math.max(state.head, now) + LEAP_US) as Position
  const holes = [...state.holes, { after: state.head, through }]
  if (holes.length > MAX_HOLES) {
    const [first, second] = holes.splice(0, 2) as [Hole, Hole]
    holes.unshift({ after: first.after, through: second.through })
  }
  return { ...state, holes, head: through }
}

export function encodeState(state: LogState): Buffer {
  return Buffer.from(JSON.stringify(state))
}

export function decodeState(value: Buffer): LogState {
  return JSON.parse(value.toString())
}
