import { Hub } from '@fanline/hub'
import { redisLog } from '@fanline/hub/redis-log'
import { Random } from './random.ts'
import { SimRedisClient } from './redis/redis-client.ts'
import { SimRedisServer } from './redis/redis-server.ts'
import type { World, WorldParts, WorldSettings } from './world.ts'

/** By then every hub has said what it had seen, and time has caught up with the positions. */
const LEAST_BETWEEN_CHANGES_MS = 15_000

interface Node {
  readonly hub: Hub
  readonly client: SimRedisClient
}

/**
 * Several hubs on one Redis: the shipped driver and its shipped scripts on simulated connections. They lag, stall and
 * break; Redis is killed, emptied, comes back with less than it had, or is replaced by a replica whose clock is off.
 *
 * Where Redis loses what it acknowledged, no hub dies in the same run: which events are lost, only those know who saw
 * them. Every second seed is the other way round.
 */
export class RedisWorld implements World {
  readonly isTriedAgain = true
  readonly hasSeveralHubs = true
  readonly turnsPerStep = 4
  readonly mayTellLate = true
  readonly healingMs = 30_000
  readonly #parts: WorldParts
  readonly #server: SimRedisServer
  /** Loses what it acknowledged. */
  readonly losesData: boolean
  /** Of its own, so that it leaves the other seeds as they were. */
  readonly #splits: Random | undefined
  #settings: WorldSettings | undefined
  #changedAt = 0
  #nodes: Node[] = []
  /** Where somebody may come out who asks for a hub. */
  #isReachable: (node: Node) => boolean = () => true

  constructor(parts: WorldParts) {
    this.#parts = parts
    this.losesData = parts.random.oneIn(2)
    this.#splits = parts.seed % 4 < 2 ? undefined : new Random(-parts.seed)
    this.#server = new SimRedisServer(parts.random, parts.clock, parts.violate)
  }

  begin(settings: WorldSettings): void {
    this.#settings = settings
    this.#nodes = Array.from({ length: this.#parts.random.between(2, 3) }, () => this.#start())
  }

  hub(): Hub {
    const reachable = this.#nodes.filter((node) => this.#isReachable(node))
    // Others may have taken the places of those that were.
    return this.#parts.random.pick(reachable.length > 0 ? reachable : this.#nodes).hub
  }

  hubs(): readonly Hub[] {
    return this.#nodes.map(({ hub }) => hub)
  }

  act(): void {
    const { random } = this.#parts
    if (!random.oneIn(12)) return
    const dice = random.between(1, 20)
    const connections = this.#server.connections()
    if (dice <= 8 && connections.length > 0) random.pick(connections).cut()
    else if (dice <= 14 && connections.length > 0)
      random.pick(connections).stall(random.pick([20, 500, 4000, 9000]))
    else if (dice <= 16) this.#server.keep()
    else if (dice === 17) this.#setClock()
    else this.#change()
  }

  restart(): void {
    if (this.losesData) return
    this.#replace(this.#parts.random.pick(this.#nodes))
  }

  calm(): void {
    this.#heal()
    for (const connection of this.#server.connections()) connection.resume()
  }

  /** Whether a script that was not answered has run, nobody knows; before the log was open none was sent. */
  outcomeOf(error: Error & { code?: string; detail?: string }): 'fail' | 'unknown' | undefined {
    if (error.detail === 'It is not open yet.') return 'fail'
    return error.code === 'log-unavailable' ? 'unknown' : undefined
  }

  /** Other data, or another server behind the same. */
  #change(): void {
    const { random, clock } = this.#parts
    if (clock.now() - this.#changedAt < LEAST_BETWEEN_CHANGES_MS) return
    this.#changedAt = clock.now()
    const dice = random.between(1, 6)
    if (!this.losesData || dice === 6) this.#crash('everything')
    else if (this.#splits) this.#split(this.#splits)
    else if (dice <= 3) this.#crash('snapshot')
    else if (dice === 4) this.#flushAll()
    else this.#failOver()
  }

  /**
   * The network splits: Redis serves one hub alone, then the others alone, by a replica without what it did meanwhile.
   * What is lost only that hub knows, which can tell nobody for a while.
   */
  #split(random: Random): void {
    const { clock, note } = this.#parts
    const lonely = random.pick(this.#nodes)
    const others = this.#nodes.filter((node) => node !== lonely)
    const awayMs = random.pick([2000, 5000, 20_000])
    // What a second loss would take with it is the question that only the hub which is away could answer.
    this.#changedAt = clock.now() + awayMs
    this.#server.keep()
    for (const { client } of others) client.cutOff()
    this.#isReachable = (node) => node === lonely
    clock.after(random.pick([400, 2000]), () => {
      note(`the network splits; the hub that was alone with Redis is away for ${awayMs} ms`)
      for (const { client } of others) client.mend()
      lonely.client.cutOff()
      this.#isReachable = (node) => node !== lonely
      // Its clients have passed the loss unknowing, and may be nowhere when it is told.
      clock.after(awayMs - 100, () => {
        const unknowing = others.filter((node) => this.#nodes.includes(node))
        if (unknowing.length > 0) this.#replace(random.pick(unknowing))
      })
      clock.after(awayMs, () => this.#heal())
      this.#failOver()
    })
  }

  #heal(): void {
    for (const { client } of this.#nodes) client.mend()
    this.#isReachable = () => true
  }

  #crash(keeps: 'everything' | 'snapshot'): void {
    this.#parts.note(`Redis crashes and keeps ${keeps}`)
    this.#server.crash(this.#parts.random.pick([10, 400, 3000]), keeps)
  }

  #flushAll(): void {
    this.#parts.note('Redis is emptied')
    this.#server.flushAll()
  }

  #setClock(): void {
    const skewMs = this.#parts.random.between(-2000, 2000)
    this.#parts.note(`the clock of Redis is ${skewMs} ms off`)
    this.#server.setClock(skewMs)
  }

  /** A replica that lags takes over. */
  #failOver(): void {
    this.#setClock()
    this.#crash('snapshot')
  }

  /** The process of a node dies, and another takes its place. */
  #replace(node: Node): void {
    this.#parts.note('a node dies')
    node.client.kill()
    this.#parts.died(node.hub)
    this.#nodes[this.#nodes.indexOf(node)] = this.#start()
  }

  #start(): Node {
    const { clock, violate } = this.#parts
    const { options, tuning } = this.#settings!
    const client = new SimRedisClient(this.#server, clock)
    const hub = new Hub({
      log: redisLog({ client, history: options.history as never }),
      clock,
      options,
      tuning,
      report: (problem) => {
        // A reader whose Redis does not answer is told to come back.
        if (problem.code !== 'log-unavailable') violate(`reported: ${problem.stack}`)
      },
    })
    const node = { hub, client }
    // A process that cannot open its log ends, and is started again.
    hub.ready.catch(() => {
      if (this.#nodes.includes(node)) clock.after(500, () => this.#replace(node))
    })
    return node
  }
}
