import { EventStreamParser } from '@fanline/client/parser'
import { createParser } from 'eventsource-parser'
import type { BenchCase, Measured } from '../bench-case.ts'
import { EVENTS_PER_PIECE, eventBytes } from '../load/event-bytes.ts'
import type { Target } from '../load/target.ts'

/** Takes bytes; answers how many events were in them, as far as it looks. */
type Feed = (bytes: Uint8Array) => number

/** The control: the bytes become text, which every parser needs. */
function decodeOnly(): Feed {
  const decoder = new TextDecoder()
  return (bytes) => (decoder.decode(bytes, { stream: true }) === '' ? 0 : EVENTS_PER_PIECE)
}

/** The parser inside the npm package `eventsource`. */
function eventsourceParser(): Feed {
  const decoder = new TextDecoder()
  let events = 0
  const parser = createParser({ onEvent: () => events++ })
  return (bytes) => {
    events = 0
    parser.feed(decoder.decode(bytes, { stream: true }))
    return events
  }
}

function fanlineParser(): Feed {
  const parser = new EventStreamParser()
  return (bytes) => parser.push(bytes).length
}

const parsers: Readonly<Partial<Record<Target['subject'], () => Feed>>> = {
  control: decodeOnly,
  eventsource: eventsourceParser,
  fanline: fanlineParser,
}

/**
 * Pieces of 300 events of 150 bytes, as they come from a socket, are fed to a parser in one thread. After a warm-up of half
 * the time the bytes are counted, by the clock on the wall.
 */
async function measure({ subject, effort, progress }: Target): Promise<Measured> {
  const feed = parsers[subject]!()
  const pieces = Array.from({ length: 100 }, (_, n) => eventBytes(n))
  const feedFor = (ms: number): number => {
    const began = performance.now()
    let bytes = 0
    for (;;) {
      for (const piece of pieces) {
        if (feed(piece) !== EVENTS_PER_PIECE) throw new Error('an event is missing')
        bytes += piece.length
      }
      const took = performance.now() - began
      if (took > ms) return bytes / took / 1000
    }
  }
  progress('warming up')
  feedFor(effort.measureMs / 2)
  progress('parsing')
  return { rate: feedFor(effort.measureMs) }
}

/** What the parser alone takes. */
export const clientParser: BenchCase = {
  name: 'client-parser',
  title: 'the parser alone, events of 150 bytes in pieces of 64 KB',
  subjects: ['control', 'eventsource', 'fanline'],
  inProcess: true,
  figures: [{ name: 'rate', title: 'parsed', unit: 'MB/s', aims: [] }],
  measure,
}
