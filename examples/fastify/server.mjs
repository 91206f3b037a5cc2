// @ts-check
// A coffee shop on Fastify 5. Customers see their own orders on all their tabs, the barista everybody's.
import { readFileSync } from 'node:fs'
import { createHub } from '@fanline/hub'
import { nativeRoutes, openAccess } from '@fanline/hub/routes'
import Fastify from 'fastify'

const port = Number(process.env.PORT ?? 3000)
const page = readFileSync(new URL('index.html', import.meta.url))
const hub = createHub()
let orders = 0

const app = Fastify()

app.addHook('onRequest', async (_request, reply) => {
  reply.header('X-Content-Type-Options', 'nosniff')
})

// All of fanline's own API. openAccess() lets whoever can connect do everything: right on your own machine, where this
// listens. Elsewhere put an authenticator of your own here.
const push = nativeRoutes(hub, { authenticator: openAccess(), basePath: '/push' })
app.register(async (scope) => {
  // The hub reads bodies itself.
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _body, done) => done(null))
  scope.all('/push/*', (request, reply) => {
    if (push.handle(request.raw, handOver(reply))) reply.hijack()
    else reply.callNotFound()
  })
})

app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(page))

// The stream: the application decides who listens, and to what.
app.get('/events', (request, reply) => {
  const user = userOf(request)
  if (!user) return reply.code(401).send('Sign in first.\n')
  reply.hijack()
  hub.handle(request.raw, handOver(reply), { user, channels: user === 'barista' ? ['orders'] : [] })
})

app.post('/orders', async (request, reply) => {
  const user = userOf(request)
  if (!user) return reply.code(401).send('Sign in first.\n')
  const order = { number: ++orders, customer: user }
  await hub.publish({ user, channel: 'orders', event: 'order', data: order })
  return reply.code(201).send(order)
})

/**
 * Stands for your session: believes the cookie.
 * @param {import('fastify').FastifyRequest} request
 */
function userOf(request) {
  return /(?:^|; )user=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1]
}

/**
 * The response for the hub, with the headers that hooks have set: CORS, cookies, security.
 * @param {import('fastify').FastifyReply} reply
 */
function handOver(reply) {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value)
  }
  return reply.raw
}

app.addHook('preClose', async () => {
  await hub.close() // tells every stream, and when to come back
  // Browsers keep spare connections open, which would hold the server for a minute.
  setTimeout(() => app.server.closeAllConnections(), 500).unref()
})

await app.listen({ port, host: '127.0.0.1' })
console.log(`http://localhost:${port}`)

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
