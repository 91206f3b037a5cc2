import { createParser } from 'eventsource-parser'
import { inTime } from './deadline.ts'

/** An event as a client hears it. */
export interface StreamEvent {
  readonly id: string | undefined
  readonly event: string
  readonly channel: string | undefined
  /** The other channels of the event, where they were asked for. */
  readonly also?: string
  /** The trace of its publish, where that was traced. */
  readonly traceparent?: string
  readonly data: string
}

/** How a client gets to the hub. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>

/** A reading client: what it has heard, and what it waits for. */
export class StreamClient {
  readonly response: Response
  /** All that was heard, control events too. */
  readonly events: StreamEvent[] = []
  /** Heartbeats. */
  comments = 0
  /** The reconnection time that was told last, in milliseconds. */
  retryMs: number | undefined
  /** The id from which this client would resume. */
  lastId: string | undefined
  /** What cut the stream, if it did not come to its end. */
  cut: unknown
  #next = 0
  #wake: () => void = () => undefined
  #isOver = false
  readonly #abort: AbortController
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  /** Resolves when the stream has ended, however it did. */
  readonly over: Promise<void>

  private constructor(response: Response, abort: AbortController) {
    this.response = response
    this.#abort = abort
    this.#reader = response.body?.getReader()
    this.over = this.#read()
  }

  /** Asks for a stream. Resolves with the headers. */
  static async open(fetch: Fetch, url: string, headers: Record<string, string> = {}): Promise<StreamClient> {
    const abort = new AbortController()
    const accept = { Accept: 'text/event-stream', ...headers }
    const answer = fetch(url, { headers: accept, signal: abort.signal })
    return new StreamClient(await inTime(answer, () => `headers of ${url}`), abort)
  }

  /** How many of the events were taken. */
  get taken(): number {
    return this.#next
  }

  /** The next event that was not taken yet. */
  async next(): Promise<StreamEvent> {
    await this.#until(() => this.events.length > this.#next)
    const event = this.events[this.#next++]
    if (!event) throw new Error(`The stream ended after ${this.#next - 1} events.`)
    return event
  }

  /** The next events that were not taken yet. */
  async take(count: number): Promise<StreamEvent[]> {
    await this.#until(() => this.events.length >= this.#next + count)
    if (this.events.length < this.#next + count)
      throw new Error(`The stream ended after ${this.events.length - this.#next} of ${count} events.`)
    const taken = this.events.slice(this.#next, this.#next + count)
    this.#next += count
    return taken
  }

  /** Takes events up to the first that fits, and answers all of them. */
  async takeUntil(fits: (event: StreamEvent) => boolean): Promise<StreamEvent[]> {
    const taken: StreamEvent[] = []
    for (;;) {
      const event = await this.next()
      taken.push(event)
      if (fits(event)) return taken
    }
  }

  /** Waits for another heartbeat. */
  async heartbeat(): Promise<void> {
    const before = this.comments
    await this.#until(() => this.comments > before)
  }

  /** Leaves, and waits until the stream is over. */
  async close(): Promise<void> {
    this.#abort.abort()
    // Where no server is between, nobody else tells the hub's stream that its reader has left.
    this.#reader?.cancel().catch(() => undefined)
    await inTime(this.over, () => 'the end of the stream')
  }

  async #until(condition: () => boolean): Promise<void> {
    const reached = async (): Promise<void> => {
      while (!condition() && !this.#isOver) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    await inTime(
      reached(),
      () => `more than ${this.events.length} events, last ${JSON.stringify(this.events.at(-1))}`,
    )
  }

  async #read(): Promise<void> {
    let channel: string | undefined
    let also: string | undefined
    let traceparent: string | undefined
    const parser = createParser({
      onEvent: ({ id, event = 'message', data }) => {
        this.events.push({
          id,
          event,
          channel,
          data,
          ...(also === undefined ? {} : { also }),
          ...(traceparent === undefined ? {} : { traceparent }),
        })
        this.lastId = id ?? this.lastId
        channel = also = traceparent = undefined
      },
      onComment: () => {
        this.comments++
      },
      onRetry: (retryMs) => {
        this.retryMs = retryMs
      },
      // An EventSource skips the field; the parser hands over what it skips.
      onError: (error) => {
        if (error.type !== 'unknown-field') return
        if (error.field === 'channel') channel = error.value
        if (error.field === 'also') also = error.value
        if (error.field === 'traceparent') traceparent = error.value
      },
    })
    const decoder = new TextDecoder()
    try {
      for (let step = await this.#reader?.read(); step && !step.done; step = await this.#reader?.read()) {
        parser.feed(decoder.decode(step.value, { stream: true }))
        this.#wake()
      }
    } catch (error) {
      // A cut is an end like any other; what matters is what was heard before.
      this.cut = error
    }
    this.#isOver = true
    this.#wake()
  }
}

/** The data of an event that is JSON. */
export function json(event: StreamEvent): unknown {
  return JSON.parse(event.data)
}

/** True for the events of publishers. */
export function isPublished({ event }: StreamEvent): boolean {
  return !event.startsWith('fanline.')
}
