import type { BenchCase } from '../bench-case.ts'
import { EventStreams } from '../load/event-streams.ts'
import { eventData, Publishers, publishRequest } from '../load/publisher.ts'
import { serverCpuUs } from '../load/server-cpu.ts'
import type { Target } from '../load/target.ts'

const CONNECTIONS = 1000

/**
 * One channel, 1,000 connections, 150 bytes of data. Publishers keep a number of POSTs in flight, which are
 * counted as in flight until they are answered. After a warm-up of half the time, the server's CPU
 * time from the first POST to the last delivery is divided by the deliveries. Publishing is part of it.
 */
async function broadcast(target: Target, inFlight: number): Promise<{ cpuUs: number; deliveries: number }> {
  const streams = await EventStreams.open(target, new Array<string>(CONNECTIONS).fill('/v1/events/news'))
  const request = publishRequest(target.port, { channel: 'news', data: eventData })
  const publishers = await Publishers.connect(target.port, inFlight, [request])
  const publishFor = async (milliseconds: number): Promise<void> => {
    await publishers.publishFor(milliseconds)
    await streams.arrived(() => publishers.published)
  }
  target.progress('warming up')
  await publishFor(target.effort.measureMs / 2)
  const warm = publishers.published
  target.progress('publishing')
  const cpuUs = await serverCpuUs(target.pid, () => publishFor(target.effort.measureMs))
  return { cpuUs, deliveries: (publishers.published - warm) * CONNECTIONS }
}

/** What a delivery costs when events come one by one and nothing can be coalesced. */
export const broadcastSingly: BenchCase = {
  name: 'broadcast-1',
  title: '1,000 connections, 1 publish in flight',
  subjects: ['control', 'better-sse', 'fanline'],
  figures: [
    {
      name: 'cpu',
      title: 'server CPU per delivery',
      unit: 'µs',
      aims: [
        { bound: 'at most', amount: 1.15, relation: 'times', reference: 'control' },
        { bound: 'at most', amount: 0.65, relation: 'times', reference: 'better-sse' },
      ],
    },
  ],
  async measure(target) {
    const { cpuUs, deliveries } = await broadcast(target, 1)
    return { cpu: cpuUs / deliveries }
  },
}

/** How many deliveries a second of CPU yields when events arrive together and can leave together. */
export const broadcastTogether: BenchCase = {
  name: 'broadcast-64',
  title: '1,000 connections, 64 publishes in flight',
  subjects: ['control', 'better-sse', 'fanline'],
  figures: [
    {
      name: 'rate',
      title: 'deliveries per server CPU second',
      unit: '/s',
      aims: [{ bound: 'at least', amount: 10, relation: 'times', reference: 'better-sse' }],
    },
  ],
  async measure(target) {
    const { cpuUs, deliveries } = await broadcast(target, 64)
    return { rate: (deliveries / cpuUs) * 1e6 }
  },
}
