import type { TestContext } from 'node:test'
import { freePort } from '../free-port.ts'
import { startNginx } from '../proxies/running-nginx.ts'
import { type RedisPersistence, RedisServer } from '../redis-server.ts'
import { type RunningServer, startServer } from '../running-server.ts'
import { Crowd, type CrowdSize, type Outcome } from './crowd.ts'
import { type SwallowingProxy, startSwallowingProxy } from './swallowing-proxy.ts'

/** How the hubs run, and how clients come to them. */
export interface FaultWorldOptions {
  readonly hubFlags?: readonly string[]
  /** With nginx in front, and clients that come back when they are told to; else each tries one hub after the other. */
  readonly isBalanced?: boolean
}

/** Everything of the longest run stays in the history, so that no gap is the history's. */
export const ROOMY: readonly string[] = ['--history-max-events', '100000', '--history-max-bytes', '100000000']

/** Two hubs as processes on one real Redis behind a proxy, with subscribers and publishers in processes of their own. */
export class FaultWorld {
  readonly redis: RedisServer
  readonly proxy: SwallowingProxy
  readonly #ports: readonly number[]
  readonly #hubFlags: readonly string[]
  readonly #hubs: (RunningServer | undefined)[] = []
  readonly #crowd: Crowd

  private constructor(
    redis: RedisServer,
    proxy: SwallowingProxy,
    ports: readonly number[],
    hubFlags: readonly string[],
    crowd: Crowd,
  ) {
    this.redis = redis
    this.proxy = proxy
    this.#ports = ports
    this.#hubFlags = hubFlags
    this.#crowd = crowd
  }

  static async start(
    test: TestContext,
    persistence: RedisPersistence,
    { hubFlags = [], isBalanced = false }: FaultWorldOptions = {},
  ): Promise<FaultWorld> {
    const redis = await RedisServer.start(persistence)
    test.after(() => redis.stop())
    const proxy = await startSwallowingProxy(redis.port)
    test.after(() => proxy.close())
    const ports = [await freePort(), await freePort()]
    const entrance = isBalanced ? Number(new URL(await startNginx(test, ports)).port) : undefined
    const world = new FaultWorld(redis, proxy, ports, hubFlags, new Crowd(test, { ports, entrance }))
    test.after(() => Promise.all(world.#hubs.map((hub) => hub?.stop('SIGKILL'))))
    await Promise.all([world.startHub(0), world.startHub(1)])
    return world
  }

  async startHub(index: number): Promise<void> {
    const flags = ['--redis', `redis://127.0.0.1:${this.proxy.port}`, ...ROOMY, ...this.#hubFlags]
    const env = { NODE_ENV: 'development' }
    this.#hubs[index] = await startServer(['dev', ...flags], { port: this.#ports[index], env })
  }

  async killHub(index: number): Promise<void> {
    await this.#hubs[index]?.stop('SIGKILL')
  }

  /** Lets a hub say farewell, and resolves with its exit code. */
  async shutDownHub(index: number): Promise<number | null | undefined> {
    return this.#hubs[index]?.stop('SIGTERM')
  }

  /** A figure of a hub; undefined when it does not answer. */
  async metricOf(index: number, name: string): Promise<number | undefined> {
    const answer = await fetch(`http://localhost:${this.#ports[index]}/metrics`).catch(() => undefined)
    const [, value] =
      new RegExp(`^${name} (\\S+)$`, 'm').exec((await answer?.text().catch(() => '')) ?? '') ?? []
    return value === undefined ? undefined : Number(value)
  }

  /** Publishes beats, until the answer is called, which resolves when the last one is published. */
  beat(everyMs: number): () => Promise<void> {
    return this.#crowd.beat(everyMs)
  }

  /**
   * Lets everybody work while `fault` does its harm, and then come to rest. Resolves with its records.
   * @throws Error when not all clients hear the last event in time
   */
  run(size: CrowdSize, fault: () => Promise<void>): Promise<Outcome> {
    return this.#crowd.run(size, fault)
  }
}
