import type { SentEvent } from './message.ts'

/** How much is kept, in characters of data; an event counts for some more. */
const LONGEST = 500_000
const OVERHEAD = 200

/** The last events of a connection, for guests that missed a few. */
export class Recent {
  readonly #events: SentEvent[] = []
  #length = 0
  /** Everything after this id is here; undefined while nobody knows what is missing. */
  #from: number | undefined

  /** Forgets everything. @param from the connection goes on from here; undefined until {@link moved} says so */
  start(from?: string): void {
    this.#events.length = this.#length = 0
    this.#from = from === undefined ? undefined : Number(from)
  }

  /** The connection has told everything up to this id. */
  moved(id: string): void {
    this.#from ??= Number(id)
  }

  add(sent: SentEvent): void {
    if (sent.event.id === undefined || this.#from === undefined) return
    this.#events.push(sent)
    this.#length += lengthOf(sent)
    while (this.#length > LONGEST) {
      const oldest = this.#events.shift()!
      this.#length -= lengthOf(oldest)
      this.#from = Number(oldest.event.id)
    }
  }

  /** All events after an id; undefined when some of them are gone. */
  after(id: string): readonly SentEvent[] | undefined {
    if (this.#from === undefined || !(Number(id) >= this.#from)) return undefined
    return this.#events.filter(({ event }) => Number(event.id) > Number(id))
  }
}

function lengthOf({ event }: SentEvent): number {
  return event.data.length + OVERHEAD
}
