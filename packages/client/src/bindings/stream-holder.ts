import type { EventMap } from '@fanline/protocol'
import type { Stream } from '../stream.ts'

/** Listens to a stream; what it answers ends that. */
export type Attach<Events extends EventMap> = (stream: Stream<Events>) => () => void

/**
 * Where components meet their stream. Frameworks mount the inner ones first, so they are here before it is opened; it
 * may be opened again, with another address or because React mounts everything twice.
 */
export class StreamHolder<Events extends EventMap = EventMap> {
  #stream: Stream<Events> | undefined
  #onError: ((error: unknown) => void) | undefined
  /** Each hears that there is another stream, or none. */
  readonly #users = new Set<() => void>()
  /** A channel as often as somebody asks for it. */
  readonly #asked: string[] = []
  /** What the stream follows by itself, and what it was told to here. */
  #own: readonly string[] = []
  #followed: readonly string[] = []

  get stream(): Stream<Events> | undefined {
    return this.#stream
  }

  /** Has this stream until the answer is called. A channel that is refused is told to `onError`, or an uncaught error. */
  hold(stream: Stream<Events>, onError?: (error: unknown) => void): () => void {
    this.#own = stream.channels
    this.#followed = []
    this.#onError = onError
    this.#become(stream)
    void this.#settle()
    return () => this.#become(undefined)
  }

  /** Calls `attach` with the stream, and with any that comes in its place, until the answer is called. */
  use(attach: Attach<Events>): () => void {
    let detach: (() => void) | undefined
    const change = (): void => {
      detach?.()
      detach = this.#stream && attach(this.#stream)
    }
    this.#users.add(change)
    change()
    return () => {
      this.#users.delete(change)
      detach?.()
    }
  }

  /** Hears of each change of {@link stream} and its status. It may be called without the holder. */
  readonly watch = (onChange: () => void): (() => void) =>
    this.use((stream) => {
      const stop = stream.onStatus(onChange)
      onChange()
      return () => {
        stop()
        onChange()
      }
    })

  /** Follows a channel until everybody who asked for it has called the answer. */
  follow(channel: string): () => void {
    const asked = this.#asked
    asked.push(channel)
    void this.#settle()
    return () => {
      asked.splice(asked.indexOf(channel), 1)
      void this.#settle()
    }
  }

  async #settle(): Promise<void> {
    // What comes and goes in one turn is one change, or none.
    await undefined
    const stream = this.#stream
    const before = this.#followed
    const after = without(this.#asked, this.#own)
    const added = without(after, before)
    const removed = without(before, after)
    this.#followed = after
    if (added.length > 0) {
      // One that is refused must not keep the others away.
      stream?.follow(...added).catch(() => {
        for (const channel of added) stream.follow(channel).catch(this.#onError)
      })
    }
    if (removed.length > 0) stream?.unfollow(...removed).catch(this.#onError)
  }

  #become(stream: Stream<Events> | undefined): void {
    this.#stream = stream
    for (const change of this.#users) change()
  }
}

function without(channels: readonly string[], others: readonly string[]): readonly string[] {
  return channels.filter((channel) => !others.includes(channel))
}
