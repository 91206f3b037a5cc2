import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type CreateHubOptions, createHub, type EmbeddedHub } from '@fanline/hub'
import { type Authenticator, nativeRoutes, openAccess } from '@fanline/hub/routes'

/** A hub behind real sockets, which can be cut. */
export interface HubServer {
  readonly hub: EmbeddedHub
  /** The address of its streams. */
  readonly url: string
  /** Breaks every connection that is open now. */
  cut(): void
  close(): Promise<void>
}

/** How a hub is served. */
export interface HubServerOptions extends CreateHubOptions {
  readonly authenticator?: Authenticator
  /** Takes a request that is not for the native routes. */
  readonly other?: (hub: EmbeddedHub) => RequestListener
}

/** Starts a hub with its native routes on a free port. */
export async function serveHub({
  authenticator,
  other,
  ...options
}: HubServerOptions = {}): Promise<HubServer> {
  const hub = createHub(options)
  const routes = nativeRoutes(hub, { authenticator: authenticator ?? openAccess() })
  const fallback = other?.(hub)
  const served = await serve((req, res) => {
    if (!routes.handle(req, res)) fallback?.(req, res)
  })
  return {
    hub,
    url: `${served.origin}/v1/events`,
    cut: served.cut,
    async close() {
      await hub.close({ drainMs: 0 })
      await served.close()
    },
  }
}

/** Runs a test beside a hub, and takes it down. */
export async function withServer(
  options: HubServerOptions,
  test: (server: HubServer) => Promise<void>,
): Promise<void> {
  const server = await serveHub(options)
  try {
    await test(server)
  } finally {
    await server.close()
  }
}

/** Any server on a free port, whose connections can be cut. */
export async function serve(
  listener: RequestListener,
): Promise<{ readonly origin: string; cut(): void; close(): Promise<void> }> {
  const server = createServer(listener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      cut()
      await closed
    },
  }
}
