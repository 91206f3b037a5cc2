import type { Hub, HubOptionsInput, PublishRequest, Tuning } from '@fanline/hub'
import { checkHistory, type HistoryFault, type HistoryRecord } from '@fanline/hub/testing'
import { DiskWorld } from './disk-world.ts'
import { MemoryWorld } from './memory-world.ts'
import { Random } from './random.ts'
import { RedisWorld } from './redis-world.ts'
import { SimClient } from './sim-client.ts'
import { SimClock } from './sim-clock.ts'
import { withSimulatedGlobals } from './simulated-globals.ts'
import { WorkersWorld } from './workers-world.ts'
import type { World, WorldParts } from './world.ts'

const CHANNELS = ['a', 'b', 'c', 'd']
/** Followed by nobody at first, so that who wants one of them makes the log watch it. */
const LATER_CHANNELS = ['e', 'f', 'g', 'h']
const USERS = ['u', 'v']
const STEPS = 500
/** After so long a publisher without an answer tries again. */
const RETRY_MS = 500

type Publish = Extract<HistoryRecord, { op: 'publish' }>

/** More turns than any run needs to settle once all faults have ended. */
const SETTLING_TURNS = 20_000

/** What one run did, and what was wrong with it. */
export interface SimulationReport {
  readonly seed: number
  readonly violations: readonly string[]
  readonly published: number
  readonly heard: number
  readonly gaps: number
  /** Gaps in which nothing was lost to their client. */
  readonly needlessGaps: number
  readonly reconnects: number
}

/** Where hubs may live. */
export const WORLDS = {
  memory: MemoryWorld,
  redis: RedisWorld,
  disk: DiskWorld,
  workers: WorkersWorld,
} as const
export type WorldName = keyof typeof WORLDS

/**
 * Runs the shipped hub, connection, fan-out and a shipped log under a seed: random publishes, slow and cut connections,
 * trims, restarts, and what befalls the log of that world. What the clients heard is judged by the history checker.
 * @param trace hears of everything that happens, a line each
 */
export async function simulate(
  seed: number,
  world: WorldName = 'memory',
  trace?: (line: string) => void,
): Promise<SimulationReport> {
  const random = new Random(seed)
  const clock = new SimClock(random)
  return withSimulatedGlobals(clock, random, async () => {
    const run = new Simulation(seed, { random, clock, world, trace })
    try {
      await run.live()
      await run.settle()
    } catch (error) {
      run.violations.push(`the run failed: ${error instanceof Error ? error.stack : String(error)}`)
    }
    return run.report()
  })
}

class Simulation {
  readonly violations: string[] = []
  readonly #seed: number
  readonly #random: Random
  /** Every second seed also changes channels of open connections; a dice of its own leaves the other seeds as they were. */
  readonly #changes: Random | undefined
  readonly #clock: SimClock
  readonly #clients: SimClient[]
  readonly #history: HistoryRecord[] = []
  /** Published, and neither acknowledged nor refused yet. */
  readonly #unanswered = new Map<string, Publish>()
  readonly #world: World
  readonly #dead = new Set<Hub>()
  readonly #trace: ((line: string) => void) | undefined
  #serial = 0
  #reconnects = 0

