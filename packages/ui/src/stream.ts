import type { Bye, Hello } from '@fanline/protocol'

/** One event as EventSource gave it. */
export interface StreamEvent {
  readonly type: string
  readonly data: string
  /** Absent for an event without an id: an ephemeral one, or a gap. */
  readonly id: string | undefined
}

/** Where the stream stands. `closed` is final until {@link Stream.open}. */
export type StreamState = 'connecting' | 'open' | 'closed'

/** What to listen to. */
export interface StreamOptions {
  readonly channels: readonly string[]
  /** Names of events to listen for; EventSource never shows the others. */
  readonly types: readonly string[]
  /** Every event, in the order of the wire. */
  readonly onEvent: (event: StreamEvent) => void
  readonly onState: (state: StreamState) => void
}

/** Firefox gives up for good when the server refuses a connection once, so the page tries again itself. */
const RETRY_MS = 2_000

/** What tells where the cursor stands, be it where it stood before. */
const MAY_REPEAT_ID: ReadonlySet<string> = new Set(['fanline.hello', 'fanline.checkpoint'])

/** The one EventSource of this tab: browsers allow six HTTP/1.1 connections per site, for all tabs together. */
export class Stream {
  readonly #options: StreamOptions
  #source: EventSource | undefined
  #retry: ReturnType<typeof setTimeout> | undefined
  #user = ''
  #cursor: string | undefined
  #connection: string | undefined
  #state: StreamState = 'closed'

  constructor(options: StreamOptions) {
    this.#options = options
  }

  /** The id of the last event that had one: where the next connection resumes. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  /** The hub's name for the open connection. */
  get connection(): string | undefined {
    return this.#connection
  }

  get state(): StreamState {
    return this.#state
  }

  /** Connects as this user; with a cursor the hub first sends what came after it. Replaces an open connection. */
  open(user: string, cursor: string | undefined): void {
    this.#disconnect()
    this.#user = user
    this.#cursor = cursor
    const query = new URLSearchParams(this.#options.channels.map((channel) => ['channel', channel]))
    query.set('user', user)
    if (cursor !== undefined) query.set('lastEventId', cursor)
    const source = new EventSource(`/v1/events?${query}`)
    this.#source = source
    source.addEventListener('error', () => this.#onError(source))
    for (const type of [
      'fanline.hello',
      'fanline.checkpoint',
      'fanline.gap',
      'fanline.bye',
      ...this.#options.types,
    ]) {
      source.addEventListener(type, (message) => this.#onMessage(message))
    }
    this.#become('connecting')
  }

  /** Ends the connection. The cursor stays, for a later {@link open}. */
  close(): void {
    this.#disconnect()
    this.#become('closed')
  }

  #onMessage(message: MessageEvent<string>): void {
    // EventSource repeats the last id for events without one.
    const own = MAY_REPEAT_ID.has(message.type) || message.lastEventId !== this.#cursor
    const id = own && message.lastEventId !== '' ? message.lastEventId : undefined
    if (id !== undefined) this.#cursor = id
    if (message.type === 'fanline.hello') {
      this.#connection = (JSON.parse(message.data) as Hello).connection
      this.#become('open')
    }
    this.#options.onEvent({ type: message.type, data: message.data, id })
    if (message.type === 'fanline.bye' && !(JSON.parse(message.data) as Bye).reconnect) this.close()
  }

  #onError(source: EventSource): void {
    this.#connection = undefined
    if (source.readyState === EventSource.CLOSED) {
      this.#retry = setTimeout(() => this.open(this.#user, this.#cursor), RETRY_MS)
    }
    this.#become('connecting')
  }

  #disconnect(): void {
    clearTimeout(this.#retry)
    this.#source?.close()
    this.#source = undefined
    this.#connection = undefined
  }

  #become(state: StreamState): void {
    this.#state = state
    this.#options.onState(state)
  }
}
