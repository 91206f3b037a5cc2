/** One event of an event stream. */
export interface ParsedEvent {
  /** `message` when the block names none. */
  readonly type: string
  /** Its lines, joined by LF. */
  readonly data: string
  /** The id that stands in this very block; undefined when there is none, or one with NUL. */
  readonly id: string | undefined
  /** The latest id up to here, also of a block without data; '' when there was none. */
  readonly lastEventId: string
  /** Where it came from, when the stream is fanline's: other parsers pass over that line. */
  readonly channel: string | undefined
  /** The other channels of it that are followed, with commas between their names. */
  readonly also: string | undefined
  /** The trace of its publish; absent where nobody traces. */
  readonly traceparent?: string
  /** It was longer than the parser keeps; what was too long was dropped, and `data` is empty. */
  readonly isTooLarge: boolean
}

export interface ParserOptions {
  /** Where the stream goes on from; none is ''. */
  readonly lastEventId?: string
  /** How much is kept of the data of an event, and of any other line, in characters; 16 Mi. */
  readonly maxEventLength?: number | undefined
  /** Hears each comment without its colon, in order with the events before it; must not throw. */
  onComment?(text: string): void
}

/** What is kept of a line that is too long: enough to tell its field, of which `channel:` is the longest. */
const HEAD_LENGTH = 8

/**
 * Reads an event stream as the HTML standard says, in whatever pieces it comes. Time is linear in what it is fed, and
 * memory bounded by `maxEventLength`. What the stream ends in the middle of was never an event.
 */
export class EventStreamParser {
  // The decoder of Deno drops a byte order mark at the start of any piece when it is left to it.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  readonly #maxLength: number
  readonly #onComment: ((text: string) => void) | undefined
  #lastEventId: string
  #retryMs: number | undefined
  /** Passed over when the next text begins with it: a mark at the very start, LF after a CR that ended its text. */
  #skip = '\ufeff'
  #line = ''
  #isLineCut = false
  #type = ''
  #data: string | undefined
  #id: string | undefined
  #channel: string | undefined
  #also: string | undefined
  #trace: { readonly traceparent: string } | undefined
  #isTooLarge = false

  constructor({ lastEventId = '', maxEventLength = 16 * 1024 * 1024, onComment }: ParserOptions = {}) {
    this.#lastEventId = lastEventId
    this.#maxLength = maxEventLength
    this.#onComment = onComment
  }

  /** The latest id, also of a block without data: what a client sends as `Last-Event-ID`. */
  get lastEventId(): string {
    return this.#lastEventId
  }

  /** The reconnection time that the stream has last set, in milliseconds. */
  get retryMs(): number | undefined {
    return this.#retryMs
  }

  /** Takes the next bytes; gives the events that they completed. Never throws. */
  push(bytes: Uint8Array): ParsedEvent[] {
    const text = this.#decoder.decode(bytes, { stream: true })
    const events: ParsedEvent[] = []
    if (text === '') return events
    let at = text[0] === this.#skip ? 1 : 0
    this.#skip = ''
    let cr = -2
    let lf = -2
    while (true) {
      // Neither is looked for again before it was passed: a text full of the one is searched once for the other.
      if (cr !== -1 && cr < at) cr = text.indexOf('\r', at)
      if (lf !== -1 && lf < at) lf = text.indexOf('\n', at)
      const end = cr === -1 || (lf !== -1 && lf < cr) ? lf : cr
      if (end === -1) break
      this.#keep(text.slice(at, end))
      this.#endLine(events)
      at = end + 1
      if (end === cr) {
        if (lf === at) at++
        else if (at === text.length) this.#skip = '\n'
      }
    }
    this.#keep(text.slice(at))
    return events
  }

  #keep(text: string): void {
    if (this.#isLineCut) return
    this.#line += text
    if (this.#line.length > this.#maxLength + HEAD_LENGTH) {
      this.#line = this.#line.slice(0, HEAD_LENGTH)
      this.#isLineCut = true
    }
  }

  #endLine(events: ParsedEvent[]): void {
    const line = this.#line
    const isCut = this.#isLineCut
    this.#line = ''
    this.#isLineCut = false
    const colon = line.indexOf(':')
    if (line === '') this.#endBlock(events)
    else if (colon === -1) this.#field(line, '', isCut)
    else if (colon > 0) {
      this.#field(line.slice(0, colon), line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1)), isCut)
    } else if (!isCut) this.#onComment?.(line.slice(1))
  }

  #field(name: string, value: string, isCut: boolean): void {
    if (name === 'data') this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
    else if (name === 'event') this.#type = value
    else if (name === 'channel') this.#channel = value
    else if (name === 'also') this.#also = value
    else if (name === 'traceparent') this.#trace = { traceparent: value }
    else if (name === 'id') {
      if (!isCut && !value.includes('\0')) this.#id = value
    } else {
      if (name === 'retry' && !isCut && /^\d+$/.test(value)) this.#retryMs = Number(value)
      return
    }
    if (!isCut && (this.#data ?? '').length <= this.#maxLength) return
    this.#isTooLarge = true
    this.#data = ''
  }

  #endBlock(events: ParsedEvent[]): void {
    if (this.#id !== undefined) this.#lastEventId = this.#id
    if (this.#data !== undefined) {
      events.push({
        type: this.#type || 'message',
        data: this.#isTooLarge ? '' : this.#data,
        id: this.#id,
        lastEventId: this.#lastEventId,
        channel: this.#channel,
        also: this.#also,
        ...this.#trace,
        isTooLarge: this.#isTooLarge,
      })
    }
    this.#type = ''
    this.#data = this.#id = this.#channel = this.#also = this.#trace = undefined
    this.#isTooLarge = false
  }
}
