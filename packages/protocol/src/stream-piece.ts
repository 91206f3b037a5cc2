/** The type of the events that a stream in a channel is made of. Only the hub writes them. */
export const STREAM_TYPE = 'fanline.stream'

/** How a stream in a channel came to its end. */
export type StreamEnd = 'complete' | 'cancelled' | 'failed'

/**
 * The data of one event of a stream in a channel. The first has neither parts nor end; the last has `end`, and nothing
 * that comes after it counts. One without parts in between says that the producer is still there.
 */
export interface StreamPiece {
  /** The id of the event that began the stream; absent in that event itself. */
  readonly stream?: string
  /** What the producer gave, in order. Strings that stand side by side may be joined. */
  readonly parts?: readonly unknown[]
  readonly end?: StreamEnd
  /** What went wrong, for people; only where `end` is `failed`. */
  readonly error?: string
}

const ENDS: ReadonlySet<unknown> = new Set<StreamEnd>(['complete', 'cancelled', 'failed'])

/** Reads the data of an event of the type {@link STREAM_TYPE}; undefined when it is not what the hub writes. */
export function parsePiece(data: string): StreamPiece | undefined {
  let piece: unknown
  try {
    piece = JSON.parse(data)
  } catch {
    // Somebody else wrote into the store.
    return undefined
  }
  const { stream, parts, end } = Object(piece)
  const isPiece =
    (stream === undefined || typeof stream === 'string') &&
    (parts === undefined || Array.isArray(parts)) &&
    (end === undefined || ENDS.has(end))
  return isPiece ? (piece as StreamPiece) : undefined
}

/** Joins strings that stand side by side. */
export function joinParts(parts: readonly unknown[]): unknown[] {
  const joined: unknown[] = []
  let text = ''
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part
    } else {
      if (text !== '') joined.push(text)
      text = ''
      joined.push(part)
    }
  }
  if (text !== '') joined.push(text)
  return joined
}
