import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { credentialFor } from '../subjects/subject.ts'
import { MarkerCounter } from './marker-counter.ts'
import { headLines } from './publisher.ts'
import type { Target } from './target.ts'

/** Opened but not yet answered at one time; below the accept queue of 511, past which Linux drops handshakes for a second. */
const OPENING_AT_ONCE = 128
/** A case that makes no progress for so long has lost deliveries. */
const SILENCE_MS = 10_000
/** Long enough for a doubled event to show after the last expected one. */
const AFTERMATH_MS = 100

/** One stream's state. The head is kept to read status and cursor; of the rest only the events are counted. */
interface Stream {
  readonly socket: Socket
  head: string
  open: boolean
  received: number
}

/**
 * Many reading clients as raw sockets. They share one read buffer and parse nothing after the first bytes,
 * so that a core can read what another core sends.
 */
export class EventStreams {
  readonly #port: number
  readonly #streams: Stream[] = []
  readonly #counter = new MarkerCounter()
  readonly #buffer = Buffer.allocUnsafe(256 * 1024)
  #opened = 0
  #received = 0
  #failure: Error | undefined
  #closed = false
  #wake: () => void = () => undefined

  private constructor(port: number) {
    this.#port = port
  }

  /**
   * Opens one stream per path and resolves when each has got its status 200 and the first bytes of its body.
   * @throws if one is refused, cut or silent
   */
  static async open(target: Target, paths: readonly string[], lastEventId?: string): Promise<EventStreams> {
    const { port, progress, subject } = target
    const streams = new EventStreams(port)
    const cursor = lastEventId === undefined ? '' : `Last-Event-ID: ${lastEventId}\r\n`
    const credential = headLines(credentialFor(subject))
    let asked = 0
    await streams.#until('open', paths.length, () => {
      progress(`opened ${streams.#opened} of ${paths.length}`)
      while (asked < paths.length && asked - streams.#opened < OPENING_AT_ONCE) {
        streams.#connect(
          `GET ${paths[asked]} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${credential}${cursor}\r\n`,
        )
        asked += 1
      }
      return streams.#opened
    })
    return streams
  }

  get count(): number {
    return this.#streams.length
  }

  /** The cursor the first stream was greeted with. */
  get firstId(): string {
    const id = /^id: (\S+)$/m.exec(this.#streams[0]?.head ?? '')?.[1]
    if (id === undefined) throw new Error('the first bytes hold no id')
    return id
  }

  /**
   * Resolves when every stream has received exactly the number of events expected of it, all told since it opened.
   * @throws if events are missing (nothing arrives for ten seconds) or doubled, or a stream was cut
   */
  async arrived(expected: (stream: number) => number): Promise<void> {
    await this.reached(this.#streams.reduce((sum, _, index) => sum + expected(index), 0))
    await pause(AFTERMATH_MS)
    if (this.#failure) throw this.#failure
    for (const [index, { received }] of this.#streams.entries()) {
      if (received === expected(index)) continue
      throw new Error(`stream ${index} received ${received} events where ${expected(index)} were published`)
    }
  }

  /**
   * Resolves as soon as all streams together have received this many events, without a look at each.
   * @throws if nothing arrives for ten seconds, or a stream was cut
   */
  reached(total: number): Promise<void> {
    return this.#until('deliveries', total, () => this.#received)
  }

  /** Cuts all streams, without leaving thousands of sockets in TIME_WAIT. */
  close(): void {
    this.#closed = true
    for (const { socket } of this.#streams) socket.resetAndDestroy()
  }

  #connect(request: string): void {
    const socket = connect({
      host: '127.0.0.1',
      port: this.#port,
      onread: {
        buffer: this.#buffer,
        callback: (length) => {
          this.#read(stream, this.#buffer.subarray(0, length))
          return true
        },
      },
    })
    const stream: Stream = { socket, head: '', open: false, received: 0 }
    this.#streams.push(stream)
    socket.setNoDelay(true)
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error(`a stream was cut after: ${stream.head}`)))
    socket.write(request)
  }

  #read(stream: Stream, bytes: Buffer): void {
    if (!stream.open) this.#readHead(stream, bytes)
    const events = this.#counter.count(bytes)
    stream.received += events
    this.#received += events
    this.#wake()
  }

  #readHead(stream: Stream, bytes: Buffer): void {
    stream.head += bytes.toString('latin1', 0, 2048)
    const body = stream.head.indexOf('\r\n\r\n')
    if (body === -1 || stream.head.length <= body + 4) return
    if (!stream.head.startsWith('HTTP/1.1 200 ')) this.#fail(new Error(`refused: ${stream.head}`))
    stream.open = true
    this.#opened += 1
  }

  #fail(error: Error): void {
    if (this.#closed) return
    this.#failure ??= error
    this.#wake()
  }

  /** Resolves when a number that grows with what is read reaches its goal. */
  #until(what: string, goal: number, step: () => number): Promise<void> {
    return new Promise((resolve, reject) => {
      let last = -1
      const settle = (finish: () => void): void => {
        this.#wake = () => undefined
        clearInterval(watchdog)
        finish()
      }
      this.#wake = () => {
        if (this.#failure) settle(() => reject(this.#failure))
        else if (step() >= goal) settle(resolve)
      }
      const watchdog = setInterval(() => {
        const now = step()
        if (now === last) settle(() => reject(new Error(`${what}: ${now} of ${goal}, and then silence`)))
        last = now
      }, SILENCE_MS)
      this.#wake()
    })
  }
}
