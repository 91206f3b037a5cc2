import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createHub, type Hub } from '@fanline/hub'
import { type Authenticator, answerProblem, nativeRoutes } from '@fanline/hub/routes'
import { getRequestListener } from '@hono/node-server'
import { createApp } from './app.ts'
import { loadAssets } from './assets.ts'
import { hubOptions } from './config/load-config.ts'
import type { Config } from './config/server-options.ts'
import { startDemo } from './demo.ts'
import { Health } from './health.ts'
import { listen } from './listener.ts'
import type { Logger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { SystemView } from './system-view.ts'

/** In what a server for development differs from one in production. */
export interface Profile {
  readonly authenticator: Authenticator
  /** Listened on with one port. */
  readonly addresses: readonly string[]
  /** Serves the demo page and its task. */
  readonly demo: boolean
  /** Throws a ProblemError for a request that must not be looked at. */
  readonly guard?: (request: IncomingMessage) => void
}

/** A server that answers. */
export interface RunningServer {
  readonly port: number
  readonly hub: Hub
  /** Not ready from now on; ends streams and requests, and resolves inside `shutdown.drainMs`. */
  close(): Promise<void>
}

/** What is kept of the shutdown time for requests other than streams, in milliseconds. */
const REQUESTS_MS = 500

/**
 * Builds a server from its parts, and starts it. The only place that knows them all.
 * @throws Failure when it cannot listen
 */
export async function compose(config: Config, profile: Profile, logger: Logger): Promise<RunningServer> {
  const hub = createHub({
    ...hubOptions(config),
    onProblem: (problem, about) =>
      logger.error({ ...about, code: problem.code, err: problem }, 'the hub met a problem'),
  })
  const health = new Health(hub)
  const metrics = createMetrics(hub)
  const systemView = new SystemView()
  const demo = profile.demo ? startDemo(hub) : undefined
  const { authenticator } = profile
  const app = createApp({
    authenticator,
    health,
    metrics,
    systemView,
    logger,
    assets: profile.demo ? loadAssets() : [],
    demo,
  })
  const onRequest = requestListener(
    hub,
    profile,
    getRequestListener(app.fetch, { overrideGlobalObjects: false }),
    logger,
  )
  const { port, servers } = await listen(profile.addresses, config.port, onRequest)

  let closing: Promise<void> | undefined
  const shutDown = async (): Promise<void> => {
    const { drainMs } = config.shutdown
    const requestsMs = Math.min(REQUESTS_MS, drainMs / 2)
    health.drain()
    demo?.close()
    // The doors stay open meanwhile: who comes now is told to come back later instead of being refused.
    await hub.close({ drainMs: drainMs - requestsMs })
    await Promise.all(servers.map((server) => closeServer(server, requestsMs)))
    systemView.close()
    metrics.close()
  }
  return {
    port,
    hub,
    close() {
      closing ??= shutDown()
      return closing
    },
  }
}

/** The hot path: the native API is answered straight from node:http; only what is not part of it goes to the app. */
function requestListener(
  hub: Hub,
  { authenticator, guard }: Profile,
  answerOther: (req: IncomingMessage, res: ServerResponse) => Promise<void>,
  logger: Logger,
): (req: IncomingMessage, res: ServerResponse) => void {
  const native = nativeRoutes(hub, { authenticator })
  const logsRequests = logger.isLevelEnabled('debug')
  return (req, res) => {
    if (logsRequests) logRequest(logger, req, res)
    if (guard) {
      try {
        guard(req)
      } catch (error) {
        answerProblem(res, error)
        return
      }
    }
    if (!native.handle(req, res)) void answerOther(req, res)
  }
}

function logRequest(logger: Logger, req: IncomingMessage, res: ServerResponse): void {
  const began = performance.now()
  // Queries may hold credentials.
  const [path] = req.url!.split('?', 1)
  res.once('close', () => {
    const ms = Math.round(performance.now() - began)
    logger.debug({ method: req.method, path, status: res.statusCode, ms }, 'request')
  })
}

/** Takes no more connections, and cuts those that are still busy after `requestsMs`. */
async function closeServer(server: Server, requestsMs: number): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const deadline = setTimeout(() => server.closeAllConnections(), requestsMs)
  await closed
  clearTimeout(deadline)
}
