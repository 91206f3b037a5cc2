import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '@redis/client'
import type { RedisPersistence, RedisServer } from '../redis-server.ts'
import type { CrowdSize } from './crowd.ts'
import { FaultWorld } from './fault-world.ts'
import { judge } from './judge.ts'

/** How long a run is, and how often harm is done in it. */
export interface FaultRun extends CrowdSize {
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
  /** What clients are told, because Redis itself has lost something; undefined where nothing is lost. */
  readonly gap: string | undefined
  /** What they may be told, because Redis may have lost something. */
  readonly possibleGap?: string
  /** Does its harm until the time is up, and leaves everything running. */
  harm(world: FaultWorld, run: FaultRun, isOver: () => boolean): Promise<void>
}

/** What `npm test` does with each of them. */
export const SHORT_RUN: FaultRun = {
  clients: 200,
  channels: 50,
  perSecond: 400,
  durationMs: 3000,
  killEveryMs: 1000,
  longestStopMs: 2000,
}

/** What a log on Redis has to survive. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'live channels that are cut every 150 ms',
    persistence: 'none',
    gap: undefined,
    async harm({ redis }, _run, isOver) {
      await each(isOver, 150, () => command(redis, ['CLIENT', 'KILL', 'TYPE', 'pubsub']))
    },
  },
  {
    name: 'a Redis with AOF that is killed and started again',
    persistence: 'aof',
    gap: undefined,
    // While a flush is under way on a busy disk, Redis answers before it writes, for up to two seconds.
    possibleGap: 'rollback',
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
    gap: undefined,
    async harm({ redis }, { longestStopMs }, isOver) {
      await each(isOver, 1000, async () => {
        redis.signal('SIGSTOP')
        // From one second to the longest, and more often short than long.
        const stopMs = 1000 * (longestStopMs / 1000) ** Math.random()
        await delay(stopMs)
        redis.signal('SIGCONT')
        await delay(stopMs / 2)
      })
    },
  },
  {
    name: 'answers of Redis that are swallowed, and then cut',
    persistence: 'none',
    gap: undefined,
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
    gap: undefined,
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
    gap: 'restarted',
    async harm({ redis }, { killEveryMs }, isOver) {
      await each(isOver, killEveryMs, () => command(redis, ['FLUSHALL']))
    },
  },
  {
    name: 'a Redis that only takes snapshots, and is killed',
    persistence: 'snapshots',
    gap: 'rollback',
    async harm({ redis }, { killEveryMs }, isOver) {
      await each(isOver, killEveryMs / 2, async () => {
        await command(redis, ['SAVE'])
        await delay(killEveryMs / 2)
        await redis.kill()
        await redis.run()
      })
    },
  },
]

/** Lets a fault happen, and has the records of everybody judged: nothing is lost silently, heard twice or out of order. */
export async function survive(test: TestContext, fault: Fault, run: FaultRun): Promise<void> {
  const world = await FaultWorld.start(test, fault.persistence)
  const { report, seconds, files } = await world.run(run, async () => {
    const end = performance.now() + run.durationMs
    await fault.harm(world, run, () => performance.now() >= end)
  })
  const { published, delivered, clients, connects, gaps, needlessGaps, admittedLosses, faults, violations } =
    await judge(files)
  test.diagnostic(
    `${clients} clients, ${(published.ok / seconds).toFixed(0)} publishes/s for ${seconds.toFixed(0)} s: ` +
      `${published.ok} published (${report.repeated} requests repeated, ${report.duplicates} events known then), ` +
      `${delivered} deliveries, ${connects - clients} reconnects, gaps ${JSON.stringify(gaps)} ` +
      `for ${admittedLosses} events`,
  )
  assert.deepEqual({ faults, violations: violations.slice(0, 10) }, { faults: {}, violations: [] })
  assert.ok(published.ok > (run.perSecond * run.durationMs) / 50_000, `only ${published.ok} were published`)
  const others = Object.keys({ ...gaps, ...needlessGaps }).filter(
    (reason) => reason !== fault.gap && reason !== fault.possibleGap,
  )
  assert.deepEqual(others, [], 'gaps where nothing was lost')
  if (fault.gap !== undefined) {
    assert.ok((gaps[fault.gap] ?? 0) >= clients, 'not everybody was told of the loss')
  }
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
