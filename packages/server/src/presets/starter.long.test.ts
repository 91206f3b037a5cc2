import assert from 'node:assert/strict'
import { once } from 'node:events'
import { it } from 'node:test'
import { EventSource } from 'eventsource'
import { composed } from '../testing/composed.ts'
import { curlStream } from '../testing/curl.ts'

it('004.4 a quiet stream says "ping" within 31 s, in both levels', async (t) => {
  await Promise.all(
    ['strict', 'enhanced'].map(async (presetLevel) => {
      const { port } = await composed(t, {}, { preset: 'starter', presetLevel })
      const url = `http://127.0.0.1:${port}/sse/stream?user_id=10`
      const source = new EventSource(url)
      t.after(() => source.close())
      const heard = once(source, 'ping')
      const stream = curlStream(t, url)
      await stream.until(/connected/)
      const began = performance.now()
      await stream.take(2, 35_000)
      assert(performance.now() - began < 31_000)
      const [, timestamp] = /\n\nevent: ping\ndata: \{"timestamp":(\d+)\}\n\n$/.exec(stream.text)!
      assert(Math.abs(Number(timestamp) - Date.now() / 1000) < 5)
      const [ping] = await heard
      assert.deepEqual(Object.keys(JSON.parse(ping.data)), ['timestamp'])
    }),
  )
})
