import type { BenchCase } from '../bench-case.ts'
import { EventStreams } from '../load/event-streams.ts'
import { serverCpuUs } from '../load/server-cpu.ts'

const CONNECTIONS = 5000
const WARM_UP_CONNECTIONS = 3000

/**
 * How many connections a second of CPU can accept: 5,000 are opened as fast as the server greets them, at
 * most 128 not yet greeted, and each counts when the first bytes of its stream have arrived. Three
 * thousand come and go first, so that the code is compiled.
 */
export const accept: BenchCase = {
  name: 'accept',
  title: '5,000 connections are opened',
  subjects: ['control', 'better-sse', 'fanline'],
  figures: [
    {
      name: 'rate',
      title: 'connections accepted per server CPU second',
      unit: '/s',
      aims: [{ bound: 'at least', amount: 0.8, relation: 'times', reference: 'control' }],
    },
  ],
  async measure(target) {
    const open = (count: number): Promise<EventStreams> =>
      EventStreams.open(target, new Array<string>(count).fill('/v1/events/news'))
    const first = await open(WARM_UP_CONNECTIONS)
    first.close()
    const count = CONNECTIONS * target.effort.share
    const cpuUs = await serverCpuUs(target.pid, async () => {
      await open(count)
    })
    return { rate: (count / cpuUs) * 1e6 }
  },
}
