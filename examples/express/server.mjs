// @ts-check
// A coffee shop on Express 5. Customers see their own orders on all their tabs, the barista everybody's.
import { fileURLToPath } from 'node:url'
import { createHub } from '@fanline/hub'
import { nativeRoutes, openAccess } from '@fanline/hub/routes'
import express from 'express'

const port = Number(process.env.PORT ?? 3000)
const page = fileURLToPath(new URL('index.html', import.meta.url))
const hub = createHub()
let orders = 0

const app = express()

// All of fanline's own API. openAccess() lets whoever can connect do everything: right on your own machine, where this
// listens. Elsewhere put an authenticator of your own here.
// It comes before express.json() and the like, because the hub reads bodies itself.
const push = nativeRoutes(hub, { authenticator: openAccess(), basePath: '/push' })
app.use((req, res, next) => {
  if (!push.handle(req, res)) next()
})

app.get('/', (_req, res) => res.sendFile(page))

// The stream: the application decides who listens, and to what.
app.get('/events', (req, res) => {
  const user = userOf(req)
  if (!user) return void res.status(401).send('Sign in first.\n')
  hub.handle(req, res, { user, channels: user === 'barista' ? ['orders'] : [] })
})

app.post('/orders', async (req, res) => {
  const user = userOf(req)
  if (!user) return void res.status(401).send('Sign in first.\n')
  const order = { number: ++orders, customer: user }
  await hub.publish({ user, channel: 'orders', event: 'order', data: order })
  res.status(201).json(order)
})

/**
 * Stands for your session: believes the cookie.
 * @param {express.Request} req
 */
function userOf(req) {
  return /(?:^|; )user=([\w-]+)/.exec(req.headers.cookie ?? '')?.[1]
}

const server = app.listen(port, '127.0.0.1', (error) => {
  if (error) throw error
  console.log(`http://localhost:${port}`)
})

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await hub.close() // tells every stream, and when to come back
    server.close()
    // Browsers keep spare connections open, which would hold the server for a minute.
    setTimeout(() => server.closeAllConnections(), 500).unref()
  })
}
