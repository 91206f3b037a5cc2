import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../eventually.ts'
import { freePort } from '../free-port.ts'
import { startServer } from '../running-server.ts'
import { Crowd, type CrowdSize } from './crowd.ts'
import { ROOMY } from './fault-world.ts'
import { judge } from './judge.ts'

const API_KEY = 'a-key-of-those-who-are-about-to-be-killed'

/** How long a run is, and how often a worker is killed in it. */
export interface KilledWorkersRun extends CrowdSize {
  readonly workers: number
  readonly durationMs: number
  readonly killEveryMs: number
}

/**
 * Kills one worker after the other while everybody works: others take their places, and nobody misses anything. A
 * connection that was on its way to the worker that dies ends, too: clients wait for as long as it is open.
 */
export async function killWorkers(test: TestContext, run: KilledWorkersRun): Promise<void> {
  const { workers, durationMs, killEveryMs } = run
  const port = await freePort()
  const env = { FANLINE_API_KEY: API_KEY }
  const server = await startServer(['start', '--workers', String(workers), ...ROOMY], { port, env })
  test.after(() => server.stop('SIGKILL'))
  const crowd = new Crowd(test, { ports: [port], apiKey: API_KEY })
  let killed = 0
  const { files, report, seconds, refusals } = await crowd.run(run, async () => {
    for (const end = performance.now() + durationMs; performance.now() < end; killed++) {
      await delay(killEveryMs)
      const children = childrenOf(server.pid)
      assert.ok(children.length > 0, 'nobody is left')
      process.kill(children[killed % children.length]!, 'SIGKILL')
    }
  })
  const { published, delivered, clients, connects, gaps, faults, violations } = await judge(files)
  test.diagnostic(
    `${killed} of ${workers} workers killed in ${seconds.toFixed(0)} s, ${clients} clients, ` +
      `${(published.ok / seconds).toFixed(0)} publishes/s (${report.repeated} requests repeated), ` +
      `${delivered} deliveries, ${connects - clients} reconnects`,
  )
  assert.deepEqual(
    { faults, violations: violations.slice(0, 10), gaps },
    { faults: {}, violations: [], gaps: {} },
  )
  assert.deepEqual(refusals, [], 'a browser would have given up')
  assert.ok(connects > clients, 'nobody was cut off')
  // One that was killed at its start has its place taken a second later.
  await eventually(() => childrenOf(server.pid).length === workers, 'all places are taken')
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}
