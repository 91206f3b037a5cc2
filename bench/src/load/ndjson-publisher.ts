import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** One POST that never stops: publishes go out line by line, answers come back line by line. */
export class NdjsonPublisher {
  readonly #socket: Socket
  readonly #inFlight: number
  readonly #lines: readonly string[]
  #published = 0
  #answered = 0
  #head = ''
  #wanted: () => boolean = () => false
  #done: () => void = () => undefined
  #failed: (error: Error) => void = () => undefined

  private constructor(socket: Socket, inFlight: number, lines: readonly string[]) {
    this.#socket = socket
    this.#inFlight = inFlight
    this.#lines = lines
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    socket.on('error', (error) => this.#failed(error))
    socket.on('close', () => this.#failed(new Error('the NDJSON stream was cut')))
  }

  /**
   * Sends the head of the request. Later this many lines are kept unanswered; they are sent in turn, from the
   * first again after the last.
   */
  static async connect(port: number, inFlight: number, lines: readonly string[]): Promise<NdjsonPublisher> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    socket.write(
      `POST /v1/publish HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
        'Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    return new NdjsonPublisher(socket, inFlight, lines)
  }

  /** How many lines were sent. */
  get published(): number {
    return this.#published
  }

  /**
   * Publishes for a time, and resolves when the last line is answered. As many lines as were answered in one
   * read go out in one write.
   * @throws if the answer is not a 200, a line is refused, or the stream is cut
   */
  publishFor(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds
    this.#wanted = () => performance.now() < end
    return new Promise((resolve, reject) => {
      this.#done = resolve
      this.#failed = reject
      this.#send(this.#inFlight)
    })
  }

  close(): void {
    this.#failed = () => undefined
    this.#socket.destroy()
  }

  #send(count: number): void {
    let text = ''
    for (let n = 0; n < count; n++) text += `${this.#lines[this.#published++ % this.#lines.length]}\n`
    this.#socket.write(`${text.length.toString(16)}\r\n${text}\r\n`)
  }

  #read(bytes: Buffer): void {
    let text = bytes.toString('latin1')
    if (!this.#head.includes('\r\n\r\n')) {
      this.#head += text
      const end = this.#head.indexOf('\r\n\r\n')
      if (end === -1) return
      if (!this.#head.startsWith('HTTP/1.1 200 ')) this.#failed(new Error(`refused: ${this.#head}`))
      text = this.#head.slice(end + 4)
    }
    // A refused line is answered by a problem, and a problem has a code; a receipt has no key of that name.
    if (text.includes('"code"')) this.#failed(new Error(`a line was refused: ${text}`))
    // Each receipt is one flat object, so its closing brace stands for it, wherever chunks and reads cut the text.
    const answers = text.split('}').length - 1
    this.#answered += answers
    if (this.#wanted()) {
      if (answers > 0) this.#send(answers)
    } else if (this.#answered === this.#published) this.#done()
  }
}
