import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, type StreamGap } from './index.ts'
import { endless, memoryPeak } from './testing/endless.ts'
import { eventually } from './testing/of-hub.ts'
import { withRawServer } from './testing/raw-server.ts'

const MEBI = 1024 * 1024

test('a line of 5 GB is told as a gap, and memory stays bounded', (t) =>
  withRawServer(async (server) => {
    const stream = connect(`${server.url}/stream`)
    const gaps: StreamGap[] = []
    const heard: unknown[] = []
    stream.onGap((gap) => gaps.push(gap))
    stream.on('message', ({ data }) => heard.push(data))
    try {
      const exchange = await server.next()
      exchange.head()
      const began = performance.now()
      const grewBytes = await memoryPeak(() =>
        endless(exchange, 'id: 1\ndata: ', 'x'.repeat(MEBI), 5000 * MEBI),
      )
      await exchange.write('\n\ndata: after\n\n')
      await eventually(() => heard.length > 0, 'the event after it')
      t.diagnostic(
        `${Math.round((performance.now() - began) / 1000)} s, ${Math.round(grewBytes / MEBI)} MiB more memory at most`,
      )
      assert.ok(grewBytes < 200 * MEBI, `${Math.round(grewBytes / MEBI)} MiB more`)
      assert.deepEqual(heard, ['after'])
      assert.deepEqual(gaps, [{ channel: '', from: '', to: '1', reason: 'too-large' }])
    } finally {
      stream.close()
    }
  }))
