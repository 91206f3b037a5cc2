import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import type { Level } from '@fanline/hub/compat'
import { openStream } from './heard-stream.ts'
import { type Post, postMany } from './post-many.ts'
import { API_KEY, startServer } from './start-server.ts'

/**
 * The longest that anybody may wait for an answer meanwhile, in milliseconds. Whoever waited for the stalled session would
 * wait until it is cut, for half a minute; what is less than this, this busy process waits for itself.
 */
const MAX_WAIT_MS = 5000

/** So many notifications, each with so much data. */
export interface Notifications {
  readonly events: number
  readonly dataLength: number
}

/** Beside a session that takes nothing, all notifications are taken, and reach another session whole and in order. */
export async function besideStalledSession(
  test: TestContext,
  level: Level,
  { events, dataLength }: Notifications,
): Promise<void> {
  const flags = ['--preset', 'session', '--preset-auth', 'open', '--preset-level', level]
  const { port, url } = await startServer(test, flags)
  const stalled = connect(port, '127.0.0.1').pause()
  test.after(() => stalled.destroy())
  stalled.write('GET /sse?session=stalled HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const reader = await openStream(test, `${url}/sse?session=reading`)

  let isOver = false
  let slowestMs = 0
  const measure = async (): Promise<void> => {
    while (!isOver) {
      const began = performance.now()
      await (await fetch(`${url}/pm?session=nobody`, { method: 'POST' })).text()
      slowestMs = Math.max(slowestMs, performance.now() - began)
    }
  }
  const measured = measure()
  // One writer, so that the order is known.
  const answers = await postMany(port, notifications(events, dataLength), { count: 1, inFlight: 100 })
  isOver = true
  await measured

  assert.deepEqual(answers, new Map([['202 ', events]]))
  const heard = await reader.take(events)
  for (const [n, { data }] of heard.entries())
    assert(data.startsWith(`[${n},`), `${data.slice(0, 50)} is not ${n}`)
  const stats = await fetch(`${url}/v1/stats`, { headers: { Authorization: `Bearer ${API_KEY}` } })
  assert.equal(((await stats.json()) as { behind: number }).behind, 1, 'the session was stalled')
  assert(slowestMs < MAX_WAIT_MS, `somebody waited for ${slowestMs} ms`)
}

function* notifications(events: number, dataLength: number): Generator<Post> {
  const padding = 'x'.repeat(dataLength)
  for (let n = 0; n < events; n++) yield { path: '/notify', body: `{"data":[${n},"${padding}"]}` }
}
