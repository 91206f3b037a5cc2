import { setImmediate as turn } from 'node:timers/promises'
import { createHub, eventStreamDialect, type Sink, type Tracer } from '@fanline/hub'
import { openTelemetryTracer } from '@fanline/hub/opentelemetry'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  NodeTracerProvider,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-node'
import type { BenchCase, Measured } from '../bench-case.ts'
import type { Target } from '../load/target.ts'
import { median } from '../median.ts'

const CONNECTIONS = 100
const SLICE = 500
const DATA = 'x'.repeat(150)

/** Takes every span at once: what a collector does with them is not the hub's cost. */
const exporter: SpanExporter = {
  export: (_, done) => done({ code: 0 }),
  shutdown: async () => undefined,
}

/** A connection that costs nothing, so that the hub's own work is what counts. */
function silentSink(): Sink {
  let left: () => void = () => undefined
  return {
    open: (listener) => {
      left = () => listener.closed()
    },
    flush: () => undefined,
    write: () => true,
    progress: () => 0,
    bufferedBytes: () => 0,
    end: () => left(),
    destroy: () => left(),
  }
}

/** CPU time of an event from its publish to its last write, in microseconds: the median of slices, after a warm-up. */
async function cpuPerEvent(tracer: Tracer | undefined, slices: number): Promise<number> {
  const hub = createHub({ tracer })
  for (let i = 0; i < CONNECTIONS; i++)
    await hub.connect({ channels: ['c'] }, silentSink(), eventStreamDialect)
  const costs: number[] = []
  while (costs.length < slices) {
    const [before, delivered] = [process.cpuUsage(), hub.stats().delivered]
    for (let i = 0; i < SLICE; i++) {
      await hub.publish({ channel: 'c', data: DATA })
      // Each waits until the one before was delivered.
      await turn()
    }
    const { user, system } = process.cpuUsage(before)
    const missing = SLICE * CONNECTIONS - (hub.stats().delivered - delivered)
    if (missing !== 0) throw new Error(`${missing} deliveries are missing`)
    costs.push((user + system) / SLICE)
  }
  await hub.close({ drainMs: 0 })
  return median(costs.slice(slices / 2))
}

/** The same with a tracer that keeps every trace, or none. */
async function traced(sampler: Sampler, slices: number): Promise<number> {
  const spanProcessors = [new BatchSpanProcessor(exporter)]
  const provider = new NodeTracerProvider({ sampler, spanProcessors })
  const cpu = await cpuPerEvent(openTelemetryTracer(provider), slices)
  await provider.shutdown()
  return cpu
}

/** Events to 100 connections in this process, one after the other; the control is the hub without a tracer. */
async function measure({ subject, effort, progress }: Target): Promise<Measured> {
  // By number, not by time: on a slow machine most of it would be warm-up.
  const slices = Math.ceil(effort.measureMs / 25)
  if (subject === 'control') {
    progress('publishing')
    const cpu = await cpuPerEvent(undefined, slices)
    return { unsampled: cpu, sampled: cpu }
  }
  progress('publishing, no trace is kept')
  const unsampled = await traced(new AlwaysOffSampler(), slices)
  progress('publishing, every trace is kept')
  return { unsampled, sampled: await traced(new AlwaysOnSampler(), slices) }
}

/** What traces cost a hub. */
export const tracing: BenchCase = {
  name: 'tracing',
  title: 'an event to 100 connections in process, traced',
  subjects: ['control', 'fanline'],
  inProcess: true,
  figures: [
    {
      name: 'unsampled',
      title: 'CPU per event, no trace is kept',
      unit: 'µs',
      aims: [{ bound: 'at most', amount: 15, relation: 'above', reference: 'control' }],
    },
    { name: 'sampled', title: 'CPU per event, every trace is kept', unit: 'µs', aims: [] },
  ],
  measure,
}
