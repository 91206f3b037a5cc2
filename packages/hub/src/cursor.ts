import {
  type GapReason,
  type Position,
  ProblemError,
  parsePosition,
  positionAt,
  ZERO,
} from '@fanline/protocol'
import type { Gap, StoredEntry } from './log.ts'

/** Where a connection begins to read. */
export interface Cursor {
  /** Exclusive; null begins at the head, with what is published from now on. */
  readonly after: Position | null
  /** Losses that this way of asking takes for granted, and so are not announced. */
  readonly expects: readonly GapReason[]
  /** Losses that are known before anything is read; they are announced first. */
  readonly losses?: readonly Gap[]
  /** Stands for everything after `after`, up to its position, of the only channel that matters: written first, once. */
  readonly digest?: StoredEntry | undefined
}

/** A cursor, or how to find it: asked when the stream begins, where a failure can still be told to the client. */
export type CursorSource = Cursor | (() => Promise<Cursor>)

/** Begin with what is published from now on. */
export const AT_HEAD: Cursor = { after: null, expects: [] }

/** No log has come this far, so reading after it answers a gap `bad-cursor` and then everything. */
const BEYOND: Position = Number.MAX_SAFE_INTEGER as Position

/** Go on after an event id. A text that is not one of ours leads to a gap, never to a refusal. */
export function cursorAfter(id: string): Cursor {
  return { after: parsePosition(id) ?? BEYOND, expects: [] }
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/**
 * Begin in the past: `start` is all there is, `10m` the last ten minutes (units s, m, h, d).
 * @throws ProblemError `since-invalid`
 */
export function cursorSince(since: string, nowMs: number): Cursor {
  if (since === 'start') return { after: ZERO, expects: ['restarted', 'trimmed'] }
  const match = /^(\d{1,9})([smhd])$/.exec(since)
  if (!match) throw new ProblemError('since-invalid')
  const spanMs = Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
  return { after: positionAt(nowMs - spanMs), expects: ['restarted'] }
}
