import {
  type ChannelName,
  joinParts,
  type Position,
  parsePiece,
  parsePosition,
  positionAt,
  STREAM_TYPE,
  type StreamEnd,
  type StreamPiece,
} from '@fanline/protocol'
import type { Clock } from './clock.ts'
import type { Entry, Log, StoredEntry } from './log.ts'
import { SIGN_OF_LIFE_MS } from './stream-producer.ts'
import type { Turns } from './turns.ts'

/** A stream that has said nothing for so long is taken for dead, in milliseconds. */
export const LEASE_MS = 3 * SIGN_OF_LIFE_MS

/** Where a stream that runs must have said something, in milliseconds: clocks of hubs may differ by ten seconds. */
const WINDOW_MS = 2 * LEASE_MS

const PAGE_ENTRIES = 1000
const PAGE_BYTES = 256 * 1024

/** A stream in a channel, as far as it was read. */
export interface StreamState {
  /** Where it began. */
  readonly id: Position
  /** Undefined while it runs. */
  readonly end: StreamEnd | undefined
  /** When it said something last, in milliseconds since 1970. */
  readonly at: number
  /** Where that stands. */
  readonly position: Position
}

/** What one stream said after a position. */
export interface StreamDigest {
  readonly state: StreamState
  /** One entry that stands for all of it; undefined where there was nothing, or something is lost. */
  readonly entry: StoredEntry | undefined
}

/** Reads streams from the log: nothing about them is kept anywhere else. */
export class StreamReader {
  readonly #log: Log
  readonly #clock: Clock
  readonly #turns: Turns

  constructor(log: Log, clock: Clock, turns: Turns) {
    this.#log = log
    this.#clock = clock
    this.#turns = turns
  }

  /**
   * The newest stream of a channel that said something lately, or shortly before `since`.
   * @throws ProblemError `log-unavailable`
   */
  newest(channel: ChannelName, since?: Position): Promise<StreamState | undefined> {
    const now = positionAt(this.#clock.now())
    const reach = Math.min(now, since ?? now) - positionAt(WINDOW_MS)
    return this.newestAfter(channel, Math.max(0, reach) as Position)
  }

  /** The newest stream of those that said something after a position. @throws ProblemError `log-unavailable` */
  async newestAfter(channel: ChannelName, after: Position): Promise<StreamState | undefined> {
    let newest: StreamState | undefined
    await this.#read(channel, after, (piece, entry) => {
      const id = streamOf(piece, entry)
      if (id !== undefined && (!newest || id >= newest.id)) newest = stateAfter(newest, id, piece, entry)
    })
    return newest
  }

  /**
   * Rolls up what the first stream that is met after a position says.
   * @param mayBeShared what others read a moment ago is new enough: it is known that there is something
   * @throws ProblemError `log-unavailable`
   */
  async digest(
    channel: ChannelName,
    after: Position,
    mayBeShared = false,
  ): Promise<StreamDigest | undefined> {
    let state: StreamState | undefined
    const parts: unknown[] = []
    let last: { readonly piece: StreamPiece; readonly entry: StoredEntry } | undefined
    const take = (piece: StreamPiece, entry: StoredEntry): void => {
      const id = streamOf(piece, entry)
      if (id === undefined || state?.end || (state && id !== state.id)) return
      state = stateAfter(state, id, piece, entry)
      if (piece.stream === undefined) return
      if (piece.parts) parts.push(...piece.parts)
      last = { piece, entry }
    }
    const isComplete = await this.#read(channel, after, take, mayBeShared)
    if (!state) return undefined
    if (!isComplete || !last) return { state, entry: undefined }
    const { piece, entry } = last
    const event = pieceEvent({ ...piece, parts: joinParts(parts) })
    return { state, entry: { ...entry, event } }
  }

  /** Answers false when something after the position is lost. */
  async #read(
    channel: ChannelName,
    start: Position,
    take: (piece: StreamPiece, entry: StoredEntry) => void,
    mayBeShared = false,
  ): Promise<boolean> {
    let isComplete = true
    for (let after = start; ; ) {
      await this.#turns.next()
      const page = await this.#log.read({
        channels: [channel],
        after,
        maxEntries: PAGE_ENTRIES,
        maxBytes: PAGE_BYTES,
        mayBeShared,
      })
      if (page.gaps.length > 0) isComplete = false
      for (const entry of page.entries) {
        const piece = pieceOf(entry)
        if (piece) take(piece, entry as StoredEntry)
      }
      after = page.through
      if (page.reachedHead) return isComplete
    }
  }
}

/** The event that a piece is. */
export function pieceEvent(piece: StreamPiece): Entry['event'] {
  return { type: STREAM_TYPE, data: JSON.stringify(piece), json: true }
}

const PIECES = new WeakMap<Entry['event'], StreamPiece>()

/** A piece of a stream; undefined for any other entry. Each is parsed once. */
export function pieceOf({ event }: Pick<Entry, 'event'>): StreamPiece | undefined {
  if (event.type !== STREAM_TYPE) return undefined
  let piece = PIECES.get(event)
  if (!piece) {
    piece = parsePiece(event.data)
    if (piece) PIECES.set(event, piece)
  }
  return piece
}

/** Which stream a piece belongs to. */
export function streamOf(piece: StreamPiece, { position }: Pick<Entry, 'position'>): Position | undefined {
  return piece.stream === undefined ? (position ?? undefined) : parsePosition(piece.stream)
}

/** True for the last entry of a stream. */
export function endsStream(entry: Entry): boolean {
  return pieceOf(entry)?.end !== undefined
}

function stateAfter(
  before: StreamState | undefined,
  id: Position,
  piece: StreamPiece,
  { at, position }: StoredEntry,
): StreamState {
  const end = before?.id === id ? (before.end ?? piece.end) : piece.end
  return { id, end, at, position }
}
