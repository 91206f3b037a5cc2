import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '@redis/client'
import type { RedisPersistence, RedisServer } from '../redis-server.ts'
import { FaultWorld, type FaultWorldSize } from './fault-world.ts'
import { judge } from './judge.ts'

/** How long a run is, and how often harm is done in it. */
export interface FaultRun extends FaultWorldSize {
  readonly durationMs: number
  /** Between two kills of Redis, or of a hub. */
  readonly killEveryMs: number
  /** The longest that Redis stands still. */
  readonly longestStopMs: number
}

/** Something that goes wrong again and again. */
export interface Fault {
  readonly name: string
  readonly persistence: RedisPersistence
  /** Reasons of the gaps that clients may be told, because Redis itself has lost something. */
  readonly gaps: readonly string[]
  /** Does its harm until the time is up, and leaves everything running. */
  harm(world: FaultWorld, run: FaultRun, isOver: () => boolean): Promise<void>
}

/** What a log on Redis has to survive. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'live channels that are cut every 150 ms',
    persistence: 'none',
    gaps: [],
    async harm({ redis }, _run, isOver) {
      await each(isOver, 150, () => command(redis, ['CLIENT', 'KILL', 'TYPE', 'pubsub']))
    },
  },
  {
    name: 'a Redis with AOF that is killed and started again',
    persistence: 'aof',
    gaps: [],
    async harm({ redis }, { killEveryMs }, isOver) {
      await each(isOver, killEveryMs, async () => {
        await redis.kill()
        await delay(500)
        await redis.run()
      })
    },
  },
  {
    name: 'a Redis that stands still',
    persistence: 'none',
    gaps: [],
    async harm({ redis }, { longestStopMs }, isOver) {
      await each(isOver, 1000, async () => {
        redis.signal('SIGSTOP')
        // From one second to the longest, and more often short than long.
        await delay(1000 * (longestStopMs / 1000) ** Math.random())
        redis.signal('SIGCONT')
      })
    },
  },
  {
    name: 'answers of Redis that are swallowed, and then cut',
    persistence: 'none',
    gaps: [],
    async harm({ proxy }, _run, isOver) {
      await each(isOver, 1500, async () => {
        proxy.swallow()
        await delay(300)
        proxy.cut()
      })
    },
  },
  {
    name: 'a hub that is killed while its clients move to the other one',
    persistence: 'none',
    gaps: [],
    async harm(world, { killEveryMs }, isOver) {
      let victim = 0
      await each(isOver, killEveryMs, async () => {
        await world.killHub(victim)
        await delay(500)
        await world.startHub(victim)
        victim = 1 - victim
      })
    },
  },
  {
    name: 'a Redis that is emptied',
    persistence: 'none',
    gaps: ['restarted', 'bad-cursor'],
    async harm({ redis }, { killEveryMs }, isOver) {
      await each(isOver, killEveryMs, () => command(redis, ['FLUSHALL']))
    },
  },
]

/** Lets a fault happen, and has the records of everybody judged: nothing is lost silently, heard twice or out of order. */
export async function survive(test: TestContext, fault: Fault, run: FaultRun): Promise<void> {
  const world = await FaultWorld.start(test, fault.persistence)
  const outcome = await world.run(run, async () => {
    const end = performance.now() + run.durationMs
    await fault.harm(world, run, () => performance.now() >= end)
  })
  const { report, seconds, files, head } = outcome
  const verdict = await judge(files, Number(head))
  const { faults, publishes, deliveries, gaps, reconnects } = verdict
  test.diagnostic(
    `${run.clients} clients, ${(publishes / seconds).toFixed(0)} publishes/s for ${seconds.toFixed(0)} s: ` +
      `${publishes} published (${report.repeated} requests repeated, ${report.duplicates} known), ` +
      `${deliveries} deliveries, ${reconnects} reconnects, gaps ${JSON.stringify(gaps)}`,
  )
  assert.deepEqual(faults.slice(0, 10), [], `${faults.length} promises broken`)
  assert.ok(publishes > (run.perSecond * run.durationMs) / 10_000, `only ${publishes} were published`)
  const untold = Object.keys(gaps).filter((reason) => !fault.gaps.includes(reason))
  assert.deepEqual(untold, [], 'gaps where nothing was lost')
  if (fault.gaps.length > 0) assert.ok(Object.keys(gaps).length > 0, 'nobody was told of the loss')
}

async function each(isOver: () => boolean, everyMs: number, harm: () => Promise<void>): Promise<void> {
  while (!isOver()) {
    await delay(everyMs)
    await harm()
  }
}

async function command({ url }: RedisServer, args: string[]): Promise<void> {
  const client = createClient({ url })
  client.on('error', () => undefined) // it says so where it is asked, too
  await client.connect()
  await client.sendCommand(args)
  client.destroy()
}
