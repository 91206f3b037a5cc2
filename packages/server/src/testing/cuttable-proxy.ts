import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** Stands between a client and a server, and can cut them apart. */
export interface CuttableProxy {
  readonly url: string
  /** Ends all connections without a farewell. */
  cut(): void
  /** Keeps connections open, but carries nothing any more. */
  freeze(): void
}

/** Starts a proxy in front of a port of 127.0.0.1. */
export async function cuttableProxy(test: TestContext, port: number): Promise<CuttableProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    client.pipe(upstream)
    upstream.pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  test.after(() => {
    server.close()
    cut()
  })
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    cut,
    freeze() {
      for (const socket of sockets) socket.unpipe().pause()
    },
  }
}
