// @ts-check
// What one writes with the package resumable-stream, on a hub in place of its Redis.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { createHub } from '@fanline/hub'
import { createResumableStreamContext } from '@fanline/hub/resumable-stream'

const port = Number(process.env.PORT ?? 3000)
const page = readFileSync(new URL('index.html', import.meta.url))
const hub = createHub()
const streams = createResumableStreamContext({ hub, waitUntil: null })

/** Stands for your model, and needs no key: it counts. @returns {ReadableStream<string>} */
function count() {
  return new ReadableStream({
    async start(controller) {
      for (let i = 1; i <= 100; i++) {
        await setTimeout(25)
        controller.enqueue(`${i} `)
      }
      controller.close()
    },
  })
}

const server = createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost')
  const [, id] = /^\/count\/([\w-]+)$/.exec(pathname) ?? []
  if (pathname === '/') {
    res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page)
  } else if (!id) {
    res.writeHead(404).end()
  } else {
    // Begins to count, or goes on for who has so many characters already.
    const text = await streams.resumableStream(id, count, Number(searchParams.get('skip')))
    if (!text) return void res.writeHead(422).end('It has ended.\n')
    res.writeHead(200, { 'Content-Type': 'text/plain', 'X-Accel-Buffering': 'no' })
    res.flushHeaders()
    Readable.fromWeb(/** @type {import('node:stream/web').ReadableStream} */ (text)).pipe(res)
  }
})

server.listen(port, '127.0.0.1', () => console.log(`http://localhost:${port}`))

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await hub.close()
    server.close()
    // Browsers keep spare connections open, which would hold the server for a minute.
    setTimeout(500, undefined, { ref: false }).then(() => server.closeAllConnections())
  })
}
