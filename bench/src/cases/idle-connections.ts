import { setTimeout as pause } from 'node:timers/promises'
import type { BenchCase } from '../bench-case.ts'
import { EventStreams } from '../load/event-streams.ts'
import { residentBytes } from '../process-usage.ts'

const CONNECTIONS = 15_000
const WARM_UP_CONNECTIONS = 100

/**
 * What a connection that does nothing holds in memory. The resident memory of the server with 15,000 open
 * connections minus that before, through the number of connections. A hundred connections come and go
 * first, so that code which is compiled once is not counted; no collection is forced. Before each reading
 * the server has been left alone for as long as publishers publish in other cases.
 */
export const idleConnections: BenchCase = {
  name: 'idle',
  title: '15,000 idle connections',
  subjects: ['control', 'better-sse', 'fanline'],
  figures: [
    {
      name: 'memory',
      title: 'server memory per connection',
      unit: 'KB',
      aims: [{ bound: 'at most', amount: 1.25, relation: 'times', reference: 'control' }],
    },
  ],
  async measure(target) {
    const { pid, effort } = target
    const open = (count: number): Promise<EventStreams> =>
      EventStreams.open(target, new Array<string>(count).fill('/v1/events/news'))
    const first = await open(WARM_UP_CONNECTIONS)
    first.close()
    await pause(effort.measureMs)
    const before = residentBytes(pid)
    const streams = await open(CONNECTIONS * effort.share)
    await pause(effort.measureMs)
    await streams.arrived(() => 0)
    return { memory: (residentBytes(pid) - before) / streams.count / 1024 }
  },
}
