import type { SentEvent } from './message.ts'

/** How much is kept, in characters of data; an event counts for some more. */
const LONGEST = 1_000_000
const OVERHEAD = 200

/** The last events of a connection, for guests that missed a few. */
export class Recent {
  #events: SentEvent[] = []
  #length = 0
  /** Everything after this id is here; NaN while nobody knows what is missing. */
  #from = Number.NaN

  /** Forgets everything. @param from the connection goes on from here; undefined until {@link moved} says so */
  start(from?: string): void {
    this.#events = []
    this.#length = 0
    this.#from = Number(from)
  }

  /** The connection has told everything up to this id. */
  moved(id: string): void {
    this.#from ||= Number(id)
  }

  add(sent: SentEvent): void {
    const { id, data } = sent.event
    if (id === undefined) return
    this.#length += data.length + OVERHEAD
    if (this.#length > LONGEST) this.start(this.#from ? id : undefined)
    else this.#events.push(sent)
  }

  /** All events after an id; undefined when some of them are gone. */
  after(id: string): readonly SentEvent[] | undefined {
    if (Number(id) >= this.#from) return this.#events.filter(({ event }) => Number(event.id) > Number(id))
    return undefined
  }
}
