import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type CreateHubOptions, createHub, type EmbeddedHub } from '@fanline/hub'
import { type Authenticator, nativeRoutes, openAccess } from '@fanline/hub/routes'
import { serve } from './hub-server.ts'

/** A hub to publish to, and what became of the requests. */
export interface PublishServer {
  readonly hub: EmbeddedHub
  /** Where to publish. */
  readonly url: string
  /** The content type of each request, in order. */
  readonly requests: readonly (string | undefined)[]
  cut(): void
  /** What the channel holds, oldest first. */
  dataOf(channel: string): Promise<unknown[]>
}

/** What stands between a publisher and the hub. */
export interface PublishServerOptions extends CreateHubOptions {
  readonly authenticator?: Authenticator
  /** Sees each request first, the first one as number 0; true when it has answered it. */
  readonly before?: (req: IncomingMessage, res: ServerResponse, n: number) => boolean | undefined
}

/** Runs a test with a hub to publish to, and takes it down. */
export async function withPublishServer(
  { authenticator = openAccess(), before, ...options }: PublishServerOptions,
  test: (server: PublishServer) => Promise<void>,
): Promise<void> {
  const hub = createHub(options)
  const routes = nativeRoutes(hub, { authenticator })
  const requests: (string | undefined)[] = []
  const listener: RequestListener = (req, res) => {
    const n = requests.push(req.headers['content-type']) - 1
    if (!before?.(req, res, n)) routes.handle(req, res)
  }
  const { origin, cut, close } = await serve(listener)
  const dataOf = async (channel: string): Promise<unknown[]> => {
    const data: unknown[] = []
    for (let after: string | null | undefined; after !== null; ) {
      const page = await hub.history(channel, { limit: 1000, ...(after === undefined ? {} : { after }) })
      data.push(...page.events.map((event) => event.data))
      after = page.next
    }
    return data
  }
  try {
    await test({ hub, url: `${origin}/v1/publish`, requests, cut, dataOf })
  } finally {
    await hub.close({ drainMs: 0 })
    await close()
  }
}

/** The hub takes the request, and nobody hears its answer. */
export function loseAnswer(_req: IncomingMessage, res: ServerResponse): void {
  const drop = (): ServerResponse => {
    res.destroy()
    return res
  }
  res.writeHead = drop
  res.end = drop
}
