import type { DeliverRecord, HistoryRecord, PublishRecord } from './history-record.ts'

/** An event, as its publishers and all who heard it know it. */
export interface KnownEvent {
  readonly name: string
  outcome: PublishRecord['outcome']
  readonly channels: readonly string[]
  readonly except: readonly string[]
  readonly isEphemeral: boolean
  /** Where it stands in the log; several when it was stored more than once. */
  positions: readonly number[]
}

/** An event at one of its places in a channel. */
export interface Place {
  readonly position: number
  readonly event: KnownEvent
}

/** How much a try says for the event being in the log. */
const CERTAINTY = { fail: 0, unknown: 1, ok: 2 }

const NOBODY: readonly string[] = []
const NOWHERE: readonly number[] = []
const NO_PLACES: readonly Place[] = []

/**
 * What was in the log: all events that were acknowledged, and those without an answer that somebody heard. Learnt from
 * a whole history before any client is judged, for an acknowledgement may come later than the event.
 */
export class HistoryTruth {
  readonly #events = new Map<string, KnownEvent>()
  /** Heard before their publisher said anything of them. */
  readonly #heard = new Map<string, number[]>()
  #byChannel: Map<string, Place[]> | undefined

  learn(record: HistoryRecord): void {
    if (record.op === 'publish') this.#published(record)
    else if (record.op === 'deliver' && record.position !== null) this.#delivered(record)
  }

  event(name: string): KnownEvent | undefined {
    return this.#events.get(name)
  }

  events(): Iterable<KnownEvent> {
    return this.#events.values()
  }

  /** Positions that two events of a channel share. */
  *collisions(): Generator<readonly [Place, Place]> {
    this.#byChannel ??= this.#sort()
    for (const places of this.#byChannel.values()) {
      for (let i = 1; i < places.length; i++) {
        if (places[i]!.position === places[i - 1]!.position) yield [places[i - 1]!, places[i]!]
      }
    }
  }

  /** Events of a channel after a position, up to and including another. */
  between(channel: string, after: number, through: number): readonly Place[] {
    this.#byChannel ??= this.#sort()
    const places = this.#byChannel.get(channel)
    if (!places || places.at(-1)!.position <= after) return NO_PLACES
    const start = firstAfter(places, after)
    const end = firstAfter(places, through)
    return start === end ? NO_PLACES : places.slice(start, end)
  }

  #published({ event: name, outcome, position, channels, except, ephemeral }: PublishRecord): void {
    let event = this.#events.get(name)
    if (!event) {
      event = {
        name,
        outcome,
        channels,
        except: except ?? NOBODY,
        isEphemeral: ephemeral === true,
        positions: this.#heard.get(name) ?? NOWHERE,
      }
      this.#events.set(name, event)
      this.#heard.delete(name)
    }
    // A try without an answer may have stored it, whatever the next one was told.
    if (CERTAINTY[outcome] > CERTAINTY[event.outcome]) event.outcome = outcome
    if (position !== null) this.#place(event, Number(position))
  }

  #delivered({ event: name, position }: DeliverRecord): void {
    const event = this.#events.get(name)
    if (event) this.#place(event, Number(position))
    else {
      const positions = this.#heard.get(name)
      if (!positions) this.#heard.set(name, [Number(position)])
      else if (!positions.includes(Number(position))) positions.push(Number(position))
    }
  }

  #place(event: KnownEvent, position: number): void {
    if (!event.positions.includes(position)) event.positions = [...event.positions, position]
  }

  #sort(): Map<string, Place[]> {
    const byChannel = new Map<string, Place[]>()
    for (const event of this.#events.values()) {
      // What was refused is reported where it was heard; nobody else has to hear it.
      if (event.isEphemeral || event.outcome === 'fail') continue
      for (const position of event.positions) {
        for (const channel of event.channels) {
          const places = byChannel.get(channel)
          if (places) places.push({ position, event })
          else byChannel.set(channel, [{ position, event }])
        }
      }
    }
    for (const places of byChannel.values()) places.sort((a, b) => a.position - b.position)
    return byChannel
  }
}

/** The index of the first place after a position. */
function firstAfter(places: readonly Place[], position: number): number {
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (places[middle]!.position <= position) low = middle + 1
    else high = middle
  }
  return low
}
