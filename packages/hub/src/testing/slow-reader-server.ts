/** A process with a hub, for the test of a client that never reads: it has nothing but the hub in its memory. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createHub } from '../create-hub.ts'

/** What the test asks of this process. */
export type Order =
  | { readonly do: 'publish'; readonly count: number; readonly bytes: number }
  | { readonly do: 'stats' }
  | { readonly do: 'end' }

/** How this process stands. */
export interface Report {
  readonly rss: number
  readonly behind: number
  readonly connections: number
  readonly gaps: number
  /** The longest that one publish took, in milliseconds. */
  readonly slowestPublishMs: number
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const hub = createHub({ history: { maxEvents: 1000 }, delivery: { stallTimeoutMs: 3_600_000 } })
const server = createServer((req, res) => void hub.handle(req, res, { channels: ['a'] }))

async function publish(count: number, bytes: number): Promise<number> {
  const padding = 'x'.repeat(bytes)
  let slowestPublishMs = 0
  for (let n = 0; n < count; n++) {
    const start = performance.now()
    await hub.publish({ channel: 'a', data: `${n} ${padding}` })
    slowestPublishMs = Math.max(slowestPublishMs, performance.now() - start)
    // 64 publishers at once, who then wait for the others' turns.
    if (n % 64 === 63) await new Promise((resolve) => setImmediate(resolve))
  }
  return slowestPublishMs
}

function report(slowestPublishMs: number): Report {
  collectGarbage()
  const { behind, connections, gaps } = hub.stats()
  return { rss: process.memoryUsage.rss(), behind, connections, gaps, slowestPublishMs }
}

process.on('message', async (order: Order) => {
  if (order.do === 'end') process.exit(0)
  const slowest = order.do === 'publish' ? await publish(order.count, order.bytes) : 0
  process.send?.(report(slowest))
})
// Nobody is left to end this process if the test is gone.
process.on('disconnect', () => process.exit(0))

server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
