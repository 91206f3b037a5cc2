/** What an EventSource would dispatch. */
export interface StandardEvent {
  readonly type: string
  readonly data: string
  readonly lastEventId: string
}

/**
 * Reads an event stream word by word as the HTML standard says (section 9.2.6), for tests: slow, and on purpose written
 * without a look at the encoder or at any other parser. What is not followed by an empty line is no event.
 */
export class StandardParser {
  readonly events: StandardEvent[] = []
  /** The reconnection time in milliseconds, once the stream has set it. */
  reconnectionTime: number | undefined
  /** What a client would send as `Last-Event-ID`. */
  lastEventId = ''
  // Deno's decoder drops a mark at the start of any chunk when it is left to it; here only the first one goes.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  #isFirst = true
  #line = ''
  /** An LF right after a CR belongs to the line that has ended. */
  #swallowLf = false
  #data = ''
  #type = ''
  #id = ''

  push(bytes: Uint8Array): this {
    for (const character of this.#decoder.decode(bytes, { stream: true })) this.#take(character)
    return this
  }

  #take(character: string): void {
    const isMark = this.#isFirst && character === '\ufeff'
    this.#isFirst = false
    if (isMark) return
    const belongsToCr = this.#swallowLf && character === '\n'
    this.#swallowLf = character === '\r'
    if (belongsToCr) return
    if (character !== '\r' && character !== '\n') {
      this.#line += character
      return
    }
    const line = this.#line
    this.#line = ''
    if (line === '') this.#dispatch()
    else if (!line.startsWith(':')) this.#field(line)
  }

  #field(line: string): void {
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    let value = colon === -1 ? '' : line.slice(colon + 1)
    if (value.startsWith(' ')) value = value.slice(1)
    if (name === 'event') this.#type = value
    else if (name === 'data') this.#data += `${value}\n`
    else if (name === 'id' && !value.includes('\0')) this.#id = value
    else if (name === 'retry' && /^[0-9]+$/.test(value)) this.reconnectionTime = Number.parseInt(value, 10)
  }

  #dispatch(): void {
    this.lastEventId = this.#id
    if (this.#data !== '') {
      const data = this.#data.slice(0, -1)
      this.events.push({ type: this.#type || 'message', data, lastEventId: this.lastEventId })
    }
    this.#data = ''
    this.#type = ''
  }
}
