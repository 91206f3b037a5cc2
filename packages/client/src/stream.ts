import type { EventMap } from '@fanline/protocol'
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
  /** Makes data of text, for servers other than fanline: `JSON.parse`, say. */
  readonly parse?: ((text: string) => unknown) | undefined
  /** Hears what a callback threw, and what `parse` did; an uncaught error when absent. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Closes the stream. */
  readonly signal?: AbortSignal | undefined
}

type Handler<Event> = (event: Event) => void

/**
 * Events of some channels: each once, in order, over any number of connections, until it is closed. Made by `connect`.
 * A callback that throws is told to `onError` and stops nothing. Whatever begins with `on` answers how to stop it.
 */
export class Stream<Events extends EventMap = EventMap> {
  readonly #options: StreamOptions
  readonly #source: Source
  readonly #handlers = new Map<string, Set<Handler<never>>>()
  readonly #anyHandlers = new Set<Handler<EventOf<Events>>>()
  readonly #gapHandlers = new Set<Handler<StreamGap>>()
  readonly #statusHandlers = new Set<Handler<StreamStatus>>()
  readonly #queues = new Map<EventQueue<never>, string | undefined>()
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
    return this.#until((state) => state === 'live' || state === 'catching-up')
  }

  /** Resolves when nothing is left that was missed. Rejects when the stream is closed before. */
  get caughtUp(): Promise<void> {
    return this.#until((state) => state === 'live')
  }

  /** Hears events of a type. */
  on<Type extends keyof Events & string>(type: Type, handler: Handler<EventOf<Events, Type>>): () => void {
    const handlers = this.#handlers.get(type) ?? new Set()
    this.#handlers.set(type, handlers)
    return added(handlers, handler)
  }

  /** Hears every event. */
  onAny(handler: Handler<EventOf<Events>>): () => void {
    return added(this.#anyHandlers, handler)
  }

  /** Hears of losses. One that nobody hears of is told to `onError`. */
  onGap(handler: Handler<StreamGap>): () => void {
    return added(this.#gapHandlers, handler)
  }

  /** Hears of each change of {@link status}. */
  onStatus(handler: Handler<StreamStatus>): () => void {
    return added(this.#statusHandlers, handler)
  }

  /**
   * Events of a type, or all, for `for await`. They wait from this call on. The loop ends when the stream is closed, and
   * throws when it ended by an error.
   */
  events<Type extends keyof Events & string = keyof Events & string>(
    type?: Type,
    options: QueueOptions = {},
  ): AsyncIterableIterator<EventOf<Events, Type>, undefined> {
    const queue: EventQueue<EventOf<Events, Type>> = new EventQueue(options, () =>
      this.#queues.delete(queue as EventQueue<never>),
    )
    if (this.#status.state === 'closed') queue.end(this.#status.error)
    else if (!options.signal?.aborted) this.#queues.set(queue as EventQueue<never>, type)
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

  #hear(sent: SourceEvent): Promise<void> | undefined {
    const handlers: Handler<never>[] = [...(this.#handlers.get(sent.type) ?? []), ...this.#anyHandlers]
    const queues = [...this.#queues].filter(([, type]) => type === undefined || type === sent.type)
    let held: Promise<void>[] = []
    if (handlers.length + queues.length > 0) {
      this.#try(() => {
        const { type, id, channel } = sent
        const event = Object.freeze({ type, data: this.#dataOf(sent), id, channel }) as never
        for (const handler of handlers) this.#try(() => handler(event))
        held = queues.flatMap(([queue]) => queue.push(event) ?? [])
      })
    }
    if (sent.id !== undefined) this.#save(sent.id)
    return held.length === 0 ? undefined : Promise.all(held).then(() => undefined)
  }

  #dataOf({ data, json }: SourceEvent): unknown {
    if (json) return JSON.parse(data)
    return this.#options.parse ? this.#options.parse(data) : data
  }

  #tellGap(gap: StreamGap): void {
    if (this.#gapHandlers.size === 0) {
      const { channel, from, to, reason } = gap
      this.#report(
        new Error(`Events of ${channel} after ${from} up to ${to} are lost (${reason}); see onGap.`),
      )
    }
    for (const handler of [...this.#gapHandlers]) this.#try(() => handler(gap))
  }

  #tellStatus(status: StreamStatus): void {
    this.#status = status
    for (const handler of [...this.#statusHandlers]) this.#try(() => handler(status))
    if (status.state !== 'closed') return
    this.#ignorePage()
    for (const queue of [...this.#queues.keys()]) queue.end(status.error)
  }

  #save(id: string): void {
    const { saved } = this.#options
    if (saved) this.#try(() => saved.save(id))
  }

  #until(isReached: (state: StreamState) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = ({ state, error }: StreamStatus): void => {
        if (isReached(state)) resolve()
        else if (state === 'closed') reject(error ?? new Error('The stream was closed.'))
        else return
        stop()
      }
      const stop = this.onStatus(look)
      look(this.#status)
    })
  }

  /** Runs what is not ours; a promise that it answers is looked after, too. */
  #try(callback: () => unknown): void {
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
