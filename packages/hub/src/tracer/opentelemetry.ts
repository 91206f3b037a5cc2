/** Traces for OpenTelemetry. Needs the package `@opentelemetry/api`; who collects them is the application's SDK. */

import {
  connectionChannel,
  isTraceparent,
  type Publication,
  type PublishReceipt,
  toProblem,
} from '@fanline/protocol'
import {
  type Tracer as ApiTracer,
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import type { Draft, Entry, Receipt } from '../log.ts'
import type { PublishOrigin, Tracer } from '../tracer.ts'

const NAME = '@fanline/hub'

/** As many as the SDK keeps by itself. */
const MAX_LINKS = 128

/**
 * A tracer that makes the spans `publish`, `append` and `deliver`.
 * @param provider where they go; whatever SDK is registered, also one that comes later, when absent
 */
export function openTelemetryTracer(provider: TracerProvider = trace): Tracer {
  return new OpenTelemetryTracer(provider.getTracer(NAME))
}

/** False while no SDK is registered: then no span is made, and the `traceparent` of a request is passed on as it came. */
export function isCollected(): boolean {
  return isSpanContextValid(trace.getTracer(NAME).startSpan('probe', {}, ROOT_CONTEXT).spanContext())
}

class OpenTelemetryTracer implements Tracer {
  readonly #tracer: ApiTracer

  constructor(tracer: ApiTracer) {
    this.#tracer = tracer
  }

  publish(
    publication: Publication,
    origin: PublishOrigin | undefined,
    work: (traceparent: string | undefined) => Promise<PublishReceipt>,
  ): Promise<PublishReceipt> {
    const { channels, connection } = publication
    const destination = connection === undefined ? channels : [connectionChannel(connection)]
    const span = this.#tracer.startSpan(
      'publish',
      { kind: SpanKind.PRODUCER, attributes: describe('publish', 'send', destination) },
      publisherOf(origin),
    )
    const published = within(span, () => work(traceparentOf(span.spanContext())))
    if (!span.isRecording()) return published
    return ended(span, published, ({ id, delivered, duplicate = false }) => ({
      ...(id === null ? {} : { 'messaging.message.id': id }),
      'fanline.delivered': delivered,
      'fanline.duplicate': duplicate,
    }))
  }

  append(draft: Draft, work: () => Promise<readonly Receipt[]>): Promise<readonly Receipt[]> {
    const publish = sampled(draft.event.traceparent)
    if (!publish) return work()
    const parent = trace.setSpanContext(context.active(), { ...publish, isRemote: false })
    const span = this.#tracer.startSpan('append', { kind: SpanKind.INTERNAL }, parent)
    return ended(span, within(span, work), () => ({}))
  }

  deliver(entries: readonly Entry[]): ((connections: number) => void) | undefined {
    const links: Link[] = []
    const channels = new Set<string>()
    let events = 0
    let before: Entry | undefined
    for (const entry of entries) {
      channels.add(entry.channel)
      // Entries of one publish stand side by side.
      if (entry.event === before?.event) continue
      before = entry
      events++
      const publish = links.length < MAX_LINKS ? sampled(entry.event.traceparent) : undefined
      if (publish) links.push({ context: publish, attributes: messageOf(entry) })
    }
    const [first] = links
    if (!first) return undefined
    // Below the first publish, where its sampler has decided already; the links lead to all.
    const span = this.#tracer.startSpan(
      'deliver',
      {
        kind: SpanKind.CONSUMER,
        links,
        attributes: {
          ...describe('deliver', 'process', [...channels]),
          ...(events > 1 ? { 'messaging.batch.message_count': events } : first.attributes),
        },
      },
      trace.setSpanContext(ROOT_CONTEXT, first.context),
    )
    return (connections) => span.setAttribute('fanline.connections', connections).end()
  }
}

/** Names as in the semantic conventions for messaging; a name of several channels would stand for none of them. */
function describe(name: string, type: string, channels: readonly string[]): Attributes {
  const attributes: Attributes = {
    'messaging.system': 'fanline',
    'messaging.operation.name': name,
    'messaging.operation.type': type,
  }
  if (channels.length === 1) attributes['messaging.destination.name'] = channels[0]
  return attributes
}

function messageOf({ position }: Entry): Attributes {
  return position === null ? {} : { 'messaging.message.id': String(position) }
}

/** What the application is doing, if that is traced; otherwise what the request names. */
function publisherOf(origin: PublishOrigin | undefined): Context {
  const active = context.active()
  if (trace.getSpan(active)) return active
  const traceparent = origin?.header('traceparent')
  return isTraceparent(traceparent) ? trace.setSpanContext(active, parse(traceparent)) : active
}

/** The publish of an event, if anybody collects it. */
function sampled(traceparent: string | undefined): SpanContext | undefined {
  if (traceparent === undefined || !(flagsOf(traceparent) & TraceFlags.SAMPLED)) return undefined
  return parse(traceparent)
}

function parse(traceparent: string): SpanContext {
  const [traceId, spanId] = [traceparent.slice(3, 35), traceparent.slice(36, 52)]
  return { traceId, spanId, traceFlags: flagsOf(traceparent), isRemote: true }
}

function flagsOf(traceparent: string): number {
  return Number.parseInt(traceparent.slice(53), 16)
}

function traceparentOf(span: SpanContext): string | undefined {
  if (!isSpanContextValid(span)) return undefined
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags & TraceFlags.SAMPLED ? '01' : '00'}`
}

/** Spans that others make meanwhile, such as those of a Redis client, come below this one. */
function within<T>(span: Span, work: () => Promise<T>): Promise<T> {
  return context.with(trace.setSpan(context.active(), span), work)
}

async function ended<T>(span: Span, work: Promise<T>, outcome: (result: T) => Attributes): Promise<T> {
  try {
    const result = await work
    span.setAttributes(outcome(result))
    return result
  } catch (error) {
    const { code, message } = toProblem(error)
    span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR, message })
    throw error
  } finally {
    span.end()
  }
}
