// @ts-check
// A coffee shop on Hono. Customers see their own orders on all their tabs, the barista everybody's.
import { readFileSync } from 'node:fs'
import { createHub } from '@fanline/hub'
import { nativeRoutes, openAccess } from '@fanline/hub/routes'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { getCookie } from 'hono/cookie'

const port = Number(process.env.PORT ?? 3000)
const page = readFileSync(new URL('index.html', import.meta.url), 'utf8')
const hub = createHub()
let orders = 0

const app = new Hono()

// All of fanline's own API. openAccess() lets whoever can connect do everything: right on your own machine, where this
// listens. Elsewhere put an authenticator of your own here.
const push = nativeRoutes(hub, { authenticator: openAccess(), basePath: '/push' })
app.all('/push/*', (c) => push.fetch(c.req.raw) ?? c.notFound())

app.get('/', (c) => c.html(page))

// The stream: the application decides who listens, and to what.
app.get('/events', async (c) => {
  const user = userOf(c)
  if (!user) return c.text('Sign in first.\n', 401)
  return hub.fetch(c.req.raw, { user, channels: user === 'barista' ? ['orders'] : [] })
})

app.post('/orders', async (c) => {
  const user = userOf(c)
  if (!user) return c.text('Sign in first.\n', 401)
  const order = { number: ++orders, customer: user }
  await hub.publish({ user, channel: 'orders', event: 'order', data: order })
  return c.json(order, 201)
})

/**
 * Stands for your session: believes the cookie.
 * @param {import('hono').Context} c
 */
function userOf(c) {
  return getCookie(c, 'user')?.match(/^[\w-]+$/)?.[0]
}

const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () => {
  console.log(`http://localhost:${port}`)
})

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await hub.close() // tells every stream, and when to come back
    server.close()
    // Browsers keep spare connections open, which would hold the server for a minute.
    setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), 500).unref()
  })
}
