// @ts-check
// A coffee shop on plain node:http. Customers see their own orders on all their tabs, the barista everybody's.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createHub } from '@fanline/hub'
import { answerProblem, nativeRoutes, openAccess } from '@fanline/hub/routes'

const port = Number(process.env.PORT ?? 3000)
const page = readFileSync(new URL('index.html', import.meta.url))
const hub = createHub()
let orders = 0

// All of fanline's own API. openAccess() lets whoever can connect do everything: right on your own machine, where this
// listens. Elsewhere put an authenticator of your own here.
const push = nativeRoutes(hub, { authenticator: openAccess(), basePath: '/push' })

/** @type {Record<string, import('node:http').RequestListener>} */
const routes = {
  'GET /': (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page)
  },

  // The stream: the application decides who listens, and to what.
  'GET /events': (req, res) => {
    const user = userOf(req)
    if (!user) return void res.writeHead(401).end('Sign in first.\n')
    hub.handle(req, res, { user, channels: user === 'barista' ? ['orders'] : [] })
  },

  'POST /orders': async (req, res) => {
    const user = userOf(req)
    if (!user) return void res.writeHead(401).end('Sign in first.\n')
    const order = { number: ++orders, customer: user }
    try {
      await hub.publish({ user, channel: 'orders', event: 'order', data: order })
      res.writeHead(201, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(order)}\n`)
    } catch (error) {
      answerProblem(res, error)
    }
  },
}

/**
 * Stands for your session: believes the cookie.
 * @param {import('node:http').IncomingMessage} req
 */
function userOf(req) {
  return /(?:^|; )user=([\w-]+)/.exec(req.headers.cookie ?? '')?.[1]
}

const server = createServer((req, res) => {
  if (push.handle(req, res)) return
  const route = routes[`${req.method} ${req.url?.split('?')[0]}`]
  if (route) route(req, res)
  else res.writeHead(404).end('Not found.\n')
})

server.listen(port, '127.0.0.1', () => console.log(`http://localhost:${port}`))

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await hub.close() // tells every stream, and when to come back
    server.close()
    // Browsers keep spare connections open, which would hold the server for a minute.
    setTimeout(() => server.closeAllConnections(), 500).unref()
  })
}
