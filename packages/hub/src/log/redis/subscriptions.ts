import { ProblemError } from '@fanline/protocol'
import type { RedisClient } from './client.ts'

/** Names in one command: many would hold up Redis, and one each a round trip for every name. */
const BATCH = 500

/** A stream waits so long for Redis, in milliseconds: proxies answer in place of a server that says nothing for long. */
const PATIENCE_MS = 5000

/**
 * Live channels, asked for and given up in batches, one after another: what changes before Redis has answered to the last
 * is one command. The client takes a channel for subscribed until Redis has answered that it is not; who asked for it
 * before that would get no subscription.
 */
export class Subscriptions {
  readonly #client: RedisClient
  readonly #hear: (message: string, channel: string) => void
  readonly #wanted = new Set<string>()
  /** Those that Redis has confirmed. */
  readonly #confirmed = new Set<string>()
  /** Those that were added or removed since the last batch. */
  #changed = new Set<string>()
  #next: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()

  constructor(client: RedisClient, hear: (message: string, channel: string) => void) {
    this.#client = client
    this.#hear = hear
  }

  /**
   * Resolves when everything that is published to the channel from now on will be heard, however long that takes.
   * @throws ProblemError `log-unavailable` when the connection breaks
   */
  add(channel: string): Promise<void> {
    this.#wanted.add(channel)
    return this.#change(channel)
  }

  /** As {@link add}, for who does not wait for ever. @throws ProblemError `log-unavailable` also when it takes too long */
  async addInTime(channel: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const error = new ProblemError('log-unavailable', 'Redis did not confirm it in time.')
      timer = setTimeout(() => reject(error), PATIENCE_MS)
    })
    await Promise.race([this.add(channel), late]).finally(() => clearTimeout(timer))
  }

  remove(channel: string): void {
    this.#wanted.delete(channel)
    // What is asked for together with it is waited for by who asked.
    this.#change(channel).catch(() => undefined)
  }

  #change(channel: string): Promise<void> {
    this.#changed.add(channel)
    this.#next ??= this.#settleNext()
    return this.#next
  }

  async #settleNext(): Promise<void> {
    await Promise.all([new Promise<void>((resolve) => setImmediate(resolve)), this.#last])
    this.#next = undefined
    const settled = this.#settle()
    this.#last = settled.catch(() => undefined)
    await settled
  }

  async #settle(): Promise<void> {
    const changed = [...this.#changed]
    this.#changed = new Set()
    const added = changed.filter((channel) => this.#wanted.has(channel) && !this.#confirmed.has(channel))
    const dropped = changed.filter((channel) => !this.#wanted.has(channel) && this.#confirmed.delete(channel))
    const answers = await Promise.allSettled([
      ...batches(added).map((names) => this.#subscribe(names)),
      ...batches(dropped).map((names) => this.#unsubscribe(names)),
    ])
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason
  }

  /** Whoever wants a channel that was not confirmed asks again. */
  async #subscribe(names: string[]): Promise<void> {
    try {
      await this.#client.subscribe(names, this.#hear)
    } catch (cause) {
      throw new ProblemError('log-unavailable', 'Redis was lost before it confirmed.', { cause })
    }
    for (const name of names) this.#confirmed.add(name)
  }

  /** What cannot be given up, the client asks for again on its next connection: it is given up with the next batch. */
  async #unsubscribe(names: string[]): Promise<void> {
    try {
      await this.#client.unsubscribe(names)
    } catch {
      for (const name of names) {
        this.#confirmed.add(name)
        this.#changed.add(name)
      }
    }
  }
}

/** Names in parts that one command takes. */
export function batches(names: readonly string[]): string[][] {
  const found: string[][] = []
  for (let start = 0; start < names.length; start += BATCH) found.push(names.slice(start, start + BATCH))
  return found
}
