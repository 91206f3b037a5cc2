import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { parsePublication } from '@fanline/protocol'
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  ParentBasedSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node'
import { createClient } from '@redis/client'
import { memoryLog } from '../log/memory.ts'
import { redisLog } from '../log/redis.ts'
import { eventually } from '../testing/deadline.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { nodeDoor, withHub } from '../testing/served-hub.ts'
import { isCollected, openTelemetryTracer } from './opentelemetry.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const SAMPLED = { traceparent: `00-${TRACE}-${PARENT}-01` }
const UNSAMPLED = { traceparent: `00-${TRACE}-${PARENT}-00` }

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const tracer = openTelemetryTracer(provider)
afterEach(() => exporter.reset())
after(() => provider.shutdown())

const ORDER = JSON.stringify({ channel: 'orders', data: 'new' })

/** Waits for spans of this name. */
async function spans(name: string, count = 1): Promise<ReadableSpan[]> {
  const found = () => exporter.getFinishedSpans().filter((span) => span.name === name)
  await eventually(() => found().length >= count, `${count} spans ${name}`)
  assert.equal(found().length, count)
  return found()
}

function traceparentOf(span: ReadableSpan | undefined): string {
  const { traceId, spanId } = span!.spanContext()
  return `00-${traceId}-${spanId}-01`
}

