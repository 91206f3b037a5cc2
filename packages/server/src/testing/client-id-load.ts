import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import type { ConnectionInfo } from '@fanline/hub'
import { eventually } from './eventually.ts'
import { openStream } from './heard-stream.ts'
import { postMany } from './post-many.ts'
import { figure, startPresets } from './preset-program.ts'

const MIB = 1024 * 1024
/** What history and caches take, and garbage under load: as much as when the client reads. */
const MAX_GROWTH_BYTES = 256 * MIB
/** What may wait in the process for a client: what was written in one turn. */
const MAX_BUFFERED_BYTES = 5 * MIB
/** A second of the clock that came later than this was held up. */
const MAX_PAUSE_MS = 3000

/** As long as an id may be, so that buffers of the kernel are full soon. */
const STALLED = 'x'.repeat(250)

/** A client that never reads is sent pings, while another one listens to what is for everybody. */
export async function pingStalledClient(t: TestContext, level: string, pings: number): Promise<void> {
  // However slow the machine is: what is to be seen is a client that is kept.
  const flags = [
    ...['--preset-level', level, '--preset-clock', 'true'],
    ...['--delivery-stall-timeout-ms', '600000'],
  ]
  const env = { FANLINE_API_KEY: 'a-key-of-the-tests-long-enough-to-be-taken' }
  const { port, base } = await startPresets(t, 'client-id,notification', flags, { env })
  const stalled = connect(port, '127.0.0.1')
  t.after(() => stalled.destroy())
  stalled.write(`GET /sse?id=${STALLED} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await once(stalled, 'data')
  stalled.pause()

  const other = await openStream(t, `${base}/sse?id=other`)
  await other.next()
  const arrivals = [performance.now()]
  const before = await figure(base, 'process_resident_memory_bytes')
  const sending = postMany(port, sequence(pings, `/ping/${STALLED}`), { count: 4, inFlight: 100 })
  let isSent = false
  sending.finally(() => {
    isSent = true
  })
  while (!isSent) {
    await other.next()
    arrivals.push(performance.now())
  }
  assert.deepEqual(await sending, new Map([['200 ', pings]]))

  const headers = { Authorization: `Bearer ${env.FANLINE_API_KEY}` }
  const shown = await fetch(`${base}/v1/connections?user=${STALLED}`, { headers })
  const [connection] = ((await shown.json()) as { connections: readonly ConnectionInfo[] }).connections
  assert.equal(connection?.state, 'behind')
  assert(connection.bufferedBytes < MAX_BUFFERED_BYTES, `${connection.bufferedBytes} bytes wait for it`)
  for (const [i, at] of arrivals.entries()) {
    assert(i === 0 || at - arrivals[i - 1]! < MAX_PAUSE_MS, 'the clock of the other was held up')
  }
  const growth = (await figure(base, 'process_resident_memory_bytes')) - before
  assert(growth < MAX_GROWTH_BYTES, `memory grew by ${Math.round(growth / MIB)} MiB`)
  assert.deepEqual(await postMany(port, sequence(1, '/ping/other'), { count: 1 }), new Map([['200 ', 1]]))
  await other.until(/^data: Hello other$/m)
}

/** Forty clients at a time come and go. */
export async function comeAndGo(t: TestContext, level: string, durationMs: number): Promise<void> {
  const { port, base } = await startPresets(t, 'client-id,notification', ['--preset-level', level])
  const end = performance.now() + durationMs
  let visits = 0
  const loop = async (_: unknown, number: number): Promise<void> => {
    for (let round = 0; performance.now() < end; round++) {
      const socket = connect(port, '127.0.0.1')
      // A reset is one of the ways to go.
      socket.on('error', () => socket.destroy())
      const closed = once(socket, 'close')
      const id = round % 3 === 0 ? '' : `?id=${number}`
      socket.write(`GET /sse${id} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      if (round % 4 !== 0) await Promise.race([once(socket, 'data'), closed])
      if (number === 0) await postMany(port, sequence(10, '/ping/1'), { count: 1, inFlight: 10 })
      if (round % 2 === 0) socket.resetAndDestroy()
      else socket.destroy()
      await closed
      visits++
    }
  }
  await Promise.all(Array.from({ length: 40 }, loop))
  assert(visits > 400, `only ${visits} visits`)
  await eventually(async () => (await figure(base, 'fanline_connections')) === 0, 'no connection')
}

function* sequence(count: number, path: string): Generator<{ path: string }> {
  for (let i = 0; i < count; i++) yield { path }
}
