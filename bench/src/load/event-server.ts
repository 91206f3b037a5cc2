/** A worker thread: a server whose streams have an event whenever there is room. Says its port. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort } from 'node:worker_threads'
import { eventBytes, HELLO } from './event-bytes.ts'

const server = createServer(async (_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  response.write(HELLO)
  for (let count = 1; !response.destroyed; count++) {
    if (!response.write(eventBytes(count)))
      await Promise.race([once(response, 'drain'), once(response, 'close')])
  }
})
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port))
