import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A network to a server of 127.0.0.1 that can let requests through and swallow what is answered, and then be cut. */
export interface SwallowingProxy {
  readonly port: number
  /** From now on nothing comes back on the connections that are open. */
  swallow(): void
  /** Cuts all connections; new ones pass. */
  cut(): void
  close(): Promise<void>
}

/** Starts one in front of a port of 127.0.0.1. */
export async function startSwallowingProxy(target: number): Promise<SwallowingProxy> {
  const clients = new Map<Socket, { swallows: boolean }>()
  const server = createServer((client) => {
    const state = { swallows: false }
    clients.set(client, state)
    const upstream = connect(target, '127.0.0.1')
    client.on('data', (bytes) => void upstream.write(bytes))
    upstream.on('data', (bytes) => {
      if (!state.swallows) client.write(bytes)
    })
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => undefined) // it closes, too
      socket.on('close', () => {
        clients.delete(client)
        other.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const client of clients.keys()) client.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    swallow() {
      for (const state of clients.values()) state.swallows = true
    },
    cut,
    async close() {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
