import { connect, type Socket } from 'node:net'
import type { Place } from './orders.ts'
import type { RecordFile } from './record-file.ts'

/** How long until a client comes back, at most, in milliseconds. */
const BACK_MS = 200

/** The event after which a client has heard everything. */
export const LAST_EVENT = 'the last one'

/** An event for everybody that says when it was published. Who hears it has heard all that was published before. */
export const BEAT_EVENT = 'beat'

/** What a client needs of its surroundings. */
export interface SubscriberParts extends Place {
  readonly name: string
  readonly channels: readonly string[]
  readonly records: RecordFile
  /** True when a proxy is in front: it comes back at the time that it was told, as an EventSource does, not in a moment. */
  readonly isBalanced?: boolean | undefined
  /** Called when a beat shows that it has everything again, with the time since it tried to come back. */
  readonly caughtUp?: ((ms: number) => void) | undefined
  /** Called when a request is answered with another status than 200, on which a browser's EventSource would give up. */
  readonly refused?: ((statusLine: string) => void) | undefined
  /** Called once a stream was greeted, and when the last event was heard, or admitted to be lost. */
  on(what: 'greeted' | 'finished'): void
}

/** One stream after the other, each from where the one before ended, written down as a history checker reads it. */
export class Subscriber {
  readonly #parts: SubscriberParts
  #attempt: number
  #socket: Socket | undefined
  #lastId: string | null = null
  #rest = ''
  #isGreeted = false
  #isClosed = false
  #retryMs = BACK_MS
  /** Since when it tries to come back; undefined when it has heard everything again. */
  #awaySince: number | undefined
  // The block that is being read.
  #id = ''
  #event = ''
  #channel = ''
  #data = ''

  constructor(parts: SubscriberParts, attempt: number) {
    this.#parts = parts
    this.#attempt = attempt
    this.#connect()
  }

  close(): void {
    this.#isClosed = true
    this.#socket?.destroy()
  }

  #connect(): void {
    if (this.#isClosed) return
    const { name, channels, ports, apiKey, records, isBalanced } = this.#parts
    // When a stream ends, the next port is tried.
    const port = ports[this.#attempt++ % ports.length]!
    const credential = apiKey === undefined ? '' : `Authorization: Bearer ${apiKey}\r\n`
    const query = channels.map((channel) => `channel=${channel}`).join('&')
    const cursor = this.#lastId === null ? '' : `Last-Event-ID: ${this.#lastId}\r\n`
    const socket = connect(port, '127.0.0.1')
    this.#socket = socket
    this.#rest = ''
    let isConnected = false
    // A proxy cuts chunks anywhere, also inside a line. Who speaks HTTP/1.0 gets none, and a connection that ends.
    const version = isBalanced ? '1.0' : '1.1'
    socket.setEncoding('latin1').on('data', (text: string) => this.#read(text))
    socket.once('connect', () => {
      isConnected = true
      records.write({ op: 'connect', client: name, user: null, channels, cursor: this.#lastId })
      socket.write(
        `GET /v1/events?${query} HTTP/${version}\r\nHost: localhost:${port}\r\nAccept: text/event-stream\r\n${credential}${cursor}\r\n`,
      )
    })
    socket.on('error', () => undefined) // it closes, too
    socket.once('close', () => {
      if (isConnected) records.write({ op: 'disconnect', client: name })
      const backMs = this.#parts.isBalanced ? this.#retryMs : BACK_MS * Math.random()
      setTimeout(() => this.#comeBack(), backMs)
    })
  }

  #comeBack(): void {
    if (this.#isGreeted) this.#awaySince ??= Date.now()
    this.#connect()
  }

  /** A block is a line each for its fields, and an empty one; lines of the chunked coding end in CR and are passed over. */
  #read(text: string): void {
    const all = this.#rest + text
    let start = 0
    for (let end = all.indexOf('\n'); end !== -1; end = all.indexOf('\n', start)) {
      if (end === start) this.#dispatch()
      else if (all.charCodeAt(end - 1) !== 13) this.#field(all.slice(start, end))
      else this.#frameLine(all.slice(start, end))
      start = end + 1
    }
    this.#rest = all.slice(start)
  }

  /** A line of the answer's head, or of the chunked coding. */
  #frameLine(line: string): void {
    // The last chunk: the stream has ended, and a server would keep the connection for another request.
    if (line === '0\r') this.#socket?.end()
    const isRefused = line.startsWith('HTTP/') && !line.startsWith('HTTP/1.1 200 ')
    if (isRefused) this.#parts.refused?.(line.trimEnd())
  }

  #field(line: string): void {
    if (line.startsWith('id: ')) this.#id = line.slice(4)
    else if (line.startsWith('data: ')) this.#data += line.slice(6)
    else if (line.startsWith('event: ')) this.#event = line.slice(7)
    else if (line.startsWith('channel: ')) this.#channel = line.slice(9)
    else if (line.startsWith('retry: ')) this.#retryMs = Number(line.slice(7))
  }

  #dispatch(): void {
    const [id, event, channel, data] = [this.#id, this.#event, this.#channel, this.#data]
    this.#id = this.#event = this.#channel = this.#data = ''
    if (data === '') return
    const { name, records, on } = this.#parts
    if (id !== '') this.#lastId = id
    if (!event.startsWith('fanline.')) {
      // The text of an event begins with its name.
      const [key = '', time] = data.split(' ')
      records.write({ op: 'deliver', client: name, event: key, position: id, channel })
      if (event === LAST_EVENT) on('finished')
      if (event === BEAT_EVENT) this.#hearBeat(Number(time))
    } else if (event === 'fanline.gap') {
      const { channel, from, to, reason } = JSON.parse(data)
      records.write({ op: 'gap', client: name, channel, from, to, reason })
    } else if (id !== '') {
      records.write({ op: 'cursor', client: name, position: id })
      if (event === 'fanline.hello' && !this.#isGreeted) {
        this.#isGreeted = true
        on('greeted')
      }
    }
  }

  #hearBeat(publishedAt: number): void {
    if (this.#awaySince === undefined || publishedAt < this.#awaySince) return
    this.#parts.caughtUp?.(Date.now() - this.#awaySince)
    this.#awaySince = undefined
  }
}
