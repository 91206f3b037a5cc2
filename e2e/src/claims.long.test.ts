// Claims of docs/migrate/claims.md that take their time.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from './eventually.ts'
import { publishLines } from './publish-lines.ts'
import { startServer } from './running-server.ts'
import { ServerView } from './server-view.ts'
import { measureBesideStalledReader } from './stalled-reader.ts'

const MIB = 1024 * 1024

test('10.3 a reader that has stalled delays nobody: 100,000 messages', (t) =>
  measureBesideStalledReader(t, 100_000))

test('10.14 the history is bounded by count, age and bytes, and memory stays flat', async (t) => {
  const ROUNDS = 10
  const EVENTS = 20_000
  const MAX_BYTES = 16 * MIB
  const MAX_EVENTS = 1000
  const flags = {
    '--history-max-events': MAX_EVENTS,
    '--history-max-age-ms': 5000,
    '--history-max-bytes': MAX_BYTES,
    '--history-total-bytes': MAX_BYTES,
  }
  const args = ['dev', '--preset', 'notification', ...Object.entries(flags).flat().map(String)]
  // Where there is plenty of memory, V8 lets garbage lie for long.
  const server = await startServer(args, { env: { NODE_OPTIONS: '--max-old-space-size=64' } })
  t.after(() => server.stop())
  const view = new ServerView(server.origin)
  const padding = 'x'.repeat(500)

  const residentBytes: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await publishLines(
      server.origin,
      numbered(EVENTS, (n) => ({ user: `u${n % 500}`, data: `${round} ${n} ${padding}` })),
    )
    const { bytes } = await view.history()
    assert.ok(bytes <= MAX_BYTES, `${bytes} bytes are kept`)
    residentBytes.push(await view.residentBytes())
  }
  const mib = residentBytes.map((bytes) => Math.round(bytes / MIB))
  t.diagnostic(`memory in MiB, each time after ${EVENTS} events of 500 bytes: ${mib.join(', ')}`)
  const [early, late] = [mib.slice(0, ROUNDS / 2), mib.slice(ROUNDS / 2)].map((part) => Math.max(...part))
  assert.ok(late! - early! < MAX_BYTES / MIB, `${late! - early!} MiB more in the second half`)

  await publishLines(
    server.origin,
    numbered(2 * MAX_EVENTS, (n) => ({ channel: 'one', data: n })),
  )
  const answer = await fetch(`${server.origin}/v1/channels/one/history?limit=1000`)
  const { events } = await answer.json()
  assert.deepEqual([events.length, events[0].data], [MAX_EVENTS, MAX_EVENTS])
  await eventually(async () => (await view.history()).events === 0, 'everything is too old', 40_000)
})

/** In batches of 1,000. */
function* numbered(count: number, bodyOf: (n: number) => object): Generator<readonly object[]> {
  for (let n = 0; n < count; n += 1000) yield Array.from({ length: 1000 }, (_, i) => bodyOf(n + i))
}
