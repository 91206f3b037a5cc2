import { type Clock, systemClock } from '../clock.ts'
import type { Wire } from '../log/worker/wire.ts'

/** Both ends of a way between two processes that are one: what is sent arrives some turns later, in order, as a clone. */
export interface WirePair {
  readonly ends: readonly [Wire, Wire]
  /** Nothing that was sent arrives any more: one of the processes is dead. */
  cut(): void
}

/** Makes such a way. */
export function wirePair(clock: Pick<Clock, 'defer'> = systemClock): WirePair {
  let isCut = false
  const listeners: ((message: never) => void)[] = []
  const end = (own: number, other: number): Wire => {
    const onTheWay: unknown[] = []
    return {
      send(message) {
        onTheWay.push(structuredClone(message))
        clock.defer(() => {
          // Turns may be taken in any order, words not.
          const next = onTheWay.shift()
          if (!isCut) listeners[other]?.(next as never)
        })
      },
      receive(listener) {
        listeners[own] = listener
      },
    }
  }
  return {
    ends: [end(0, 1), end(1, 0)],
    cut: () => {
      isCut = true
    },
  }
}
