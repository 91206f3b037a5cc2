import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { AnswerReader } from './answer-reader.ts'
import { MARKER } from './marker-counter.ts'

/** The data of every measured event: 150 bytes, the marker last. */
export const eventData: string = 'x'.repeat(149) + MARKER

/** A whole publish request in bytes, to be written again and again. */
export function publishRequest(
  port: number,
  publication: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const body = JSON.stringify(publication)
  return Buffer.from(
    `POST /v1/publish HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n${headLines(headers)}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

/** Headers as they stand in the head of a request. */
export function headLines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}

/** One keep-alive connection that publishes, one request after the other. */
export class Publisher {
  readonly #socket: Socket
  readonly #reader = new AnswerReader()
  #pending: { resolve: () => void; reject: (error: Error) => void } | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    socket.on('error', (error) => this.#pending?.reject(error))
    socket.on('close', () => this.#pending?.reject(new Error('a publisher was cut before its answer')))
  }

  static async connect(port: number): Promise<Publisher> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    return new Publisher(socket)
  }

  /**
   * Writes a request and resolves with its answer.
   * @throws if the answer is not a 200, or the connection is cut
   */
  publish(request: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(bytes: Buffer): void {
    const answer = this.#reader.read(bytes)
    if (answer === undefined) return
    if (answer.status === 200) this.#pending?.resolve()
    else this.#pending?.reject(new Error(`a publish was answered ${answer.status}: ${answer.body}`))
  }
}

/** A fixed number of publishers that keep as many requests in flight: each sends the next one when it is answered. */
export class Publishers {
  readonly #publishers: readonly Publisher[]
  readonly #requests: readonly Buffer[]
  #published = 0

  private constructor(publishers: readonly Publisher[], requests: readonly Buffer[]) {
    this.#publishers = publishers
    this.#requests = requests
  }

  /** The requests are sent in turn, from the first again after the last. */
  static async connect(port: number, inFlight: number, requests: readonly Buffer[]): Promise<Publishers> {
    const publishers = await Promise.all(Array.from({ length: inFlight }, () => Publisher.connect(port)))
    return new Publishers(publishers, requests)
  }

  /** How many requests were sent since the publishers connected. */
  get published(): number {
    return this.#published
  }

  /** Publishes for a time, and resolves when the last request is answered. */
  async publishFor(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds
    await this.#publishWhile(() => performance.now() < end)
  }

  /** Publishes this many more. */
  async publishCount(count: number): Promise<void> {
    const end = this.#published + count
    await this.#publishWhile(() => this.#published < end)
  }

  close(): void {
    for (const publisher of this.#publishers) publisher.close()
  }

  async #publishWhile(wanted: () => boolean): Promise<void> {
    await Promise.all(
      this.#publishers.map(async (publisher) => {
        while (wanted()) {
          const request = this.#requests[this.#published % this.#requests.length] as Buffer
          this.#published += 1
          await publisher.publish(request)
        }
      }),
    )
  }
}
