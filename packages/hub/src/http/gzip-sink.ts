import { constants, crc32, deflateRawSync } from 'node:zlib'
import { encodeChunk } from '../run.ts'
import type { Run, Sink, SinkListener } from '../sink.ts'
import { combineCrc32, shiftOf } from './crc32-combine.ts'

/** What gzip says at the beginning (RFC 1952): deflate, no name, no time, any system. */
const HEAD: Uint8Array = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)

/** An empty last block of deflate. */
const LAST_BLOCK: Uint8Array = Uint8Array.of(3, 0)

/** Shorter than this is sent as it is: it would hardly become smaller, and looking for that costs 20 µs. */
const WORTH_LENGTH = 200

/** A stored block holds no more. */
const MAX_STORED_LENGTH = 65_535

/** Higher ones take up to four times as long for a quarter less. */
const LEVEL = 1

/**
 * Compresses what goes to a sink, once for all connections. The bytes of a run become blocks of deflate that refer to
 * nothing before them and end at a whole byte, so the same blocks may stand in any number of streams, wherever those
 * began. Each stream has a head of its own, and at its end the checksum of what it got, which is put together from those
 * of its runs.
 */
export class GzipSink implements Sink {
  readonly #sink: Sink
  #crc = 0
  #length = 0
  #hasBegun = false

  constructor(sink: Sink) {
    this.#sink = sink
  }

  open(listener: SinkListener): void {
    this.#sink.open(listener)
  }

  flush(): void {
    this.#sink.flush()
  }

  write(run: Run): boolean {
    const blocks = blocksOf(run)
    this.#crc = combineCrc32(this.#crc, blocks.crc, blocks.shift)
    this.#length += blocks.length
    if (this.#hasBegun) return this.#sink.write(blocks.run)
    this.#hasBegun = true
    return this.#sink.write(encodeChunk([HEAD, blocks.run.payload]))
  }

  progress(): number {
    return this.#sink.progress()
  }

  bufferedBytes(): number {
    return this.#sink.bufferedBytes()
  }

  end(): void {
    const trailer = new DataView(new ArrayBuffer(8))
    trailer.setUint32(0, this.#crc, true)
    trailer.setUint32(4, this.#length % 2 ** 32, true)
    const end = [LAST_BLOCK, new Uint8Array(trailer.buffer)]
    this.#sink.write(encodeChunk(this.#hasBegun ? end : [HEAD, ...end]))
    this.#sink.end()
  }

  destroy(): void {
    this.#sink.destroy()
  }
}

/** A run as blocks of deflate, and what the checksum of a stream needs of its own bytes. */
interface Blocks {
  readonly run: Run
  readonly crc: number
  readonly length: number
  readonly shift: number
}

/** As long as a run is there, so are its blocks. */
const known = new WeakMap<Run, Blocks>()

function blocksOf(run: Run): Blocks {
  let blocks = known.get(run)
  if (!blocks) {
    const { payload } = run
    blocks = {
      run: encodeChunk(payload.length < WORTH_LENGTH ? stored(payload) : [deflated(payload)]),
      crc: crc32(payload),
      length: payload.length,
      shift: shiftOf(payload.length),
    }
    known.set(run, blocks)
  }
  return blocks
}

/** Ends with an empty stored block, and so at a whole byte. */
function deflated(bytes: Uint8Array): Uint8Array {
  return deflateRawSync(bytes, { level: LEVEL, finishFlush: constants.Z_FULL_FLUSH })
}

/** One block that holds the bytes as they are (RFC 1951, section 3.2.4); it is not the last one. */
function stored(bytes: Uint8Array): Uint8Array[] {
  const head = new DataView(new ArrayBuffer(5))
  head.setUint16(1, bytes.length, true)
  head.setUint16(3, bytes.length ^ MAX_STORED_LENGTH, true)
  return [new Uint8Array(head.buffer), bytes]
}
