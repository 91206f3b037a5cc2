import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openAccess } from '../authenticator.ts'
import { type CreateHubOptions, createHub, type EmbeddedHub } from '../create-hub.ts'
import { nativeRoutes, type Routes, type RoutesOptions } from '../http/routes.ts'
import { eventually, inTime } from './deadline.ts'
import { type Fetch, StreamClient } from './stream-client.ts'

interface OpenDoor {
  readonly url: string
  readonly fetch: Fetch
  close(): Promise<void>
}

/** A way in which requests come to the routes. */
export interface Door {
  readonly name: string
  open(routes: Routes): Promise<OpenDoor>
}

/** An answer that is not a stream. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it and fails where it is something else
  readonly json: any
}

/** A hub behind a door, and short ways to speak to it. */
export class ServedHub {
  readonly hub: EmbeddedHub
  readonly url: string
  readonly fetch: Fetch
  readonly #clients: StreamClient[] = []

  constructor(hub: EmbeddedHub, { url, fetch }: OpenDoor) {
    this.hub = hub
    this.url = url
    this.fetch = fetch
  }

  /** Opens a stream on a path such as `/v1/events/news?user=u`. */
  async open(path: string, headers: Record<string, string> = {}): Promise<StreamClient> {
    const client = await StreamClient.open(this.fetch, `${this.url}${path}`, headers)
    this.#clients.push(client)
    return client
  }

  /** Opens a stream, and takes its hello. */
  async listen(path: string, headers: Record<string, string> = {}): Promise<StreamClient> {
    const client = await this.open(path, headers)
    const { event } = await client.next()
    if (event !== 'fanline.hello') throw new Error(`The stream begins with ${event}.`)
    return client
  }

  /** Opens a stream where another one was cut. */
  async resume(path: string, id: string | undefined): Promise<StreamClient> {
    return this.listen(path, id === undefined ? {} : { 'Last-Event-ID': id })
  }

  async call(
    method: string,
    path: string,
    body?: NonNullable<RequestInit['body']>,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await this.fetch(`${this.url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body, duplex: 'half' }),
    } as RequestInit)
    const text = await inTime(response.text(), () => `the end of the answer to ${method} ${path}`)
    return {
      status: response.status,
      headers: response.headers,
      text,
      get json() {
        return JSON.parse(text)
      },
    }
  }

  async publish(request: unknown): Promise<Answer> {
    return this.call('POST', '/v1/publish', JSON.stringify(request))
  }

  /** Waits until so many streams are open. */
  async hasConnections(count: number): Promise<void> {
    await eventually(() => this.hub.stats().connections === count, `${count} connections`)
  }

  /** Every client of this test leaves. */
  async leave(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()))
  }
}

/** Runs a test with a hub behind a door, and takes everything down after it. */
export async function withHub(
  door: Door,
  options: CreateHubOptions,
  test: (served: ServedHub) => Promise<void>,
  routes: Partial<RoutesOptions> = {},
): Promise<void> {
  const hub = createHub(options)
  const opened = await door.open(nativeRoutes(hub, { authenticator: openAccess(), ...routes }))
  const served = new ServedHub(hub, opened)
  try {
    await test(served)
  } finally {
    await served.leave()
    await hub.close({ drainMs: 0 })
    await opened.close()
  }
}

const NOT_FOUND = (): Response => new Response('not here', { status: 404 })

/** No server at all: requests and responses of the web standard, handed over. */
export const inProcessDoor: Door = {
  name: 'requests of the web standard',
  open: async (routes) => ({
    url: 'http://hub.test',
    fetch: async (url, init) => (await routes.fetch(new Request(url, init))) ?? NOT_FOUND(),
    close: async () => undefined,
  }),
}

/** node:http, on every runtime that has it; `prepare` sees the server before it listens. */
export const nodeDoorWith = (prepare: (server: Server) => void): Door => ({
  name: 'node:http',
  async open(routes) {
    const server = createServer((req, res) => {
      if (!routes.handle(req, res)) res.writeHead(404).end('not here')
    })
    prepare(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    return {
      url: `http://127.0.0.1:${port}`,
      fetch: (url, init) => fetch(url, init),
      async close() {
        const closed = new Promise((resolve) => server.close(resolve))
        server.closeAllConnections()
        await closed
      },
    }
  },
})

/** node:http as it is. */
export const nodeDoor: Door = nodeDoorWith(() => undefined)

type Handler = (request: Request) => Promise<Response> | Response

interface BunServer {
  readonly port: number
  timeout(request: Request, seconds: number): void
  stop(closeActiveConnections: boolean): Promise<void>
}

interface Runtimes {
  readonly Bun?: {
    serve(options: {
      hostname: string
      port: number
      fetch(request: Request, server: BunServer): Promise<Response> | Response
    }): BunServer
  }
  readonly Deno?: {
    serve(
      options: { hostname: string; port: number; signal: AbortSignal; onListen(): void },
      handler: Handler,
    ): { readonly addr: { readonly port: number }; readonly finished: Promise<void> }
  }
}

const { Bun, Deno } = globalThis as Runtimes

const bunDoor = (bun: NonNullable<Runtimes['Bun']>): Door => ({
  name: 'Bun.serve',
  async open(routes) {
    const server = bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch(request, server) {
        server.timeout(request, 0)
        return routes.fetch(request) ?? NOT_FOUND()
      },
    })
    return {
      url: `http://127.0.0.1:${server.port}`,
      fetch: (url, init) => fetch(url, init),
      close: () => server.stop(true),
    }
  },
})

const denoDoor = (deno: NonNullable<Runtimes['Deno']>): Door => ({
  name: 'Deno.serve',
  async open(routes) {
    const stop = new AbortController()
    const options = { hostname: '127.0.0.1', port: 0, signal: stop.signal, onListen: () => undefined }
    const server = deno.serve(options, (request) => routes.fetch(request) ?? NOT_FOUND())
    return {
      url: `http://127.0.0.1:${server.addr.port}`,
      fetch: (url, init) => fetch(url, init),
      async close() {
        stop.abort()
        await server.finished
      },
    }
  },
})

/** The runtime's own server: the door through which most tests go. */
export const nativeDoor: Door = Bun ? bunDoor(Bun) : Deno ? denoDoor(Deno) : nodeDoor

/** Every door that this runtime has. */
export const doors: readonly Door[] = [...new Set([nativeDoor, nodeDoor, inProcessDoor])]
