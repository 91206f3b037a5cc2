// The client against servers that others wrote, as their pages say to use them.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { connect } from '@fanline/client'
import { EventSource } from '@fanline/client/eventsource'
import { fastifySSE } from '@fastify/sse'
import { getRequestListener } from '@hono/node-server'
import { createSession } from 'better-sse'
import fastify from 'fastify'
import { EventStream, H3, toNodeHandler } from 'h3'
import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import { startCuttingProxy } from './cutting-proxy.ts'
import { eventually } from './eventually.ts'
import { KeptEvents } from './kept-events.ts'

/** A server that sends events at `/events`, not listening yet. */
const servers: Record<string, (events: KeptEvents) => Promise<Server>> = {
  'better-sse': async (events) =>
    createServer(async (req, res) => {
      const session = await createSession(req, res, { serializer: String })
      const stop = events.follow(session.lastId, ({ id, data }) => session.push(data, 'message', id))
      session.on('disconnected', stop)
    }),

  '@fastify/sse': async (events) => {
    const app = fastify()
    await app.register(fastifySSE)
    app.get('/events', { sse: { kind: 'only', serializer: String } }, async (_, reply) => {
      reply.sse.keepAlive()
      reply.sse.sendHeaders()
      reply.sse.onClose(events.follow(reply.sse.lastEventId, (event) => reply.sse.send(event)))
    })
    await app.ready()
    return app.server
  },

  hono: async (events) => {
    const app = new Hono()
    app.get('/events', (c) =>
      streamSSE(c, async (stream) => {
        const stop = events.follow(c.req.header('Last-Event-ID'), (event) => stream.writeSSE(event))
        await new Promise<void>((resolve) => stream.onAbort(resolve))
        stop()
      }),
    )
    return createServer(getRequestListener(app.fetch))
  },

  h3: async (events) => {
    const app = new H3()
    app.get('/events', (event) => {
      const stream = new EventStream(event)
      stream.onClosed(events.follow(event.req.headers.get('last-event-id'), (event) => stream.push(event)))
      return stream
    })
    return createServer(toNodeHandler(app))
  },
}

type Listen = (url: string, hear: (id: string | undefined, data: unknown) => void) => { close(): void }

const clients: Record<string, Listen> = {
  connect: (url, hear) => {
    const stream = connect(url)
    stream.on('message', ({ id, data }) => hear(id, data))
    return stream
  },
  EventSource: (url, hear) => {
    const source = new EventSource(url)
    source.onmessage = ({ lastEventId, data }) => hear(lastEventId, data)
    return source
  },
}

for (const [serverName, create] of Object.entries(servers)) {
  for (const [clientName, listen] of Object.entries(clients))
    test(`${clientName} hears what it missed from ${serverName}, once and in order`, async (t) => {
      const events = new KeptEvents()
      const server = await create(events)
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const proxy = await startCuttingProxy((server.address() as AddressInfo).port)
      const heard: string[] = []
      const client = listen(`${proxy.origin}/events`, (id, data) => heard.push(`${id}: ${data}`))
      t.after(async () => {
        client.close()
        await proxy.close()
        server.close()
        server.closeAllConnections()
      })

      await eventually(() => events.followers === 1, 'the stream')
      for (const data of ['a', 'b']) events.publish(data)
      await eventually(() => heard.length === 2, 'two events')
      proxy.cut()
      for (const data of ['c', 'd']) events.publish(data)
      await eventually(() => heard.length === 4, 'what was missed')
      events.publish('e')
      await eventually(() => heard.length === 5, 'what came after it')
      assert.deepEqual(heard, ['1: a', '2: b', '3: c', '4: d', '5: e'])
      assert.equal(proxy.streams, 2)
    })
}
