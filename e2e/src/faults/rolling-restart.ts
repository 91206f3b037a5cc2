import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { eventually } from '../eventually.ts'
import type { CrowdSize } from './crowd.ts'
import { FaultWorld } from './fault-world.ts'
import { judge } from './judge.ts'

/** How much is restarted, and in front of whom. */
export interface RollingRestart extends CrowdSize {
  /** How often both nodes are restarted, one after the other. */
  readonly rounds: number
  /** Streams a node lets in, in a second. */
  readonly connectionsPerSecond: number
  readonly drainMs: number
  /** The longest that 99 of 100 returns may take until everything missed was heard, in milliseconds. */
  readonly caughtUpP99Ms?: number
}

/** How often everybody is sent a beat, and each node asked how many streams it has opened, in milliseconds. */
const BEAT_MS = 500

/** How long all clients may take to be back, in milliseconds: whoever is sent away comes again within half a minute. */
const BACK_MS = 90_000

/** Restarts two nodes behind nginx again and again while events are published, and has the records of everybody judged. */
export async function restartAllTheTime(test: TestContext, run: RollingRestart): Promise<void> {
  const { clients, rounds, connectionsPerSecond, drainMs, caughtUpP99Ms = Number.POSITIVE_INFINITY } = run
  const hubFlags = [
    ...['--limits-connections-per-second', String(connectionsPerSecond)],
    ...['--shutdown-drain-ms', String(drainMs)],
  ]
  const world = await FaultWorld.start(test, 'none', { hubFlags, isBalanced: true })
  const admissions = [new Admissions(world, 0), new Admissions(world, 1)]
  test.after(() => Promise.all(admissions.map((watched) => watched.stop())))
  const { report, seconds, caughtUpMs, refusals, files } = await world.run(run, async () => {
    const stopBeats = world.beat(BEAT_MS)
    try {
      for (let round = 0; round < rounds; round++) {
        for (const [node, watched] of admissions.entries()) {
          await watched.stop()
          assert.equal(await world.shutDownHub(node), 0)
          await world.startHub(node)
          watched.start()
          const areBack = async (): Promise<boolean> => (await connectionsOf(world)) === clients
          await eventually(areBack, 'all clients are back', BACK_MS)
        }
      }
    } finally {
      await stopBeats()
    }
  })
  for (const watched of admissions) await watched.stop()
  const verdict = await judge(files)
  const sorted = caughtUpMs.toSorted((a, b) => a - b)
  const p99 = sorted[Math.floor(sorted.length * 0.99)]!
  const highest = Math.max(...admissions.map(({ highestPerSecond }) => highestPerSecond))
  test.diagnostic(
    `${2 * rounds} restarts in ${seconds.toFixed(0)} s, ${clients} clients, ${verdict.published.ok} published ` +
      `(${report.repeated} requests repeated), ${verdict.delivered} deliveries, ${sorted.length} returns, caught up ` +
      `within p50 ${sorted[sorted.length >> 1]} ms, p99 ${p99} ms; at most ${highest.toFixed(0)} streams let in a second`,
  )
  assert.deepEqual(
    { faults: verdict.faults, violations: verdict.violations.slice(0, 10) },
    { faults: {}, violations: [] },
  )
  assert.deepEqual({ ...verdict.gaps, ...verdict.needlessGaps }, {}, 'gaps where nothing was lost')
  assert.deepEqual(refusals, [], 'an EventSource would have given up')
  assert.ok(sorted.length >= clients * rounds, `only ${sorted.length} returns`)
  assert.ok(p99 < caughtUpP99Ms, `p99 ${p99} ms`)
  // What a late timer has missed is made up for: a tenth of a second's worth at the most.
  assert.ok(highest <= 1.1 * connectionsPerSecond, `a node let in ${highest} a second`)
}

async function connectionsOf(world: FaultWorld): Promise<number> {
  const counts = await Promise.all([0, 1].map((node) => world.metricOf(node, 'fanline_connections')))
  return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
}

/** Watches how many streams a node lets in. */
class Admissions {
  highestPerSecond = 0
  readonly #world: FaultWorld
  readonly #node: number
  #isWatching = false
  #watching: Promise<void> = Promise.resolve()

  constructor(world: FaultWorld, node: number) {
    this.#world = world
    this.#node = node
    this.start()
  }

  start(): void {
    this.#isWatching = true
    this.#watching = this.#watch()
  }

  stop(): Promise<void> {
    this.#isWatching = false
    return this.#watching
  }

  async #watch(): Promise<void> {
    let before: { readonly askedAt: number; readonly opened: number } | undefined
    while (this.#isWatching) {
      const askedAt = performance.now()
      const opened = await this.#world.metricOf(this.#node, 'fanline_connections_opened_total')
      if (opened === undefined) return
      if (before) {
        // The longest that can lie between the two counts, so that a late answer blames nobody. One may come at once.
        const passedS = (performance.now() - before.askedAt) / 1000
        this.highestPerSecond = Math.max(this.highestPerSecond, (opened - before.opened - 1) / passedS)
      }
      before = { askedAt, opened }
      await new Promise((resolve) => setTimeout(resolve, BEAT_MS))
    }
  }
}
