import type { PublishRequest } from '@fanline/protocol'
import { Bell } from './bell.ts'
import { batchOf, type Item, itemOf, type PublishResult, settle } from './item.ts'
import { type Outbox, sendLines } from './lines.ts'
import type { PublishRoute } from './publish-route.ts'

/** Where the events of a stream come from. */
export type PublishSource<Request> = Iterable<Request> | AsyncIterable<Request>

/** So many events of a stream are on their way at most … */
const WINDOW_ITEMS = 1000

/** … and about so many characters. */
const WINDOW_LENGTH = 1024 * 1024

/** Takes events from a source while there is room, and gives a result for each, in their order. */
export class PublishStream implements Outbox {
  /** In the order of the source; those in front may have their result, and wait to be taken. */
  readonly items: Item[] = []
  readonly change: Bell = new Bell()
  isOver = false
  readonly #route: PublishRoute
  readonly #retryForMs: number
  readonly #stop = new AbortController()
  #length = 0
  /** What the source threw. */
  #failure: { readonly error: unknown } | undefined

  constructor(route: PublishRoute, retryForMs: number) {
    this.#route = route
    this.#retryForMs = retryForMs
  }

  /** @throws the reason of the signal; what the source does, after the results of what came from it before */
  async *results(
    source: PublishSource<PublishRequest>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<PublishResult, void, undefined> {
    signal?.throwIfAborted()
    const stop = (): void => {
      this.#stop.abort(signal?.reason)
      this.change.ring()
    }
    signal?.addEventListener('abort', stop)
    void this.#take(source)
    this.#send().catch((error: unknown) => {
      this.#stop.abort(error)
      this.change.ring()
    })
    try {
      while (this.items.length > 0 || !this.isOver) {
        this.#stop.signal.throwIfAborted()
        const result = this.items[0]?.result
        if (!result) await this.change.next()
        else {
          this.#length -= this.items.shift()!.text.length
          this.change.ring()
          yield result
        }
      }
      if (this.#failure) throw this.#failure.error
    } finally {
      signal?.removeEventListener('abort', stop)
      stop()
    }
  }

  async #take(source: PublishSource<PublishRequest>): Promise<void> {
    const { signal } = this.#stop
    try {
      for await (const request of source) {
        const item = itemOf(request)
        this.#length += item.text.length
        this.items.push(item)
        this.change.ring()
        while (this.#isFull && !signal.aborted) await this.change.next()
        if (signal.aborted) return
      }
    } catch (error) {
      this.#failure = { error }
    } finally {
      this.isOver = true
      this.change.ring()
    }
  }

  /** @throws the reason of the signal */
  async #send(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      if (batchOf(this.items).length === 0) {
        if (this.isOver) return
        await this.change.next()
        continue
      }
      if (this.#route.takesLines) await sendLines(this, this.#route, signal)
      // What has no answer goes in a request that arrives whole, or is sent again.
      const rest = batchOf(this.items)
      if (rest.length > 0) await settle(rest, this.#route, this.#retryForMs, signal)
      this.change.ring()
    }
  }

  get #isFull(): boolean {
    return this.items.length >= WINDOW_ITEMS || this.#length >= WINDOW_LENGTH
  }
}
