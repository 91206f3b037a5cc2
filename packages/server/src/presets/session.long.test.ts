import assert from 'node:assert/strict'
import { it } from 'node:test'
import { openStream } from '../testing/heard-stream.ts'
import { type Post, postMany } from '../testing/post-many.ts'
import { figuresOf } from '../testing/server-figures.ts'
import { besideStalledSession } from '../testing/stalled-session.ts'
import { API_KEY, startServer } from '../testing/start-server.ts'

const MIB = 1024 * 1024

for (const level of ['strict', 'enhanced'] as const) {
  it(`003.11 a stalled session and 100,000 notifications, ${level}`, (t) =>
    besideStalledSession(t, level, { events: 100_000, dataLength: 150 }))
}

it('003.12 a million events leave no more in memory than the history may have', async (t) => {
  const events = 1_000_000
  const historyMib = 32
  const { port, url } = await startServer(t, [
    ...['--preset', 'session', '--preset-auth', 'open', '--history-max-events', '1000000'],
    ...['--history-max-bytes', String(historyMib * MIB), '--history-total-bytes', String(historyMib * MIB)],
  ])
  const reader = await openStream(t, `${url}/sse?session=reading`)
  const send = (count: number): Promise<ReadonlyMap<string, number>> =>
    postMany(port, notifications(count), { count: 4, inFlight: 100 })
  const statsOf = async (): Promise<{ bytes: number; events: number }> => {
    const answer = await fetch(`${url}/v1/stats`, { headers: { Authorization: `Bearer ${API_KEY}` } })
    return ((await answer.json()) as { log: { bytes: number; events: number } }).log
  }

  // Once the history is full, the process has all the memory that it needs.
  await send(events / 5)
  const full = await statsOf()
  assert(full.bytes > 0.9 * historyMib * MIB, 'the history is full')
  const before = await figuresOf(url)
  assert.deepEqual(await send(events - events / 5), new Map([['202 ', events - events / 5]]))
  await reader.take(1)
  const after = await figuresOf(url)
  const { bytes, events: kept } = await statsOf()
  t.diagnostic(
    `${kept} events kept in ${bytes} bytes; ${before.rssBytes / MIB} MiB after a fifth, ${after.rssBytes / MIB} MiB at the end`,
  )
  assert(bytes <= historyMib * MIB)
  assert(kept < events / 2)
  // The history, what V8 keeps of garbage, and the process itself.
  assert(after.rssBytes < before.rssBytes + historyMib * MIB, 'memory is flat')
})

function* notifications(count: number): Generator<Post> {
  for (let n = 0; n < count; n++) yield { path: '/notify', body: `{"event":"tick","data":{"n":${n}}}` }
}
