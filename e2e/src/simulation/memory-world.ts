import { Hub, memoryLog } from '@fanline/hub'
import { awkwardLog } from '@fanline/hub/testing'
import type { World, WorldParts, WorldSettings } from './world.ts'

/** One process with its history in memory, on a log that is as awkward as its port allows every second time. */
export class MemoryWorld implements World {
  readonly isTriedAgain = false
  readonly hasSeveralHubs = false
  readonly losesData = false
  readonly turnsPerStep = 0
  readonly mayTellLate = false
  readonly healingMs = 0
  readonly #parts: WorldParts
  readonly #isAwkward: boolean
  #settings: WorldSettings | undefined
  #hub: Hub | undefined
  #calmLog: () => void = () => undefined

  constructor(parts: WorldParts) {
    this.#parts = parts
    this.#isAwkward = parts.random.oneIn(2)
  }

  begin(settings: WorldSettings): void {
    this.#settings = settings
    this.#hub = this.#start()
  }

  hub(): Hub {
    return this.#hub!
  }

  hubs(): readonly Hub[] {
    return [this.#hub!]
  }

  act(): void {
    // What can happen to a memory is the end of its process.
  }

  /** The process dies and starts anew, with nothing in memory. */
  restart(): void {
    const { random, clock, died } = this.#parts
    died(this.#hub!)
    clock.pass(random.between(1, 500))
    this.#hub = this.#start()
  }

  calm(): void {
    this.#calmLog()
  }

  /** Who waited too long for the log of a new process was told, and may try again. */
  outcomeOf(error: Error & { detail?: string }): 'fail' | undefined {
    return error.detail === 'It is not open yet.' ? 'fail' : undefined
  }

  #start(): Hub {
    const { clock, violate } = this.#parts
    const { options, tuning } = this.#settings!
    let log = memoryLog({ history: options.history as never, clock })
    if (this.#isAwkward) {
      const awkward = awkwardLog(log, { clock })
      this.#calmLog = () => awkward.calm()
      log = awkward
    }
    return new Hub({
      log,
      clock,
      options,
      tuning,
      report: (problem) => violate(`reported: ${problem.stack}`),
    })
  }
}
