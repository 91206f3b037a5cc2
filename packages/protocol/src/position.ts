/**
 * Where an event stands in the log: an integer that only ever grows, below 2^53. It is at least the microseconds since
 * 1970 at which it was given, so a log that lost everything still never gives an old position again.
 */
export type Position = number & { readonly __brand: 'Position' }

/** Before every event of every log. */
export const ZERO: Position = 0 as Position

const DIGITS = /^(?:0|[1-9]\d{0,15})$/

/** Reads a position from an `id:`; `undefined` when it cannot be one of ours. */
export function parsePosition(text: string): Position | undefined {
  if (!DIGITS.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? (value as Position) : undefined
}

/** The next position after `last` when the clock shows `nowMs` (milliseconds since 1970). */
export function nextPosition(last: Position, nowMs: number): Position {
  return Math.max(last + 1, Math.floor(nowMs * 1000)) as Position
}

/** The first position that an event published at `timeMs` (milliseconds since 1970) could have. */
export function positionAt(timeMs: number): Position {
  return Math.max(0, Math.floor(timeMs * 1000)) as Position
}
