import type { EventDefinitions, EventMap } from '@fanline/protocol'
import { complain } from './complain.ts'
import { EventQueue, type QueueOptions } from './event-queue.ts'
import type { SavedCursor } from './saved-cursor.ts'
import {
  CONNECTING,
  type Source,
  type SourceEvent,
  type SourceListener,
  type StreamGap,
  type StreamState,
  type StreamStatus,
} from './source.ts'
import { watchPage } from './wake.ts'

/** An event as its publisher gave it. */
export interface StreamEvent<Type extends string = string, Data = unknown> {
  readonly type: Type
  /** The value that was published; of servers other than fanline the text, or what `parse` made of it. */
  readonly data: Data
  /** Undefined for an event without history. */
  readonly id: string | undefined
  /** Where it was published: a topic, `@all` or `@user:ID`. */
  readonly channel: string | undefined
  /** The trace of its publish, as W3C Trace Context names it; absent where the hub does not trace. */
  readonly traceparent?: string
}

/** An event of a map; `type` tells which. */
export type EventOf<Events extends EventMap, Type extends keyof Events & string = keyof Events & string> = {
  [Each in Type]: StreamEvent<Each, Events[Each]>
}[Type]

/** What a stream does with its events. */
export interface StreamOptions {
  /** Topics to follow, beside those that stand in the address. */
  readonly channels?: readonly string[] | undefined
  /** Keeps the cursor, so that a page which is loaded again goes on where it was. */
  readonly saved?: SavedCursor | undefined
  /** Checks the data of each event: of `defineEvents`. What does not fit is told to `onError` and to nobody else. */
  readonly events?: EventDefinitions | undefined
  /** Makes data of text, for servers other than fanline: `JSON.parse`, say. */
  readonly parse?: ((text: string) => unknown) | undefined
  /** Hears what a callback threw, what `parse` did, and of events that do not fit; an uncaught error when absent. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Closes the stream. */
  readonly signal?: AbortSignal | undefined
}

type Handler<Event> = (event: Event) => void

/** Takes an event; a promise holds the stream up. */
type Taker = (event: never) => Promise<void> | undefined

/**
 * Events of some channels: each once, in order, over any number of connections, until it is closed. Made by `connect`.
 * A callback that throws is told to `onError` and stops nothing. Whatever begins with `on` answers how to stop it.
 */
export class Stream<Events extends EventMap = EventMap> {
  readonly #options: StreamOptions
  readonly #source: Source
  /** By type; those of every event under undefined. */
  readonly #takers = new Map<string | undefined, Set<Taker>>()
  readonly #gapHandlers = new Set<Handler<StreamGap>>()
  readonly #statusHandlers = new Set<Handler<StreamStatus>>()
  readonly #ignorePage: () => void
  #status = CONNECTING
  #channels: readonly string[]
  #changing: Promise<unknown> = Promise.resolve()

