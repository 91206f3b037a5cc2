import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startDevServer } from './dev-server.ts'
import { eventually } from './eventually.ts'
import { publishLines } from './publish-lines.ts'
import { ServerView } from './server-view.ts'
import { TimedListener } from './timed-listener.ts'

const PER_SECOND = 1000
const MAX_HISTORY_BYTES = 128 * 1024 * 1024
/** Garbage that the one has not collected yet, and the other has; what waits for a reader is in the history of both. */
const MAX_MORE_BYTES = 64 * 1024 * 1024

/**
 * Two servers publish the same at the same time to three readers each; one of them has a fourth reader, who takes no
 * byte. The three get everything meanwhile, and the memory is the same. What 99 of 100 messages take at most is said for
 * both: a busy machine delays the one or the other, so that no test can judge it.
 */
export async function measureBesideStalledReader(t: TestContext, messages: number): Promise<void> {
  // All of them are kept, so that a machine where the readers themselves get no time is no gap.
  const history = ['--history-max-events', String(messages), '--history-max-bytes', String(MAX_HISTORY_BYTES)]
  const patience = ['--delivery-stall-timeout-ms', '600000'] // it would be cut after half a minute
  const start = async () => {
    const server = await startDevServer(undefined, ['--preset', 'session', ...history, ...patience])
    t.after(() => server.stop())
    return { server, view: new ServerView(server.origin) }
  }
  const [beside, alone] = [await start(), await start()]
  const stalled = connect(beside.server.port, '127.0.0.1') // nobody ever reads from it
  t.after(() => stalled.destroy())
  stalled.write(`GET /sse?session=stalled HTTP/1.1\r\nHost: localhost:${beside.server.port}\r\n\r\n`)
  await eventually(async () => (await beside.view.statesOf('stalled')).length === 1, 'the stalled reader')

  const [besideMs, aloneMs] = await Promise.all(
    [beside, alone].map(({ server }) => p99Ms(server.origin, messages)),
  )
  assert.deepEqual(await beside.view.statesOf('stalled'), ['behind'])
  const [besideBytes, aloneBytes] = [await beside.view.residentBytes(), await alone.view.residentBytes()]
  t.diagnostic(
    `p99 ${besideMs!.toFixed(1)} ms beside a stalled reader, ${aloneMs!.toFixed(1)} ms without one`,
  )
  t.diagnostic(`memory ${inMib(besideBytes)} beside a stalled reader, ${inMib(aloneBytes)} without one`)
  assert.ok(besideBytes - aloneBytes < MAX_MORE_BYTES, `${inMib(besideBytes - aloneBytes)} more`)
}

/** What 99 of 100 messages take at most to three readers, in milliseconds; each reader gets each once. */
async function p99Ms(origin: string, messages: number): Promise<number> {
  const streams = ['a', 'b', 'c'].map((session) => `${origin}/sse?session=${session}`)
  const listeners = await Promise.all(streams.map(TimedListener.to))
  await publishLines(origin, paced(messages))
  await Promise.all(listeners.map((listener) => listener.heard(messages)))
  for (const listener of listeners) listener.leave()
  const delaysMs = listeners.flatMap((listener) => listener.delaysMs).sort((a, b) => a - b)
  assert.equal(delaysMs.length, listeners.length * messages)
  return delaysMs[Math.floor(delaysMs.length * 0.99)]!
}

/** Messages to everybody, so many a second, each with the time; together more than a socket takes. */
async function* paced(count: number): AsyncGenerator<readonly object[]> {
  const padding = 'x'.repeat(Math.ceil(16_000_000 / count))
  const began = performance.now()
  for (let published = 0; published < count; ) {
    await delay(10)
    const due = Math.min(count, Math.floor(((performance.now() - began) / 1000) * PER_SECOND))
    const data = `${performance.now()} ${padding}`
    yield Array.from({ length: due - published }, () => ({ all: true, event: 'tick', data }))
    published = due
  }
}

function inMib(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}
