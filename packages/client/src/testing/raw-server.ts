import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { inTime } from './of-hub.ts'

/** One request, and the answer that a test writes to it by hand. */
export class Exchange {
  readonly method: string
  readonly path: string
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>
  readonly #socket: Socket

  constructor(socket: Socket, head: string, body: string) {
    const [line = '', ...fields] = head.split('\r\n')
    const [method = '', path = ''] = line.split(' ')
    this.method = method
    this.path = path
    this.headers = new Map(
      fields.map((field) => {
        const colon = field.indexOf(':')
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()]
      }),
    )
    this.body = body
    this.#socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
  }

  /** Begins an answer whose body follows in chunks. */
  head(
    headers: Readonly<Record<string, string>> = { 'Content-Type': 'text/event-stream' },
    status = 200,
  ): this {
    const fields = { ...headers, 'Transfer-Encoding': 'chunked', Connection: 'close' }
    this.#write(`HTTP/1.1 ${status} -\r\n${fieldLines(fields)}\r\n`)
    return this
  }

  /** Sends a chunk of the body; resolves when the socket takes more. */
  write(chunk: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(chunk)
    return this.#write(
      Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]),
    )
  }

  /** Sends what may be no HTTP. */
  raw(bytes: string): void {
    void this.#write(bytes)
  }

  /** Ends the answer as it should be. */
  end(): void {
    this.#socket.end('0\r\n\r\n')
  }

  /** Closes the connection in the middle of the answer. */
  cut(): void {
    this.#socket.destroy()
  }

  /** The same, with a reset on the wire. */
  reset(): void {
    this.#socket.resetAndDestroy()
  }

  /** Gives a whole answer. */
  answer(status: number, headers: Readonly<Record<string, string>> = {}, body = ''): void {
    const hasBody = status !== 204 && status !== 304
    const length: Record<string, string> = hasBody
      ? { 'Content-Length': String(Buffer.byteLength(body)) }
      : {}
    const fields = { ...headers, ...length, Connection: 'close' }
    this.#socket.end(`HTTP/1.1 ${status} -\r\n${fieldLines(fields)}\r\n${body}`)
  }

  /** An event stream of this text, which then ends. */
  stream(text: string): void {
    this.head()
    void this.write(text)
    this.end()
  }

  #write(bytes: string | Uint8Array): Promise<void> {
    if (this.#socket.write(bytes) || this.#socket.destroyed) return Promise.resolve()
    const drained = new Promise<void>((resolve) => this.#socket.once('drain', resolve))
    return Promise.race([drained, this.closed])
  }
}

/** A server that does what a test says, on the wire. */
export class RawServer {
  readonly #sockets = new Set<Socket>()
  readonly #waiting: Exchange[] = []
  readonly #server: Server
  #port = 0
  #answer: (exchange: Exchange) => void
  #wake: () => void = () => undefined

  private constructor(server: Server) {
    this.#server = server
    this.#answer = (exchange) => {
      this.#waiting.push(exchange)
      this.#wake()
    }
  }

  static async start(port = 0): Promise<RawServer> {
    const server: RawServer = new RawServer(createServer((socket) => server.#serve(socket)))
    await new Promise<void>((resolve) => server.#server.listen(port, '127.0.0.1', resolve))
    server.#port = (server.#server.address() as AddressInfo).port
    return server
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** How many requests came that no test has looked at. */
  get unread(): number {
    return this.#waiting.length
  }

  /** The next request, in the order in which they came. */
  async next(): Promise<Exchange> {
    if (this.#waiting.length === 0) {
      await inTime(new Promise<void>((resolve) => (this.#wake = resolve)), () => 'a request')
    }
    return this.#waiting.shift() as Exchange
  }

  /** Answers every request from now on, so that none is left for {@link next}. */
  always(answer: (exchange: Exchange) => void): void {
    for (const exchange of this.#waiting.splice(0)) answer(exchange)
    this.#answer = answer
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #serve(socket: Socket): void {
    let received = Buffer.alloc(0)
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    // A client that goes is no fault of the server: `closed` tells it.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#sockets.delete(socket))
    const take = (bytes: Buffer): void => {
      received = Buffer.concat([received, bytes])
      const end = received.indexOf('\r\n\r\n')
      if (end === -1) return
      const head = received.toString('latin1', 0, end)
      const length = Number(/\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
      if (received.length < end + 4 + length) return
      socket.off('data', take)
      socket.resume() // so that its end is seen
      this.#answer(new Exchange(socket, head, received.toString('utf8', end + 4)))
    }
    socket.on('data', take)
  }
}

/** Runs a test with such a server, and closes it after that. */
export async function withRawServer(test: (server: RawServer) => Promise<void>): Promise<void> {
  const server = await RawServer.start()
  try {
    await test(server)
  } finally {
    await server.close()
  }
}

function fieldLines(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}
