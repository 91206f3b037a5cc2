import { ProblemError } from '@fanline/protocol'
import type { RedisClient } from './client.ts'

/** Names in one command: many would hold up Redis, and one each a round trip for every name. */
const BATCH = 500

/**
 * Live channels, asked for and given up in batches: what changes in one turn of the event loop is one command.
 */
export class Subscriptions {
  readonly #client: RedisClient
  readonly #hear: (message: string, channel: string) => void
  readonly #wanted = new Set<string>()
  /** Those that Redis was asked for, and when it has confirmed them: who asks again meanwhile waits for the same. */
  readonly #asked = new Map<string, Promise<void>>()
  /** Those that were added or removed in this turn. */
  #changed = new Set<string>()
  #changes: Promise<void> | undefined

  constructor(client: RedisClient, hear: (message: string, channel: string) => void) {
    this.#client = client
    this.#hear = hear
  }

  /**
   * Resolves when everything that is published to the channel from now on will be heard.
   * @throws ProblemError `log-unavailable`
   */
  add(channel: string): Promise<void> {
    this.#wanted.add(channel)
    return this.#change(channel)
  }

  remove(channel: string): void {
    this.#wanted.delete(channel)
    // What is asked for together with it is waited for by who asked.
    this.#change(channel).catch(() => undefined)
  }

  #change(channel: string): Promise<void> {
    this.#changed.add(channel)
    this.#changes ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#changes = undefined
      return this.#settle()
    })
    return this.#changes
  }

  async #settle(): Promise<void> {
    const changed = [...this.#changed]
    this.#changed = new Set()
    const added = changed.filter((channel) => this.#wanted.has(channel) && !this.#asked.has(channel))
    const dropped = changed.filter((channel) => !this.#wanted.has(channel) && this.#asked.has(channel))
    for (const channel of dropped) this.#asked.delete(channel)
    for (const names of batches(added)) this.#subscribe(names)
    await Promise.all([
      ...changed.map((channel) => this.#asked.get(channel)),
      // What cannot be given up now is given up with the connection.
      ...batches(dropped).map((names) => this.#client.unsubscribe(names).catch(() => undefined)),
    ])
  }

  #subscribe(names: string[]): void {
    const confirmed = this.#client.subscribe(names, this.#hear).then(
      () => undefined,
      (cause) => {
        // Whoever wants one of them next asks again.
        for (const name of names) if (this.#asked.get(name) === confirmed) this.#asked.delete(name)
        throw new ProblemError('log-unavailable', 'Redis was lost before it confirmed.', { cause })
      },
    )
    for (const name of names) this.#asked.set(name, confirmed)
  }
}

/** Names in parts that one command takes. */
export function batches(names: readonly string[]): string[][] {
  const found: string[][] = []
  for (let start = 0; start < names.length; start += BATCH) found.push(names.slice(start, start + BATCH))
  return found
}
