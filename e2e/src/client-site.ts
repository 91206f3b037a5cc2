import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createHub, type EmbeddedHub } from '@fanline/hub'
import { nativeRoutes, openAccess } from '@fanline/hub/routes'

/** A page that has the client as it is built, module by module, without a bundler. */
const PAGE = `<!doctype html><title>client</title><script type="importmap">
{ "imports": { "@fanline/client": "/client/index.js", "@fanline/protocol": "/protocol/index.js" } }
</script><script type="module">
import * as fanline from '@fanline/client'
window.fanline = fanline
</script>`

/** A hub, and a page beside it with the client. */
export interface ClientSite {
  readonly hub: EmbeddedHub
  readonly origin: string
  close(): Promise<void>
}

export async function startClientSite(): Promise<ClientSite> {
  const hub = createHub({})
  const routes = nativeRoutes(hub, { authenticator: openAccess() })
  const server = createServer(async (req, res) => {
    if (routes.handle(req, res)) return
    const script = await scriptAt(req.url ?? '/')
    res.setHeader('Content-Type', script === undefined ? 'text/html' : 'text/javascript')
    res.end(script ?? PAGE)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    hub,
    // Web Locks want a secure context, which this name is.
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    async close() {
      await hub.close({ drainMs: 0 })
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

/** A file of what was built; undefined for any other address. */
async function scriptAt(path: string): Promise<string | undefined> {
  const [, room, file] = /^\/(client|protocol)\/([\w/-]+\.js)$/.exec(path) ?? []
  if (!room || !file) return undefined
  return readFile(fileURLToPath(new URL(`../../packages/${room}/dist/${file}`, import.meta.url)), 'utf8')
}
