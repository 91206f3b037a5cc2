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

const CONNECTIONS = 100
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

/** CPU time of one event from its publish to its last write, in microseconds; each waits for the one before. */
async function cpuPerEvent(tracer: Tracer | undefined, durationMs: number): Promise<number> {
  const hub = createHub({ tracer })
  for (let i = 0; i < CONNECTIONS; i++)
    await hub.connect({ channels: ['c'] }, silentSink(), eventStreamDialect)
  const publishFor = async (ms: number): Promise<number> => {
    let events = 0
    for (const end = performance.now() + ms; performance.now() < end; events++) {
      await hub.publish({ channel: 'c', data: DATA })
      await turn()
    }
    return events
  }
  await publishFor(durationMs / 2)
  const [before, delivered] = [process.cpuUsage(), hub.stats().delivered]
  const events = await publishFor(durationMs)
  const { user, system } = process.cpuUsage(before)
  const missing = events * CONNECTIONS - (hub.stats().delivered - delivered)
  if (missing !== 0) throw new Error(`${missing} deliveries are missing`)
  await hub.close({ drainMs: 0 })
  return (user + system) / events
}

/** The product with a tracer. */
async function traced(sampler: Sampler, durationMs: number): Promise<number> {
  const provider = new NodeTracerProvider({ sampler, spanProcessors: [new BatchSpanProcessor(exporter)] })
  const cpu = await cpuPerEvent(openTelemetryTracer(provider), durationMs)
  await provider.shutdown()
  return cpu
}

/** Events to 100 connections in this process, one after the other; the control is the hub without a tracer. */
async function measure({ subject, effort, progress }: Target): Promise<Measured> {
  const ms = effort.measureMs / 2
  if (subject === 'control') {
    progress('publishing')
    const cpu = await cpuPerEvent(undefined, ms)
    return { unsampled: cpu, sampled: cpu }
  }
  progress('publishing, no trace is kept')
  const unsampled = await traced(new AlwaysOffSampler(), ms)
  progress('publishing, every trace is kept')
  return { unsampled, sampled: await traced(new AlwaysOnSampler(), ms) }
}

/** What traces cost a hub. */
export const tracing: BenchCase = {
  name: 'tracing',
  title: 'an event to 100 connections in process, traced; the control is the hub without a tracer',
  subjects: ['control', 'fanline'],
  inProcess: true,
  figures: [
    {
      name: 'unsampled',
      title: 'CPU per event, no trace is kept',
      unit: 'µs',
      aims: [{ bound: 'at most', amount: 1.25, relation: 'times', reference: 'control' }],
    },
    { name: 'sampled', title: 'CPU per event, every trace is kept', unit: 'µs', aims: [] },
  ],
  measure,
}
