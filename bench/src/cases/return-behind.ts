import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { BenchCase } from '../bench-case.ts'
import { EventStreams } from '../load/event-streams.ts'
import type { Delays } from '../load/latency-probe.ts'
import { eventData, Publishers, publishRequest } from '../load/publisher.ts'
import { serverCpuUs } from '../load/server-cpu.ts'

const CLIENTS = 5000
const WARM_UP_CLIENTS = 1000
const BEHIND = 100

/**
 * Everybody comes back at once. A connection learns its cursor, 100 events are published, and then 5,000
 * clients connect with that cursor, at most 128 of them not yet greeted; all must get the 100 events. The
 * server's CPU time is divided by the events replayed. Accepting the connection and sending the bytes is
 * part of that, so the control does both too: it writes the 100 events, which it keeps as one ready buffer.
 * What fanline needs above that is its reading and deciding.
 *
 * Meanwhile a probe process publishes to another channel every 10 ms; the figure is the longest time from
 * its POST to the arrival of the event.
 */
export const returnBehind: BenchCase = {
  name: 'return',
  title: '5,000 clients return 100 events behind',
  subjects: ['control', 'fanline'],
  controlArguments: ['--keep', String(BEHIND)],
  figures: [
    {
      name: 'cpu',
      title: 'server CPU per replayed event, connecting included',
      unit: 'µs',
      aims: [{ bound: 'at most', amount: 0.5, relation: 'above', reference: 'control' }],
    },
    {
      name: 'delay',
      title: 'longest delay of another publish meanwhile',
      unit: 'ms',
      aims: [{ bound: 'at most', amount: 50 }],
    },
  ],
  async measure(target) {
    const { port, pid, effort } = target
    const path = '/v1/events/news'
    const early = await EventStreams.open(target, [path])
    const cursor = early.firstId
    const request = publishRequest(port, { channel: 'news', data: eventData })
    const publishers = await Publishers.connect(port, 1, [request])
    await publishers.publishCount(BEHIND)
    publishers.close()
    const returnAll = async (count: number): Promise<EventStreams> => {
      const streams = await EventStreams.open(target, new Array<string>(count).fill(path), cursor)
      await streams.arrived(() => BEHIND)
      return streams
    }
    const first = await returnAll(WARM_UP_CLIENTS)
    first.close()
    const probe = await startProbe(port)
    const count = CLIENTS * effort.share
    const cpuUs = await serverCpuUs(pid, async () => {
      await returnAll(count)
    })
    const delays = await stopProbe(probe)
    return { cpu: cpuUs / (count * BEHIND), delay: delays.maxMs }
  },
}

async function startProbe(port: number): Promise<ChildProcess> {
  const file = fileURLToPath(new URL('../load/latency-probe.js', import.meta.url))
  const probe = fork(file, [String(port)])
  probe.once('exit', (code) => {
    if (code !== 0) throw new Error('the latency probe failed')
  })
  await once(probe, 'message')
  return probe
}

async function stopProbe(probe: ChildProcess): Promise<Delays> {
  probe.send('stop')
  const [delays] = (await once(probe, 'message')) as [Delays]
  if (delays.samples === 0) throw new Error('the latency probe measured nothing')
  return delays
}
