import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Registry } from 'prom-client'
import { PredecessorMetrics } from './predecessor-metrics.ts'

it('10.11 100,000 users have a hundred series, and one more that counts all others', async () => {
  const registry = new Registry()
  const metrics = new PredecessorMetrics([registry])
  for (let user = 0; user < 100_000; user++) metrics.countSent(`u${user}`, 2)
  metrics.countSent('u99', 1)
  metrics.countSent('u100', 1)
  const series = [...(await registry.metrics()).matchAll(/^sse_message_sent_total\{user="(.*)"\} (\d+)$/gm)]
  assert.deepEqual(
    series.map(([, user, count]) => [user, Number(count)]),
    [...Array.from({ length: 99 }, (_, user) => [`u${user}`, 2]), ['u99', 3], ['_other', 2 * 99_900 + 1]],
  )
})
