/** A process with a hub and nothing else in its memory, for tests that measure it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from '../clock.ts'
import { serveNode } from '../http/node.ts'
import { Hub } from '../hub.ts'
import { memoryLog } from '../log/memory.ts'
import type { Order, Report } from './forked-hub.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const options = { history: { maxEvents: 1000 }, delivery: { stallTimeoutMs: 3_600_000 } }
const hub = new Hub({
  log: memoryLog({ history: options.history }),
  clock: systemClock,
  options,
  // Caches that fill and empty in their own rhythm would hide how much memory a stream leaves behind.
  ...(process.argv.includes('small-caches')
    ? { tuning: { framesLength: 10_000, feedEntries: 64, recordedItems: 64 } }
    : {}),
  report: (problem) => process.emitWarning(problem),
})
const server = createServer((req, res) => void serveNode(hub, req, res, { user: 'u', channels: ['a'] }))

/** The longest that one publish took, in milliseconds. */
async function publish(first: number, count: number, bytes: number): Promise<number> {
  const padding = 'x'.repeat(bytes)
  let slowestPublishMs = 0
  for (let n = first; n < first + count; n++) {
    const start = performance.now()
    await hub.publish({ channel: 'a', data: `${n} ${padding}` })
    slowestPublishMs = Math.max(slowestPublishMs, performance.now() - start)
    // 64 publishers at once, who then wait for the others' turns.
    if (n % 64 === 63) await new Promise((resolve) => setImmediate(resolve))
  }
  return slowestPublishMs
}

function report(slowestPublishMs: number): Report {
  const { rss, heapUsed } = process.memoryUsage()
  const { behind, connections, channels, gaps } = hub.stats()
  const handles = process.getActiveResourcesInfo().length
  return { rss, heapUsed, handles, behind, connections, channels, gaps, slowestPublishMs }
}

process.on('message', async (order: Order) => {
  if (order.do === 'end') process.exit(0)
  const slowest = order.do === 'publish' ? await publish(order.first, order.count, order.bytes) : 0
  if (order.do === 'report') {
    // Twice: what the first round finalises, the second one frees.
    collectGarbage()
    collectGarbage()
  }
  process.send?.(report(slowest))
})
// Nobody is left to end this process if the test is gone.
process.on('disconnect', () => process.exit(0))

server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  process.send?.((server.address() as AddressInfo).port),
)
