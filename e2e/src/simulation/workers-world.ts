import { Hub, memoryLog } from '@fanline/hub'
import { type WirePair, wirePair } from '@fanline/hub/testing'
import { LogOwner, workerLog } from '@fanline/hub/worker-log'
import type { World, WorldParts, WorldSettings } from './world.ts'

interface Worker {
  readonly hub: Hub
  readonly wires: WirePair
  /** Its process has ended, as the owner of the log sees it. */
  leave(): void
}

/**
 * Several hubs in processes of their own, and the log in memory in one more. Words between them take their time. A worker
 * dies, which may be noticed only later; the process that has the log dies, and all with it.
 */
export class WorkersWorld implements World {
  readonly isTriedAgain = true
  readonly hasSeveralHubs = true
  readonly losesData = false
  readonly turnsPerStep = 2
  readonly mayTellLate = false
  readonly healingMs = 0
  readonly #parts: WorldParts
  #settings: WorldSettings | undefined
  #owner: LogOwner | undefined
  #workers: Worker[] = []

  constructor(parts: WorldParts) {
    this.#parts = parts
  }

  begin(settings: WorldSettings): void {
    this.#settings = settings
    this.#startAll(this.#parts.random.between(2, 4))
  }

  hub(): Hub {
    return this.#parts.random.pick(this.#workers).hub
  }

  hubs(): readonly Hub[] {
    return this.#workers.map(({ hub }) => hub)
  }

  act(): void {
    const { random } = this.#parts
    if (random.oneIn(60)) this.#replace(random.pick(this.#workers))
  }

  /** The process that has the log dies, and with it what it had in memory. */
  restart(): void {
    const { random, clock, died, note } = this.#parts
    note('the process that has the log dies')
    const workers = this.#workers
    for (const { hub, wires } of workers) {
      wires.cut()
      died(hub)
    }
    clock.pass(random.between(1, 500))
    this.#startAll(workers.length)
  }

  calm(): void {
    // What was broken was replaced at once.
  }

  /** What a worker was doing when it died, nobody knows; before its log was open it did nothing. */
  outcomeOf(error: Error & { detail?: string }): 'fail' | undefined {
    return error.detail === 'It is not open yet.' ? 'fail' : undefined
  }

  #startAll(count: number): void {
    const { history } = this.#settings!.options
    const { clock, violate } = this.#parts
    this.#owner = new LogOwner(memoryLog({ history: history as never, clock }), {
      clock,
      onProblem: (problem) => violate(`reported: ${problem.stack}`),
    })
    this.#workers = Array.from({ length: count }, () => this.#start())
  }

  /** What it had sent may still arrive, and what is sent to it no longer does, until its end is noticed. */
  #replace(worker: Worker): void {
    const { random, clock, died, note } = this.#parts
    note('a worker dies')
    worker.wires.cut()
    died(worker.hub)
    if (random.oneIn(2)) worker.leave()
    else clock.after(random.between(1, 2000), () => worker.leave())
    this.#workers[this.#workers.indexOf(worker)] = this.#start()
  }

  #start(): Worker {
    const { clock, violate } = this.#parts
    const { options, tuning } = this.#settings!
    const wires = wirePair(clock)
    const [own, others] = wires.ends
    const leave = this.#owner!.join(others, { onStuck: () => violate('a worker was taken for stuck') })
    const hub = new Hub({
      log: workerLog({ wire: own, nodeName: 'worker', clock }),
      clock,
      options,
      tuning,
      report: (problem) => violate(`reported: ${problem.stack}`),
    })
    return { hub, wires, leave }
  }
}
