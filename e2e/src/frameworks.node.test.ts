// The hub inside frameworks that have no example of their own, or with what people put in front of it.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { createHub, type EmbeddedHub } from '@fanline/hub'
import { nativeRoutes, openAccess } from '@fanline/hub/routes'
import { Controller, Get, Module, Req, Res } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import compression from 'compression'
import express from 'express'
import Koa from 'koa'
import { CurlStream } from './curl-stream.ts'

/** An application that serves alice the channel `news` at `/events`, and listens on a free port of 127.0.0.1. */
type Application = (hub: EmbeddedHub) => Promise<Server>

const ALICE = { user: 'alice', channels: ['news'] }

const applications: Record<string, Application> = {
  'Express 5 behind compression': async (hub) => {
    const app = express()
    app.use(compression({ threshold: 0 }))
    const routes = nativeRoutes(hub, { authenticator: openAccess() })
    app.use((req, res, next) => {
      if (!routes.handle(req, res)) next()
    })
    app.get('/events', (req, res) => hub.handle(req, res, ALICE))
    app.get('/text', (_req, res) => res.type('text').send('compressed '.repeat(100)))
    return listening(app.listen(0, '127.0.0.1'))
  },

  'Koa 3': async (hub) => {
    const app = new Koa()
    app.use(async (ctx, next) => {
      if (ctx.path !== '/events') return next()
      ctx.respond = false
      await hub.handle(ctx.req, ctx.res, ALICE)
    })
    return listening(app.listen(0, '127.0.0.1'))
  },

  'Nest 11': async (hub) => {
    class Events {
      listen(req: IncomingMessage, res: ServerResponse): Promise<void> {
        return hub.handle(req, res, ALICE)
      }
    }
    class App {}
    // What `@Controller() class Events { @Get('events') listen(@Req() req, @Res() res) … }` compiles to.
    Req()(Events.prototype, 'listen', 0)
    Res()(Events.prototype, 'listen', 1)
    Get('events')(Events.prototype, 'listen', Object.getOwnPropertyDescriptor(Events.prototype, 'listen')!)
    Controller()(Events)
    Module({ controllers: [Events] })(App)
    const app = await NestFactory.create(App, { logger: false })
    await app.listen(0, '127.0.0.1')
    return app.getHttpServer()
  },
}

for (const [name, start] of Object.entries(applications)) {
  describe(name, () => {
    test('events arrive at once, also those that were missed, until the hub is closed', async () => {
      const hub = createHub()
      const server = await start(hub)
      const url = `${originOf(server)}/events`

      const first = new CurlStream('--compressed', url)
      assert.equal((await first.next()).event, 'fanline.hello')
      const { id, delivered } = await hub.publish({ channel: 'news', data: 'one' })
      assert.equal(delivered, 1)
      assert.deepEqual(await first.next(), { id, event: 'message', data: 'one' })
      await hub.publish({ user: 'alice', data: { for: 'alice' } })
      assert.equal((await first.next()).data, '{"for":"alice"}')
      await first.leave()

      const second = new CurlStream('--compressed', '-H', `Last-Event-ID: ${id}`, url)
      assert.equal((await second.next()).event, 'fanline.hello')
      assert.equal((await second.next()).data, '{"for":"alice"}')

      const ended = once(server, 'close')
      await hub.close()
      server.close()
      assert.equal((await second.next()).event, 'fanline.checkpoint')
      assert.deepEqual(JSON.parse((await second.next()).data), { reason: 'drain', reconnect: true })
      assert.equal(await second.over, 0)
      await ended
    })
  })
}

test('compression leaves streams as they are, and compresses the rest', async () => {
  const hub = createHub()
  const server = await applications['Express 5 behind compression']!(hub)
  const answers: [path: string, encoding: string | null][] = [
    ['/text', 'gzip'],
    ['/v1/stats', 'gzip'],
    ['/events', null],
    ['/v1/events/news', null],
  ]
  const leave = new AbortController()
  for (const [path, encoding] of answers) {
    const headers = { 'Accept-Encoding': 'gzip' }
    const response = await fetch(`${originOf(server)}${path}`, { headers, signal: leave.signal })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-encoding'), encoding, path)
    if (encoding) assert.match(await response.text(), /compressed|"connections":0/)
  }
  leave.abort()
  server.close()
  await hub.close()
})

async function listening(server: Server): Promise<Server> {
  await once(server, 'listening')
  return server
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
