import { cursorAfter, eventStreamDialect, type Hub } from '@fanline/hub'
import type { HistoryRecord } from '@fanline/hub/testing'
import type { GapNotice } from '@fanline/protocol'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Random } from './random.ts'
import { SimSink } from './sim-sink.ts'

/** A browser tab: it connects, loses its connection, and comes back with the last id it saw. */
export class SimClient {
  readonly name: string
  readonly user: string | undefined
  readonly violations: string[] = []
  sink: SimSink | undefined
  /** Where it was let in last. */
  hub: Hub | undefined
  connectionId: string | undefined
  readonly #random: Random
  readonly #record: (record: HistoryRecord) => void
  /** Topics that it wants now. */
  #channels: readonly string[]
  #lastId = ''

  constructor(
    name: string,
    parts: {
      user: string | undefined
      channels: readonly string[]
      random: Random
      record: (record: HistoryRecord) => void
    },
  ) {
    this.name = name
    this.user = parts.user
    this.#channels = parts.channels
    this.#random = parts.random
    this.#record = parts.record
  }

  get isConnected(): boolean {
    return this.sink !== undefined && !this.sink.isClosed
  }

  get isLive(): boolean {
    return this.connectionId !== undefined && this.hub?.connection(this.connectionId)?.state === 'live'
  }

  /** Wants other topics: at once where it is connected, otherwise when it comes back. */
  change(channels: readonly string[]): void {
    const { hub } = this
    if (!hub || !this.isConnected) {
      this.#channels = channels
      return
    }
    // Before its hello a client cannot know what its connection is called.
    const connection = this.connectionId === undefined ? undefined : hub.connection(this.connectionId)
    if (!connection) return
    this.#channels = channels
    this.#asked(connection.cursor)
    hub.follow(connection.id, channels).catch((error) => {
      // A log that cannot be reached also ends the stream.
      if (error.code !== 'log-unavailable') this.violations.push(`a change failed: ${error}`)
    })
  }

  /** Asks for a stream, going on after the last id. */
  connect(hub: Hub): void {
    const decoder = new TextDecoder()
    const parser = createParser({ onEvent: (event) => this.#hear(event) })
    const sink = new SimSink({
      random: this.#random,
      capacity: this.#random.pick([200, 1000, 4000, 100_000]),
      receive: (bytes) => withoutStacks(() => parser.feed(decoder.decode(bytes, { stream: true }))),
      violate: (what) => this.violations.push(what),
    })
    if (this.sink) this.#record({ op: 'disconnect', client: this.name })
    this.sink = sink
    this.hub = hub
    this.connectionId = undefined
    this.#asked(this.#lastId === '' ? null : this.#lastId)
    const cursor = this.#lastId === '' ? {} : { cursor: cursorAfter(this.#lastId) }
    hub
      .connect({ user: this.user, channels: this.#channels, ...cursor }, sink, eventStreamDialect)
      .catch(() => sink.cut())
  }

  #asked(cursor: string | null): void {
    const { name: client, user = null } = this
    this.#record({ op: 'connect', client, user, channels: this.#channels, cursor })
  }

  #hear({ event = 'message', id, data: text }: EventSourceMessage): void {
    if (id !== undefined) this.#lastId = id
    const client = this.name
    const data = JSON.parse(text)
    switch (event) {
      case 'fanline.hello':
        this.connectionId = data.connection
        this.#record({ op: 'cursor', client, position: id! })
        break
      case 'fanline.checkpoint':
        this.#record({ op: 'cursor', client, position: id! })
        break
      case 'fanline.gap':
        this.#record({ op: 'gap', client, ...(data as GapNotice) })
        break
      case 'fanline.bye':
        break
      default:
        this.#record({ op: 'deliver', client, event: data.name, position: id ?? null, channel: null })
    }
  }
}

/** The parser makes an error of each field that an EventSource ignores; their stacks would cost more than the run. */
function withoutStacks(run: () => void): void {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    run()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
