/** An event that an application keeps by itself. */
export interface KeptEvent {
  readonly id: string
  readonly data: string
}

/** What an application writes around a library that sends events and keeps none: a list, and who follows it. */
export class KeptEvents {
  readonly #events: KeptEvent[] = []
  readonly #followers = new Set<(event: KeptEvent) => void>()

  /** How many follow now. */
  get followers(): number {
    return this.#followers.size
  }

  publish(data: string): void {
    const event = { id: String(this.#events.length + 1), data }
    this.#events.push(event)
    for (const send of this.#followers) send(event)
  }

  /** Sends what came after an id, then what comes. Answers how to stop. */
  follow(lastId: string | null | undefined, send: (event: KeptEvent) => unknown): () => void {
    const follower = (event: KeptEvent): void => void send(event)
    for (const event of this.#events.slice(Number(lastId ?? 0))) follower(event)
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }
}
