import { get, type IncomingMessage } from 'node:http'
import { createParser } from 'eventsource-parser'
import type { HeardEvent } from './curl-stream.ts'
import { eventually } from './eventually.ts'

/** A client that leaves in the middle of what it reads, and comes back at once with the id of what it has seen last. */
export class InterruptedClient {
  /** Resolves when the first stream has begun. */
  readonly connected: Promise<void>
  connections = 0
  readonly #url: string
  readonly #interruptions: number
  readonly #seen: HeardEvent[] = []
  #onConnected: () => void = () => undefined
  #leave: () => void = () => undefined

  /** @param interruptions how often; after that it stays */
  constructor(url: string, interruptions: number) {
    this.#url = url
    this.#interruptions = interruptions
    this.connected = new Promise((resolve) => {
      this.#onConnected = resolve
    })
    this.#connect()
  }

  /** True when it will not leave any more. */
  get isDone(): boolean {
    return this.connections > this.#interruptions
  }

  /** Waits until so many events have been seen, and leaves for good. @throws Error when they do not come */
  async heard(count: number): Promise<readonly HeardEvent[]> {
    await eventually(() => this.#seen.length >= count, `${count} events`, 60_000)
    this.#leave()
    return this.#seen
  }

  #connect(): void {
    this.connections++
    const lastId = this.#seen.at(-1)?.id
    const patience = this.isDone ? Number.POSITIVE_INFINITY : 1 + ((this.connections * 7919) % 5)
    let seen = 0
    const parser = createParser({
      onEvent: ({ id, event = 'message', data }) => {
        if (seen === patience) return // it has left
        this.#seen.push({ id, event, data })
        if (++seen < patience) return
        request.destroy()
        this.#connect()
      },
    })
    const request = get(this.#url, {
      agent: false,
      headers: lastId === undefined ? {} : { 'Last-Event-ID': lastId },
    })
    this.#leave = () => request.destroy()
    request.on('error', () => undefined) // it leaves in the middle
    request.on('response', (response: IncomingMessage) => {
      this.#onConnected()
      response.on('error', () => undefined)
      response.setEncoding('utf8').on('data', (text: string) => parser.feed(text))
    })
  }
}
