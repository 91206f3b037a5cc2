import { cursorAfter, eventStreamDialect, type Hub } from '@fanline/hub'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Random } from './random.ts'
import { SimSink } from './sim-sink.ts'

/** What a client learnt, in order. */
export type Heard =
  | { readonly kind: 'event'; readonly id: number | undefined; readonly serial: number }
  | {
      readonly kind: 'gap'
      readonly channel: string
      readonly from: number
      readonly to: number
      readonly reason: string
    }
  | { readonly kind: 'cursor'; readonly id: number; readonly resumed: boolean }
  | { readonly kind: 'live' }

/** From a position on, a client wants other topics. */
export interface ChannelChange {
  readonly after: number
  readonly channels: readonly string[]
}

/** A browser tab: it connects, loses its connection, and comes back with the last id it saw. */
export class SimClient {
  readonly name: string
  readonly user: string | undefined
  /** What it wanted, first to last. */
  readonly wanted: ChannelChange[]
  readonly heard: Heard[] = []
  readonly violations: string[] = []
  sink: SimSink | undefined
  connectionId: string | undefined
  #random: Random
  #lastId = ''

  constructor(name: string, user: string | undefined, channels: readonly string[], random: Random) {
    this.name = name
    this.user = user
    this.wanted = [{ after: 0, channels }]
    this.#random = random
  }

  get isConnected(): boolean {
    return this.sink !== undefined && !this.sink.isClosed
  }

  /** Topics that it wants now. */
  get channels(): readonly string[] {
    return this.wanted.at(-1)!.channels
  }

  /** True for what comes to it without asking. */
  isOwn(channel: string): boolean {
    return channel === '@all' || (this.user !== undefined && channel === `@user:${this.user}`)
  }

  /** Wants other topics: at once where it is connected, otherwise when it comes back. */
  change(hub: Hub, channels: readonly string[]): void {
    if (!this.isConnected) {
      this.wanted.push({ after: Number(this.#lastId), channels })
      return
    }
    // Before its hello a client cannot know what its connection is called.
    const connection = this.connectionId === undefined ? undefined : hub.connection(this.connectionId)
    if (!connection) return
    this.wanted.push({ after: Number(connection.cursor), channels })
    hub.follow(connection.id, channels).catch((error) => this.violations.push(`a change failed: ${error}`))
  }

  /** Asks for a stream, going on after the last id. */
  connect(hub: Hub): void {
    const decoder = new TextDecoder()
    const parser = createParser({ onEvent: (event) => this.#hear(event) })
    const sink = new SimSink({
      random: this.#random,
      capacity: this.#random.pick([200, 1000, 4000, 100_000]),
      receive: (bytes) => parser.feed(decoder.decode(bytes, { stream: true })),
      violate: (what) => this.violations.push(what),
    })
    this.sink = sink
    this.connectionId = undefined
    const cursor = this.#lastId === '' ? {} : { cursor: cursorAfter(this.#lastId) }
    hub
      .connect({ user: this.user, channels: this.channels, ...cursor }, sink, eventStreamDialect)
      .catch(() => sink.cut())
  }

  #hear(event: EventSourceMessage): void {
    if (event.id !== undefined) this.#lastId = event.id
    const data = JSON.parse(event.data)
    const id = event.id === undefined ? undefined : Number(event.id)
    if (event.event === 'fanline.hello') {
      this.connectionId = data.connection
      this.heard.push({ kind: 'cursor', id: id!, resumed: data.resumed })
    } else if (event.event === 'fanline.checkpoint') {
      this.heard.push({ kind: 'cursor', id: id!, resumed: true }, { kind: 'live' })
    } else if (event.event === 'fanline.gap') {
      this.heard.push({
        kind: 'gap',
        channel: data.channel,
        from: Number(data.from),
        to: Number(data.to),
        reason: data.reason,
      })
    } else if (event.event !== 'fanline.bye') {
      this.heard.push({ kind: 'event', id, serial: data.serial })
    }
  }
}
