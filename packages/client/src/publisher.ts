import type {
  EventDefinitions,
  EventMap,
  PublishedEvents,
  PublishInput,
  PublishReceipt,
} from '@fanline/protocol'
import { batchOf, itemOf, type PublishResult, resultOf, settle } from './publish/item.ts'
import { persist } from './publish/persist.ts'
import { PublishError } from './publish/publish-error.ts'
import { type PublisherOptions, PublishRoute } from './publish/publish-route.ts'
import { type PublishSource, PublishStream } from './publish/publish-stream.ts'

export type { PublishInput, PublishReceipt } from '@fanline/protocol'
export { Unauthorized } from './errors.ts'
export type { PublishResult } from './publish/item.ts'
export { PublishError, type PublishErrorCode } from './publish/publish-error.ts'
export type { PublisherOptions } from './publish/publish-route.ts'
export type { PublishSource } from './publish/publish-stream.ts'

/** How long one call goes on. */
export interface PublishOptions {
  /** Ends the call with its reason. What was sent may have been published. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Publishes over HTTP. Each event has a key, its own or one that is made for it, so that it can be sent again when no
 * answer came, and is published once.
 */
export class Publisher<Events extends EventMap = EventMap> {
  readonly #route: PublishRoute
  readonly #retryForMs: number

  constructor(url: string | URL, options: PublisherOptions) {
    this.#route = new PublishRoute(url, options)
    this.#retryForMs = options.retryForMs ?? 30_000
  }

  /**
   * Publishes one event. Resolves when the hub has stored it.
   * @throws PublishError, or the reason of the signal
   */
  async publish(request: PublishInput<Events>, { signal }: PublishOptions = {}): Promise<PublishReceipt> {
    const item = itemOf(request)
    if (item.result instanceof PublishError) throw item.result
    const attempt = async (): Promise<PublishReceipt> => {
      const result = resultOf(await this.#route.post(item.text, signal))
      if (result instanceof PublishError) throw result
      return result
    }
    return persist(attempt, this.#retryForMs, signal)
  }

  /**
   * Publishes a list, a few hundred events in a request, one request after the other. Resolves with a receipt or an error
   * for each event, in their order.
   * @throws the reason of the signal
   */
  async publishAll(
    requests: Iterable<PublishInput<Events>>,
    { signal }: PublishOptions = {},
  ): Promise<readonly PublishResult[]> {
    const items = Array.from(requests, itemOf)
    for (let batch = batchOf(items); batch.length > 0; batch = batchOf(items)) {
      await settle(batch, this.#route, this.#retryForMs, signal)
    }
    return items.map(({ result }) => result!)
  }

  /**
   * Publishes what comes from a source, for as long as it lasts, and gives a receipt or an error for each event, in their
   * order. Takes from the source only while fewer than 1,000 results are outstanding or not yet taken. An event that was
   * refused for a moment comes after those that were sent with it. Leaving the loop ends it.
   * @throws the reason of the signal; what the source throws, after the results of what came before
   */
  stream(
    source: PublishSource<PublishInput<Events>>,
    { signal }: PublishOptions = {},
  ): AsyncGenerator<PublishResult, void, undefined> {
    return new PublishStream(this.#route, this.#retryForMs).results(source, signal)
  }
}

/** What may be published: an event map as it is, or that of definitions. */
type EventsOf<Events> = Events extends EventDefinitions
  ? PublishedEvents<Events>
  : Events extends EventMap
    ? Events
    : never

/**
 * Makes a publisher. `createPublisher<typeof events>(…)` knows the events of `defineEvents`,
 * `createPublisher<{ paid: { number: number } }>(…)` those of a map.
 *
 * @param url the address of the route, such as `https://hub.example/v1/publish`; relative to the page where there is one
 * @throws TypeError for an address that is none
 */
export function createPublisher<Events extends EventMap | EventDefinitions = EventMap>(
  url: string | URL,
  options: PublisherOptions = {},
): Publisher<EventsOf<Events>> {
  return new Publisher(url, options)
}