  constructor(open: (listener: SourceListener) => Source, options: StreamOptions) {
    this.#options = options
    this.#channels = [...(options.channels ?? [])]
    this.#source = open({
      event: (event) => this.#hear(event),
      gap: (gap) => this.#tellGap(gap),
      cursor: (id) => this.#save(id),
      status: (status) => this.#tellStatus(status),
    })
    this.#ignorePage = watchPage(this.#source)
    options.signal?.addEventListener('abort', () => this.close(), { once: true })
    if (options.signal?.aborted) this.close()
  }

  /** Where the stream stands; the same object until something changes. */
  get status(): StreamStatus {
    return this.#status
  }

  /** Topics that are followed, beside those of the address. */
  get channels(): readonly string[] {
    return this.#channels
  }

  /** Resolves when the server has answered with a stream. Rejects when the stream is closed before. */
  get ready(): Promise<void> {
    return this.#until('live', 'catching-up')
  }

  /** Resolves when nothing is left that was missed. Rejects when the stream is closed before. */
  get caughtUp(): Promise<void> {
    return this.#until('live')
  }

  /** Hears events of a type. */
  on<Type extends keyof Events & string>(type: Type, handler: Handler<EventOf<Events, Type>>): () => void {
    return this.#take(type, (event) => this.#try(() => handler(event)))
  }

  /** Hears every event. */
  onAny(handler: Handler<EventOf<Events>>): () => void {
    return this.#take(undefined, (event) => this.#try(() => handler(event)))
  }

  /** Hears of losses. One that nobody hears of is told to `onError`. */
  onGap(handler: Handler<StreamGap>): () => void {
    return added(this.#gapHandlers, (gap) => this.#try(() => handler(gap)))
  }

  /** Hears of each change of {@link status}. */
  onStatus(handler: Handler<StreamStatus>): () => void {
    return added(this.#statusHandlers, (status) => this.#try(() => handler(status)))
  }

  /**
   * Events of a type, or all, for `for await`. They wait from this call on. The loop ends when the stream is closed, and
   * throws when it ended by an error.
   */
  events<Type extends keyof Events & string = keyof Events & string>(
    type?: Type,
    options: QueueOptions = {},
  ): AsyncIterableIterator<EventOf<Events, Type>, undefined> {
    const end = ({ state, error }: StreamStatus): void => {
      if (state === 'closed') queue.end(error)
    }
    const untake = this.#take(type, (event) => queue.push(event))
    const unwatch = this.onStatus(end)
    const queue = new EventQueue<EventOf<Events, Type>>(options, () => {
      untake()
      unwatch()
    })
    end(this.#status)
    return queue
  }

  /** The same as a ReadableStream, which holds up the whole stream while nobody reads. */
  readable<Type extends keyof Events & string = keyof Events & string>(
    type?: Type,
    options: QueueOptions = {},
  ): ReadableStream<EventOf<Events, Type>> {
    const queue = this.events(type, { overflow: 'wait', ...options })
    return new ReadableStream(
      {
        async pull(controller) {
          const { done, value } = await queue.next()
          if (done) controller.close()
          else controller.enqueue(value)
        },
        cancel: () => void queue.return?.(),
      },
      { highWaterMark: 0 },
    )
  }

  /**
   * Follows more topics, from where the stream stands: what was published to them since its last event comes, too.
   * @throws StreamError when the server refuses; the stream goes on as it was
   */
  follow(...channels: readonly string[]): Promise<void> {
    return this.#change((now) => [...new Set([...now, ...channels])])
  }

  /** Follows these topics no more. */
  unfollow(...channels: readonly string[]): Promise<void> {
    return this.#change((now) => now.filter((channel) => !channels.includes(channel)))
  }

  /** Ends it for good; nothing more is heard after this. */
  close(): void {
    this.#source.close()
  }

  /** Changes come one after the other, so that one which is refused leaves what was before. */
  #change(change: (now: readonly string[]) => readonly string[]): Promise<void> {
    const changed = this.#changing.then(async () => {
      const channels = change(this.#channels)
      await this.#source.follow(channels)
      this.#channels = channels
    })
    this.#changing = changed.catch(() => undefined) // whoever asked for it hears of it
    return changed
  }

  #take(type: string | undefined, taker: Taker): () => void {
    const takers = this.#takers.get(type) ?? new Set()
    this.#takers.set(type, takers)
    return added(takers, taker)
  }

  #hear(sent: SourceEvent): Promise<unknown> | undefined {
    const { type, id, channel, traceparent } = sent
    const takers = [...(this.#takers.get(type) ?? []), ...(this.#takers.get(undefined) ?? [])]
    const held: Promise<void>[] = []
    if (takers.length > 0) {
      this.#try(() => {
        const data = this.#dataOf(sent)
        const event = Object.freeze({ type, data, id, channel, ...(traceparent && { traceparent }) }) as never
        for (const take of takers) {
          const holds = take(event)
          if (holds) held.push(holds)
        }
      })
    }
    if (id !== undefined) this.#save(id)
    return held.length === 0 ? undefined : Promise.all(held)
  }

  #dataOf({ type, data, json }: SourceEvent): unknown {
    const { parse, events } = this.#options
    const value = json ? JSON.parse(data) : parse ? parse(data) : data
    return events ? events.parse(type, value) : value
  }

  #tellGap(gap: StreamGap): void {
    if (this.#gapHandlers.size === 0)
      this.#report(new Error(`Events are lost, see onGap: ${JSON.stringify(gap)}`))
    for (const tell of [...this.#gapHandlers]) tell(gap)
  }

  #tellStatus(status: StreamStatus): void {
    this.#status = status
    for (const tell of [...this.#statusHandlers]) tell(status)
    if (status.state === 'closed') this.#ignorePage()
  }

  #save(id: string): void {
    const { saved } = this.#options
    if (saved) this.#try(() => saved.save(id))
  }

  #until(...reached: readonly StreamState[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = ({ state, error }: StreamStatus): void => {
        if (reached.includes(state)) resolve()
        else if (state === 'closed') reject(error ?? new Error('The stream was closed.'))
        else return
        stop()
      }
      const stop = this.onStatus(look)
      look(this.#status)
    })
  }

  /** Runs what is not ours; a promise that it answers is looked after, too. */
  #try(callback: () => unknown): undefined {
    try {
      const result = callback()
      if (result instanceof Promise) result.catch((error) => this.#report(error))
    } catch (error) {
      this.#report(error)
    }
  }

  #report(error: unknown): void {
    const { onError = complain } = this.#options
    try {
      onError(error)
    } catch (thrown) {
      complain(thrown)
    }
  }
}

function added<Item>(items: Set<Item>, item: Item): () => void {
  items.add(item)
  return () => void items.delete(item)
}
