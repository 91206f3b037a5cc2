import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createPublisher, PublishError } from '@fanline/client/publisher'
import { type DevServer, startDevServer } from '../dev-server.ts'
import { freePort } from '../free-port.ts'
import type { Tally } from '../number-counter.ts'
import type { EventSourcesOrder, EventSourcesReport } from './event-sources-process.ts'
import type { StartProxy } from './running-proxy.ts'

/** How a restart is tried. */
export interface RestartTrial {
  readonly startProxy: StartProxy
  readonly clients: number
  /** How the hub is ended, one time after the other. */
  readonly signals: readonly NodeJS.Signals[]
}

/** How long all clients may take to hear the end. */
const PATIENCE_MS = 60_000

/**
 * The only hub that there is behind a proxy is started again, with numbers being published all the time, and while it is
 * away the proxy has nobody to ask. Every client, an EventSource, then has heard each number once and in order.
 */
export async function restartBehind(
  t: TestContext,
  { startProxy, clients, signals }: RestartTrial,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-proxy-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const port = await freePort()
  let hub: DevServer | undefined
  t.after(() => hub?.stop('SIGKILL'))
  const flags = ['--data', directory, '--history-max-events', '1000000', '--shutdown-drain-ms', '1000']
  const start = async (): Promise<DevServer> =>
    startDevServer(port, [...flags, '--delivery-retry-ms', '1000'])
  hub = await start()
  const origin = await startProxy(t, [port])

  const child = fork(fileURLToPath(new URL('./event-sources-process.js', import.meta.url)))
  t.after(() => child.kill('SIGKILL'))
  const report = async (): Promise<EventSourcesReport> => {
    const [said] = await once(child, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
    return said
  }
  child.send({ url: `${origin}/v1/events/numbers`, count: clients } satisfies EventSourcesOrder)
  assert.equal(await report(), 'greeted')

  let published = 0
  let isOver = false
  const source = async function* (): AsyncGenerator<{ channel: string; event?: string; data: number }> {
    for (; !isOver; published++) {
      await delay(5)
      yield { channel: 'numbers', data: published }
    }
    yield { channel: 'numbers', event: 'end', data: published }
  }
  const publishing = (async () => {
    for await (const result of createPublisher(`http://127.0.0.1:${port}/v1/publish`).stream(source())) {
      if (result instanceof PublishError) throw result
    }
  })()
  for (const signal of signals) {
    await delay(200)
    await hub.stop(signal)
    hub = await start()
  }
  const back = performance.now()
  isOver = true
  const heard = report()
  await publishing
  const tallies = (await heard) as readonly Tally[]
  t.diagnostic(
    `${clients} EventSources, ${signals.length} restarts, ${published} events; all had everything ` +
      `${Math.round(performance.now() - back)} ms after the last start`,
  )
  for (const { count, wrong, gaps, streams } of tallies) {
    assert.deepEqual({ count, wrong, gaps }, { count: published, wrong: [], gaps: [] })
    assert.ok(streams > 1, 'it was cut')
  }
}
