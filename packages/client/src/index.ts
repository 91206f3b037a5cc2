/** The client of fanline, for browsers, Node, Bun, Deno and workers. */
import type { EventDefinitions, EventMap, HeardEvents } from '@fanline/protocol'
import type { FetchOptions } from './fetch-options.ts'
import { FetchSource } from './fetch-source.ts'
import { later } from './later.ts'
import type { ShareOptions } from './share/share.ts'
import type { Source } from './source.ts'
import { Stream, type StreamOptions } from './stream.ts'

export type { EventDefinitions, EventMap, HeardEvents, StandardSchema } from '@fanline/protocol'
export { defineEvents, eventType, InvalidEventError } from '@fanline/protocol'
export { StreamError, type StreamErrorCode, Unauthorized } from './errors.ts'
export { EventOverflow, type QueueOptions } from './event-queue.ts'
export type { FetchOptions } from './fetch-options.ts'
export { type SavedCursor, savedIn } from './saved-cursor.ts'
export type { ShareOptions } from './share/share.ts'
export type { StreamGap, StreamState, StreamStatus } from './source.ts'
export {
  type EventOf,
  Stream,
  type StreamEvent,
  type StreamOptions,
} from './stream.ts'

/** How to connect, and what to do with the events. */
export interface ConnectOptions extends FetchOptions, StreamOptions, ShareOptions {}

/**
 * Follows channels until it is closed: comes back after any break, from where it was. Nothing comes before the code that
 * called this has had its turn, so whoever listens at once misses nothing. What the data of an event are is said by
 * `events`, or by `connect<{ paid: { number: number } }>(…)`.
 *
 * @param url the address of the stream, such as `/v1/events`; relative to the page where there is one
 * @throws TypeError for an address that is none
 */
export function connect<Definitions extends EventDefinitions>(
  url: string | URL,
  options: ConnectOptions & { readonly events: Definitions },
): Stream<HeardEvents<Definitions>>
export function connect<Events extends EventMap = EventMap>(
  url: string | URL,
  options?: ConnectOptions,
): Stream<Events>
export function connect(url: string | URL, options: ConnectOptions = {}): Stream {
  const { lastEventId = options.saved?.load() } = options
  const address = new URL(url, globalThis.location?.href).href
  const asked = { ...options, lastEventId }
  return new Stream((listener) => {
    const own = (): Source => new FetchSource(address, asked, listener)
    if (!options.share) return own()
    return later(import('./share/share.ts').then(({ share }) => share(address, asked, listener), own))
  }, options)
}
