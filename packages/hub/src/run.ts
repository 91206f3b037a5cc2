import type { Run } from './sink.ts'

const HEX = '0123456789abcdef'

/** Eight hexadecimal digits hold any length that fits in memory. */
const HEADER_ROOM = '00000000\r\n'
const TRAILER = '\r\n'
const CRLF: Uint8Array = Uint8Array.of(13, 10)

/**
 * Encodes text once for all connections that get it. The chunk header is laid around the payload in the same buffer,
 * so that a plain response and a chunked one share the bytes: the length is known only after encoding, hence the room.
 */
export function encodeRun(text: string): Run {
  return new EncodedRun(encodeUtf8(HEADER_ROOM + text + TRAILER))
}

/** Lays the chunk header around bytes, one piece after the other. */
export function encodeChunk(pieces: readonly Uint8Array[]): Run {
  let length = 0
  for (const piece of pieces) length += piece.length
  const all = new Uint8Array(HEADER_ROOM.length + length + TRAILER.length)
  all.set(CRLF, HEADER_ROOM.length - CRLF.length)
  let end = HEADER_ROOM.length
  for (const piece of pieces) {
    all.set(piece, end)
    end += piece.length
  }
  all.set(CRLF, end)
  return new EncodedRun(all)
}

class EncodedRun implements Run {
  readonly chunk: Uint8Array
  readonly #headerLength: number

  /** @param all room for the header, the payload, and the trailer */
  constructor(all: Uint8Array) {
    let start = HEADER_ROOM.length - TRAILER.length
    for (let length = all.length - HEADER_ROOM.length - TRAILER.length; length > 0; length >>>= 4) {
      all[--start] = HEX.charCodeAt(length & 15)
    }
    this.chunk = all.subarray(start)
    this.#headerLength = HEADER_ROOM.length - start
  }

  /** A view made when it is asked for: most runs leave as chunks. */
  get payload(): Uint8Array {
    return this.chunk.subarray(this.#headerLength, this.chunk.length - TRAILER.length)
  }
}

/** `Buffer` where there is one: its pool makes small texts three times cheaper, and node's sockets take it as it is. */
const encodeUtf8: (text: string) => Uint8Array =
  typeof Buffer === 'function'
    ? (text) => Buffer.from(text, 'utf8')
    : (text) => new TextEncoder().encode(text)
