import type { BenchCase } from '../bench-case.ts'
import { EventStreams } from '../load/event-streams.ts'
import { eventData, Publishers, publishRequest } from '../load/publisher.ts'
import { serverCpuUs } from '../load/server-cpu.ts'
import type { Target } from '../load/target.ts'
import { credentialFor } from '../subjects/subject.ts'

const CONNECTIONS = 1000
const IN_FLIGHT = 64

/** How a case publishes for a time; it may leave deliveries under way when it ends. */
type Pace = (publishers: Publishers, streams: EventStreams, milliseconds: number) => Promise<void>

/**
 * One channel, 1,000 connections, 150 bytes of data. After a warm-up of half the time, the server's CPU time
 * from the first POST to the last delivery is divided by the deliveries. Publishing is part of it.
 */
async function broadcast(
  target: Target,
  inFlight: number,
  pace: Pace,
): Promise<{ cpuUs: number; deliveries: number }> {
  const streams = await EventStreams.open(target, new Array<string>(CONNECTIONS).fill('/v1/events/news'))
  const request = publishRequest(
    target.port,
    { channel: 'news', data: eventData },
    credentialFor(target.subject),
  )
  const publishers = await Publishers.connect(target.port, inFlight, [request])
  const publishFor = async (milliseconds: number): Promise<void> => {
    await pace(publishers, streams, milliseconds)
    await streams.arrived(() => publishers.published)
  }
  target.progress('warming up')
  await publishFor(target.effort.measureMs / 2)
  const warm = publishers.published
  target.progress('publishing')
  const cpuUs = await serverCpuUs(target.pid, () => publishFor(target.effort.measureMs))
  return { cpuUs, deliveries: (publishers.published - warm) * CONNECTIONS }
}

/** The next event is published when the last one is answered and has reached everybody. */
async function oneByOne(publishers: Publishers, streams: EventStreams, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  while (performance.now() < end) {
    await publishers.publishCount(1)
    await streams.reached(publishers.published * CONNECTIONS)
  }
}

/** All publishers publish one event each, and the next when all of these have reached everybody. */
async function inBursts(publishers: Publishers, streams: EventStreams, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  while (performance.now() < end) {
    await publishers.publishCount(IN_FLIGHT)
    await streams.reached(publishers.published * CONNECTIONS)
  }
}

/** Every publisher publishes again as soon as it is answered. */
function together(publishers: Publishers, _: EventStreams, milliseconds: number): Promise<void> {
  return publishers.publishFor(milliseconds)
}

/**
 * What a delivery costs when nothing can be coalesced. A hub that answers a publish before it has written to
 * every connection could already take the next one and send the two together; that is why "in flight" here
 * lasts until the event has reached everybody.
 */
export const broadcastSingly: BenchCase = {
  name: 'broadcast-1',
  title: '1,000 connections, 1 publish in flight',
  subjects: ['control', 'better-sse', 'fanline', 'fanline-workers'],
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
    const { cpuUs, deliveries } = await broadcast(target, 1, oneByOne)
    return { cpu: cpuUs / deliveries }
  },
}

/** How many deliveries a second of CPU yields when events arrive together and can leave together. */
export const broadcastTogether: BenchCase = {
  name: 'broadcast-64',
  title: '1,000 connections, 64 publishes in flight',
  subjects: ['control', 'better-sse', 'fanline', 'fanline-redis', 'fanline-workers'],
  figures: [
    {
      name: 'rate',
      title: 'deliveries per server CPU second',
      unit: '/s',
      aims: [{ bound: 'at least', amount: 10, relation: 'times', reference: 'better-sse' }],
    },
  ],
  async measure(target) {
    const { cpuUs, deliveries } = await broadcast(target, IN_FLIGHT, together)
    return { rate: (deliveries / cpuUs) * 1e6 }
  },
}

/**
 * The same work for every log: where publishers do not wait for deliveries, a flush carries between two events and
 * thousands, and what is compared is how many.
 */
export const broadcastBursts: BenchCase = {
  name: 'broadcast-burst',
  title: '1,000 connections, 64 events at a time, the next when all have them',
  subjects: ['control', 'fanline', 'fanline-redis', 'fanline-workers'],
  figures: [
    {
      name: 'rate',
      title: 'deliveries per server CPU second',
      unit: '/s',
      aims: [
        { subject: 'fanline-redis', bound: 'at least', amount: 0.9, relation: 'times', reference: 'fanline' },
        {
          subject: 'fanline-workers',
          bound: 'at least',
          amount: 0.8,
          relation: 'times',
          reference: 'fanline',
        },
      ],
    },
  ],
  async measure(target) {
    const { cpuUs, deliveries } = await broadcast(target, IN_FLIGHT, inBursts)
    return { rate: (deliveries / cpuUs) * 1e6 }
  },
}
