import { connect, type Socket } from 'node:net'
import { inTime } from './deadline.ts'

/** An answer as it stood on the wire. */
export interface WireResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** False when the wire ended before the response did. */
  readonly isComplete: boolean
}

/** A client that speaks HTTP by hand, and so sees the very bytes. */
export class RawClient {
  readonly socket: Socket
  /** Resolves when the connection has ended, however it did. */
  readonly closed: Promise<void>
  #chunks: Buffer[] = []
  #text = ''
  #wake: () => void = () => undefined
  #isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes) => {
      this.#chunks.push(bytes)
      this.#text += bytes.toString('latin1')
      this.#wake()
    })
    // A cut connection closes, too; `closed` is how a test hears of it.
    socket.on('error', () => socket.destroy())
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#isClosed = true
        this.#wake()
        resolve()
      })
    })
  }

  static async connect(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    const client = new RawClient(socket)
    await inTime(
      new Promise<void>((resolve) => socket.once('connect', resolve)),
      () => `a connection to ${url}`,
    )
    return client
  }

  /** Everything that has come, as one character per byte. */
  get text(): string {
    return this.#text
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(bytes)
    return this
  }

  /** Sends a request without a body. */
  ask(path: string, headers: readonly string[] = [], version = '1.1'): this {
    return this.send([`GET ${path} HTTP/${version}`, 'Host: test', ...headers, '', ''].join('\r\n'))
  }

  /** Waits until this text has come so many times. */
  async until(text: string, times = 1): Promise<this> {
    const reached = async (): Promise<void> => {
      while (this.#text.split(text).length - 1 < times) {
        if (this.#isClosed)
          throw new Error(`The connection ended without ${JSON.stringify(text)}: ${this.#text.slice(-500)}`)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    await inTime(reached(), () => `${JSON.stringify(text)}, after ${JSON.stringify(this.#text.slice(-500))}`)
    return this
  }

  /** What has come, read strictly. @throws Error where it is no HTTP */
  responses(): WireResponse[] {
    const all = Buffer.concat(this.#chunks)
    const responses: WireResponse[] = []
    let at = 0
    while (at < all.length) {
      const { response, end } = readResponse(all, at)
      responses.push(response)
      at = end
    }
    return responses
  }

  async close(): Promise<void> {
    this.socket.destroy()
    await this.closed
  }
}

function readResponse(all: Buffer, start: number): { response: WireResponse; end: number } {
  const headEnd = all.indexOf('\r\n\r\n', start)
  if (headEnd === -1) throw new Error(`No head: ${show(all, start)}`)
  const [statusLine = '', ...lines] = all.toString('latin1', start, headEnd).split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
  if (!status) throw new Error(`No status line: ${statusLine}`)
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    }),
  )
  const bodyStart = headEnd + 4
  const length = headers.get('content-length')
  if (headers.get('transfer-encoding') === 'chunked') {
    const { body, end, isComplete } = readChunks(all, bodyStart)
    return { response: { status, headers, body, isComplete }, end }
  }
  const end = length === undefined ? all.length : bodyStart + Number(length)
  const body = all.toString('utf8', bodyStart, end)
  return { response: { status, headers, body, isComplete: end <= all.length }, end }
}

/** RFC 9112, section 7.1, without extensions and trailers. */
function readChunks(all: Buffer, start: number): { body: string; end: number; isComplete: boolean } {
  const parts: Buffer[] = []
  let at = start
  for (;;) {
    const lineEnd = all.indexOf('\r\n', at)
    if (lineEnd === -1) break
    const line = all.toString('latin1', at, lineEnd)
    if (!/^[0-9a-fA-F]{1,8}$/.test(line)) throw new Error(`No chunk header: ${show(all, at)}`)
    const size = Number.parseInt(line, 16)
    const end = lineEnd + 2 + size
    if (all.length < end + 2) break
    if (all.toString('latin1', end, end + 2) !== '\r\n')
      throw new Error(`A chunk does not end: ${show(all, end)}`)
    at = end + 2
    if (size === 0) return { body: Buffer.concat(parts).toString('utf8'), end: at, isComplete: true }
    parts.push(all.subarray(lineEnd + 2, end))
  }
  return { body: Buffer.concat(parts).toString('utf8'), end: all.length, isComplete: false }
}

function show(all: Buffer, at: number): string {
  return JSON.stringify(all.toString('latin1', at, at + 80))
}
