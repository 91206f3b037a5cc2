import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CreateHubOptions, createHub, type EmbeddedHub } from '../create-hub.ts'
import { TextStream } from './text-stream.ts'

/** How an adapter answers what comes through its doors. */
export interface AdapterDoors {
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  fetch(request: Request): Promise<Response>
}

/** Opens streams on an adapter, by a path such as `/?id=u1`. */
export type OpenStream = (path: string, headers?: Record<string, string>) => Promise<TextStream>

/**
 * Runs a test with an adapter behind node:http, and again with requests of the web standard.
 * @param wire makes the adapter and says which of its methods are the doors
 */
export async function throughBothDoors<Api>(
  options: CreateHubOptions,
  wire: (hub: EmbeddedHub) => { api: Api; doors: AdapterDoors },
  test: (api: Api, open: OpenStream, hub: EmbeddedHub) => Promise<void>,
): Promise<void> {
  for (const isNode of [true, false]) {
    const hub = createHub(options)
    const { api, doors } = wire(hub)
    const server = createServer((req, res) => void doors.handle(req, res))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const streams: TextStream[] = []
    const open: OpenStream = async (path, headers) => {
      const stream = await TextStream.open((init) => {
        return isNode
          ? fetch(`http://127.0.0.1:${port}${path}`, init)
          : doors.fetch(new Request(`http://hub.test${path}`, init))
      }, headers)
      streams.push(stream)
      return stream
    }
    try {
      await test(api, open, hub)
    } finally {
      await Promise.all(streams.map((stream) => stream.close()))
      await hub.close({ drainMs: 0 })
      server.close()
      server.closeAllConnections()
    }
  }
}