describe('a hub with a tracer of OpenTelemetry', () => {
  it('traces an event from the request that published it to its subscribers', async () => {
    await withHub(nodeDoor, { tracer }, async (served) => {
      const clients = [await served.listen('/v1/events/orders'), await served.listen('/v1/events/orders')]
      const { json } = await served.call('POST', '/v1/publish', ORDER, SAMPLED)
      const [publish] = await spans('publish')
      const [append] = await spans('append')
      const [deliver] = await spans('deliver')
      assert.equal(publish!.kind, SpanKind.PRODUCER)
      assert.equal(publish!.spanContext().traceId, TRACE)
      assert.equal(publish!.parentSpanContext?.spanId, PARENT)
      assert.deepEqual(publish!.attributes, {
        'messaging.system': 'fanline',
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.destination.name': 'orders',
        'messaging.message.id': json.id,
        'fanline.delivered': 2,
        'fanline.duplicate': false,
      })
      assert.equal(append!.kind, SpanKind.INTERNAL)
      assert.equal(append!.parentSpanContext?.spanId, publish!.spanContext().spanId)
      assert.equal(deliver!.kind, SpanKind.CONSUMER)
      assert.equal(deliver!.parentSpanContext?.spanId, publish!.spanContext().spanId)
      assert.deepEqual(
        deliver!.links.map((link) => link.context.spanId),
        [publish!.spanContext().spanId],
      )
      assert.deepEqual(deliver!.attributes, {
        'messaging.system': 'fanline',
        'messaging.operation.name': 'deliver',
        'messaging.operation.type': 'process',
        'messaging.destination.name': 'orders',
        'messaging.message.id': json.id,
        'fanline.connections': 2,
      })
      for (const client of clients) {
        const heard = await client.next()
        assert.equal(heard.data, 'new')
        assert.equal(heard.traceparent, traceparentOf(publish))
      }
    })
  })

  it('gives the same traceparent to who comes back, in every form of the stream', async () => {
    await withHub(nodeDoor, { tracer }, async (served) => {
      const before = await served.listen('/v1/events/orders')
      await served.call('POST', '/v1/publish', ORDER, SAMPLED)
      const { traceparent } = await before.next()
      await before.close()
      const resumed = await served.resume('/v1/events/orders', String(Number(before.lastId) - 1))
      assert.equal((await resumed.next()).traceparent, traceparent)
      const accept = 'application/x-ndjson'
      const abort = new AbortController()
      const lines = await served.fetch(`${served.url}/v1/events/orders?since=start`, {
        headers: { accept },
        signal: abort.signal,
      })
      let text = ''
      for await (const chunk of lines.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk
        if (text.includes('"new"')) break
      }
      abort.abort()
      assert.match(text, new RegExp(`"channel":"orders","traceparent":"${traceparent}","data":"new"`))
    })
  })

  it('makes one span of what leaves in one write, with a link to each publish', async () => {
    await withHub(nodeDoor, { tracer }, async (served) => {
      await served.listen('/v1/events?channel=a,b')
      await Promise.all([
        served.hub.publish({ channels: ['a', 'b'], data: 1 }),
        served.hub.publish({ channel: 'a', data: 2 }),
      ])
      const publishes = await spans('publish', 2)
      const [deliver] = await spans('deliver')
      assert.deepEqual(
        deliver!.links.map((link) => link.context.spanId),
        publishes.map((span) => span.spanContext().spanId),
      )
      assert.equal(deliver!.attributes['messaging.batch.message_count'], 2)
      assert.equal(deliver!.attributes['messaging.destination.name'], undefined)
      assert.equal(deliver!.attributes['fanline.connections'], 1)
    })
  })

  it('begins a trace of its own where the request names none, or what is no traceparent', async () => {
    await withHub(nodeDoor, { tracer }, async (served) => {
      const client = await served.listen('/v1/events/orders')
      for (const wrong of [
        '',
        '00-1-2-01',
        `${SAMPLED.traceparent}, x`,
        `00-${'0'.repeat(32)}-${PARENT}-01`,
      ]) {
        exporter.reset()
        await served.call('POST', '/v1/publish', ORDER, wrong === '' ? {} : { traceparent: wrong })
        const [publish] = await spans('publish')
        assert.equal(publish!.parentSpanContext, undefined)
        assert.equal((await client.next()).traceparent, traceparentOf(publish))
      }
    })
  })

  it('tells what went wrong by its code', async () => {
    await withHub(nodeDoor, { tracer, limits: { dataBytes: 3 } }, async (served) => {
      await assert.rejects(served.hub.publish({ channel: 'a', data: 'four' }))
      const [publish] = await spans('publish')
      assert.equal(publish!.attributes['error.type'], 'data-too-large')
      assert.equal(publish!.status.code, SpanStatusCode.ERROR)
    })
  })

  it('goes on with what the application traces, and lets the log do so', async () => {
    const own = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
    own.register()
    const log = memoryLog()
    const active: (string | undefined)[] = []
    const append = log.append.bind(log)
    log.append = (drafts) => {
      active.push(trace.getActiveSpan()?.spanContext().spanId)
      return append(drafts)
    }
    try {
      await withHub(nodeDoor, { tracer: openTelemetryTracer(), log }, async ({ hub }) => {
        const work = own.getTracer('app').startSpan('work')
        await context.with(trace.setSpan(context.active(), work), () =>
          hub.publish({ channel: 'a', data: 1 }),
        )
        const [publish] = await spans('publish')
        assert.equal(publish!.parentSpanContext?.spanId, work.spanContext().spanId)
        assert.deepEqual(active, [(await spans('append'))[0]!.spanContext().spanId])
        assert.equal(isCollected(), true)
      })
    } finally {
      trace.disable()
      context.disable()
    }
  })

  it('makes no span below a publish that is not sampled, and carries its traceparent all the same', async () => {
    const sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0) })
    const quiet = new NodeTracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor(exporter)] })
    await withHub(nodeDoor, { tracer: openTelemetryTracer(quiet) }, async (served) => {
      const client = await served.listen('/v1/events/orders')
      await served.call('POST', '/v1/publish', ORDER, UNSAMPLED)
      assert.match((await client.next()).traceparent!, new RegExp(`^00-${TRACE}-(?!${PARENT}).{16}-00$`))
      const order = parsePublication({ channel: 'orders', data: 'new' })
      const accept = ({ traceparent }: typeof SAMPLED) =>
        served.hub.accept(order, { header: (name) => (name === 'traceparent' ? traceparent : undefined) })
      await Promise.all([accept(UNSAMPLED), accept(SAMPLED)])
      const [deliver] = await spans('deliver')
      assert.equal(deliver!.links.length, 1)
      assert.equal(exporter.getFinishedSpans().length, 3)
    })
  })

  it('passes a traceparent on where no SDK collects spans', async () => {
    assert.equal(isCollected(), false)
    await withHub(nodeDoor, { tracer: openTelemetryTracer() }, async (served) => {
      const client = await served.listen('/v1/events/orders')
      await served.call('POST', '/v1/publish', ORDER, SAMPLED)
      assert.equal((await client.next()).traceparent, SAMPLED.traceparent)
      await served.publish({ channel: 'orders', data: 1 })
      assert.equal((await client.next()).traceparent, undefined)
    })
  })

  it('links deliveries of one hub to the publish of another', async () => {
    const server = await RedisServer.start()
    const log = () => redisLog({ client: createClient({ url: server.url }) as never })
    try {
      await withHub(nodeDoor, { tracer, log: log() }, (publisher) =>
        withHub(nodeDoor, { tracer, log: log() }, async (listener) => {
          const client = await listener.listen('/v1/events/orders')
          await publisher.call('POST', '/v1/publish/orders', 'new', SAMPLED)
          const [publish] = await spans('publish')
          const [deliver] = await spans('deliver')
          assert.equal(deliver!.spanContext().traceId, TRACE)
          assert.equal(deliver!.links[0]!.context.spanId, publish!.spanContext().spanId)
          assert.equal((await client.next()).traceparent, traceparentOf(publish))
        }),
      )
    } finally {
      await server.stop()
    }
  })
})

it('a hub without a tracer carries no traceparent', async () => {
  await withHub(nodeDoor, {}, async (served) => {
    const client = await served.listen('/v1/events/orders')
    await served.call('POST', '/v1/publish', ORDER, SAMPLED)
    assert.equal((await client.next()).traceparent, undefined)
  })
})