  constructor(
    seed: number,
    parts: { random: Random; clock: SimClock; world: WorldName; trace: ((line: string) => void) | undefined },
  ) {
    const { random, clock } = parts
    this.#seed = seed
    this.#random = random
    this.#clock = clock
    this.#trace = parts.trace
    this.#changes = seed % 2 === 1 ? new Random(-seed) : undefined
    const worldParts: WorldParts = {
      seed,
      random,
      clock,
      violate: (what) => this.violations.push(what),
      note: (what) => parts.trace?.(what),
      died: (hub) => this.#died(hub),
    }
    this.#world = new WORLDS[parts.world](worldParts)
    const tuning: Partial<Tuning> = {
      feedEntries: random.pick([2, 10, 4096]),
      framesLength: random.pick([500, 1_000_000]),
      pageEntries: random.pick([1, 3, 512]),
      pageBytes: random.pick([100, 65_536]),
      // Without chance, so that the other seeds stay as they were.
      ...(seed % 7 === 0 && { flushLength: 200, waitingLength: 500 }),
    }
    const options: HubOptionsInput = {
      history: {
        maxEvents: random.pick([3, 20, 1000]),
        maxAgeMs: random.pick([1000, 60_000, 3_600_000]),
        totalBytes: random.pick([65_536, 1_000_000]),
        maxBytes: random.pick([2000, 65_536]),
      },
      delivery: { heartbeatMs: random.pick([1000, 15_000]), stallTimeoutMs: random.pick([2000, 30_000]) },
    }
    this.#world.begin({ options, tuning })
    this.#clients = Array.from({ length: random.between(2, 6) }, (_, i) => {
      const user = random.oneIn(3) ? undefined : random.pick(USERS)
      const channels = random.some(CHANNELS)
      const record = (record: HistoryRecord): void => this.#record(record)
      return new SimClient(`client ${i}`, { user, channels, random, record })
    })
  }

  /** Faults and traffic. */
  async live(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      this.#act()
      if (this.#changes) this.#changeChannels(this.#changes)
      await microtasks()
      for (let turn = 0; turn < this.#world.turnsPerStep; turn++) {
        this.#clock.step()
        await microtasks()
      }
    }
  }

  /** No more faults: everybody connects, and everything must arrive. */
  async settle(): Promise<void> {
    this.#world.calm()
    let healingMs = this.#world.healingMs
    for (let turn = 0; turn < SETTLING_TURNS; turn++) {
      // Where everybody tries again at once, a log that tries again in a moment needs that moment.
      if (turn % 100 === 99) this.#clock.pass(100)
      let moved = this.#clock.busy
      this.#clock.step()
      for (const client of this.#clients) {
        if (!client.isConnected) {
          client.connect(this.#world.hub())
          moved = true
        } else if (client.sink!.bufferedBytes() > 0) {
          client.sink!.flow()
          moved = true
        }
      }
      await microtasks()
      if (!moved && !this.#clock.busy) {
        // Time-outs that are on their way, and the tick that moves idle cursors, need time to pass.
        if (this.#everybodyIsLive()) {
          if (healingMs <= 0) {
            this.#history.push({ op: 'end' })
            return
          }
          healingMs -= 1000
        }
        this.#clock.pass(1000)
      }
    }
    this.violations.push('the run did not settle')
  }

  report(): SimulationReport {
    for (const publish of this.#unanswered.values()) this.#history.push(publish)
    const verdict = checkHistory(this.#history)
    const mustKeep = (fault: HistoryFault): boolean => {
      if (fault === 'late-rollback') return !this.#world.mayTellLate
      return fault !== 'late-ephemeral' || !this.#world.hasSeveralHubs
    }
    const broken = verdict.violations.filter(({ fault }) => mustKeep(fault))
    for (const { fault, client, what } of broken.slice(0, 10)) {
      this.violations.push(`${fault}: ${client}: ${what}`)
    }
    // Each client comes with an id that it was given.
    if (verdict.gaps['bad-cursor']) this.violations.push('a hub did not know a cursor that it had given')
    for (const { name, violations } of this.#clients) {
      this.violations.push(...violations.slice(0, 5).map((what) => `${name}: ${what}`))
    }
    for (const info of this.#world.hubs().flatMap((hub) => [...hub.connections()])) {
      if (info.state !== 'live') this.violations.push(`a connection ended as ${info.state}, not live`)
    }
    return {
      seed: this.#seed,
      violations: this.violations,
      published: verdict.published.ok,
      heard: verdict.delivered,
      gaps: sum(verdict.gaps),
      needlessGaps: verdict.needlessGaps.trimmed ?? 0,
      reconnects: this.#reconnects,
    }
  }

  #act(): void {
    const random = this.#random
    this.#world.act()
    const client = random.pick(this.#clients)
    const dice = random.between(1, 100)
    if (dice <= 16) this.#publish()
    else if (dice <= 65) for (let turns = random.between(1, 4); turns > 0; turns--) this.#clock.step()
    else if (dice <= 82) client.sink?.flow()
    else if (dice <= 90) this.#connectOrCut(client)
    else if (dice <= 97) this.#clock.pass(random.pick([1, 10, 200, 3000]))
    else if (dice === 98) this.#burst()
    else if (dice === 99) this.#world.hub().disconnect({ user: random.pick(USERS) })
    else if (random.oneIn(4)) this.#world.restart()
  }

  #connectOrCut(client: SimClient): void {
    if (client.isConnected) client.sink!.cut()
    else {
      this.#reconnects++
      client.connect(this.#world.hub())
    }
  }

  /** Much is published meanwhile: some of it before the log watches what was added. */
  #changeChannels(changes: Random): void {
    if (changes.oneIn(7)) {
      const wanted = [...CHANNELS, ...LATER_CHANNELS].filter(() => changes.oneIn(3))
      changes.pick(this.#clients).change(wanted)
    }
    if (changes.oneIn(4)) {
      this.#publishTo({ channels: changes.some(LATER_CHANNELS) }, this.#padding(changes), changes)
    }
  }

  #burst(): void {
    const count = this.#random.between(5, 40)
    for (let i = 0; i < count; i++) this.#publish()
  }

  #publish(): void {
    const random = this.#random
    const padding = this.#padding(random)
    if (random.oneIn(6)) this.#publishTo({ all: true }, padding, random)
    else if (random.oneIn(4)) this.#publishTo({ users: random.some(USERS) }, padding, random)
    else this.#publishTo({ channels: random.some(CHANNELS) }, padding, random)
  }

  #padding(random: Random): string {
    return 'x'.repeat(random.pick([0, 10, 300]))
  }

  #publishTo(target: Partial<PublishRequest>, padding: string, random: Random): void {
    const event = `p${++this.#serial}`
    const except = random.oneIn(5) ? [random.pick(USERS)] : []
    const ephemeral = random.oneIn(8)
    const request: PublishRequest = { ...target, except, ephemeral, data: { name: event, padding } }
    if (this.#world.isTriedAgain && random.oneIn(2)) request.key = event
    const { all, users = [], channels = [] } = target
    const publish: Publish = {
      op: 'publish',
      event,
      outcome: 'unknown',
      position: null,
      channels: [...(all ? ['@all'] : []), ...users.map((user) => `@user:${user}`), ...channels],
      except,
      ephemeral,
    }
    this.#send(request, publish)
  }

  /** Who is not told that it was stored, and gave a key, tries again wherever it can. */
  #send(request: PublishRequest, publish: Publish): void {
    const hub = this.#world.hub()
    const { event } = publish
    this.#unanswered.set(event, publish)
    const answered = (answer: Pick<Publish, 'outcome' | 'position'>): void => {
      // A process that has died tells nobody what became of it.
      if (this.#dead.has(hub)) return
      this.#unanswered.delete(event)
      this.#record({ ...publish, ...answer })
    }
    hub.publish(request).then(
      ({ id }) => answered({ outcome: 'ok', position: id }),
      (error) => {
        const outcome = this.#world.outcomeOf(error)
        if (!outcome) this.violations.push(`a publish failed: ${error.stack}`)
        answered({ outcome: outcome ?? 'unknown', position: null })
        if (request.key === undefined || this.#dead.has(hub)) return
        // Nothing tells it from another one when its key is forgotten.
        if (request.ephemeral && this.#world.losesData) return
        this.#clock.after(RETRY_MS, () => this.#send(request, publish))
      },
    )
  }

  #record(record: HistoryRecord): void {
    this.#history.push(record)
    this.#trace?.(JSON.stringify(record))
  }

  #died(hub: Hub): void {
    this.#dead.add(hub)
    for (const client of this.#clients) if (client.hub === hub) client.sink?.cut()
  }

  #everybodyIsLive(): boolean {
    return this.#clients.every(({ isLive }) => isLive)
  }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

/** A turn of the real event loop, which the seed does not own. */
const { setImmediate: nextTurn } = globalThis

/** Lets every promise that can go on do so. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve))
}
