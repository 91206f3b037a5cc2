import type { Run } from './sink.ts'

const CR = 13
const LF = 10
const HEX = '0123456789abcdef'

/** Eight hexadecimal digits hold any length that fits in memory. */
const HEADER_ROOM = '00000000\r\n'
const TRAILER = '\r\n'

/**
 * Encodes text once for all connections that get it. The chunk header is laid around the payload in the same buffer,
 * so that a plain response and a chunked one share the bytes: the length is known only after encoding, hence the room.
 */
export function encodeRun(text: string): Run {
  const all = encodeUtf8(HEADER_ROOM + text + TRAILER)
  const end = all.length - TRAILER.length
  let start = HEADER_ROOM.length - 2
  for (let length = end - HEADER_ROOM.length; length > 0; length >>>= 4) {
    all[--start] = HEX.charCodeAt(length & 15)
  }
  return { payload: all.subarray(HEADER_ROOM.length, end), chunk: all.subarray(start) }
}

/** `Buffer` where there is one: its pool makes small texts three times cheaper, and node's sockets take it as it is. */
const encodeUtf8: (text: string) => Uint8Array =
  typeof Buffer === 'function'
    ? (text) => Buffer.from(text, 'utf8')
    : (text) => new TextEncoder().encode(text)

/** The payload of a chunk, for tests that look at the wire. */
export function unchunk(chunk: Uint8Array): Uint8Array {
  let start = 0
  while (!(chunk[start] === CR && chunk[start + 1] === LF)) start++
  return chunk.subarray(start + 2, chunk.length - 2)
}
