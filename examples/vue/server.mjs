// @ts-check
// A coffee shop with a page of Vue: orders show at once, on every page, and outlive a restart.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createHub, memoryLog } from '@fanline/hub'
import { answerProblem, nativeRoutes, openAccess } from '@fanline/hub/routes'
import { snapshotFile } from '@fanline/hub/snapshot-file'
import { rolldown } from 'rolldown'
import { compileScript, parse } from 'vue/compiler-sfc'

/** How long a coffee takes. */
const COFFEE_MS = 1000

/** What of a bundler's plugin for Vue this needs. */
const components = {
  name: 'vue',
  /**
   * @param {string} source
   * @param {string} id
   */
  transform(source, id) {
    if (!id.endsWith('.vue')) return undefined
    const { descriptor } = parse(source, { filename: id })
    return { code: compileScript(descriptor, { id, inlineTemplate: true }).content, moduleType: 'js' }
  },
}

const port = Number(process.env.PORT ?? 3000)
const page = readFileSync(new URL('index.html', import.meta.url))
const script = await bundle('page.js')
const log = memoryLog({ snapshot: snapshotFile(process.env.SNAPSHOT ?? 'orders.snapshot') })
const hub = createHub({ log })
await hub.ready

// All of fanline's own API. openAccess() lets whoever can connect do everything: right on your own machine, where this
// listens. Elsewhere put an authenticator of your own here.
const push = nativeRoutes(hub, { authenticator: openAccess(), basePath: '/push' })

/** @type {Record<string, import('node:http').RequestListener>} */
const routes = {
  'GET /': (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page)
  },

  'GET /page.js': (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script)
  },

  'POST /orders': async (req, res) => {
    try {
      const order = /** @type {{ table: number, drink: string }} */ (await json(req))
      await hub.publish({ channel: 'orders', event: 'order', data: order })
      setTimeout(() => {
        const told = hub.publish({ channel: `table.${order.table}`, event: 'ready', data: order })
        told.catch(console.error) // the hub is closing, say
      }, COFFEE_MS)
      res.writeHead(204).end()
    } catch (error) {
      answerProblem(res, error)
    }
  },
}

/** @param {string} file */
async function bundle(file) {
  const input = fileURLToPath(new URL(file, import.meta.url))
  const define = {
    'process.env.NODE_ENV': JSON.stringify(process.env.NODE_ENV ?? 'development'),
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  }
  const bundled = await rolldown({ input, platform: 'browser', transform: { define }, plugins: [components] })
  const { output } = await bundled.generate({ codeSplitting: false })
  await bundled.close()
  return output[0].code
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
    await hub.close() // tells every stream, and writes the snapshot
    server.close()
    // Browsers keep spare connections open, which would hold the server for a minute.
    setTimeout(() => server.closeAllConnections(), 500).unref()
  })
}
