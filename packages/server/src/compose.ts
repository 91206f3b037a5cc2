import { once } from 'node:events'
import type { Server } from 'node:http'
import { createHub, type Hub } from '@fanline/hub'
import type { Authenticator } from '@fanline/hub/routes'
import { appListener } from './app.ts'
import { loadAssets } from './assets.ts'
import { hubOptions } from './config/load-config.ts'
import type { Config } from './config/server-options.ts'
import { startDemo } from './demo.ts'
import { stopPretenuring } from './garbage-collector.ts'
import { Health } from './health.ts'
import { listen } from './listener.ts'
import type { Logger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { type Guard, requestListener } from './request-listener.ts'
import { SystemView } from './system-view.ts'

/** In what a server for development differs from one in production. */
export interface Profile {
  readonly authenticator: Authenticator
  /** Listened on with one port. */
  readonly addresses: readonly string[]
  /** Serves the demo page and its task. */
  readonly demo: boolean
  readonly guard?: Guard
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
  stopPretenuring()
  const { authenticator, guard } = profile
  const { drainMs } = config.shutdown
  const hub = createHub({
    ...hubOptions(config),
    onProblem: (problem, about) => logger.error({ ...about, err: problem }, 'the hub met a problem'),
  })
  const health = new Health(hub)
  const metrics = createMetrics(hub)
  const systemView = new SystemView()
  const demo = profile.demo ? startDemo(hub) : undefined
  const assets = profile.demo ? loadAssets() : []
  const answerOther = appListener({
    hub,
    authenticator,
    health,
    metrics,
    systemView,
    logger,
    assets,
    demo,
  })
  const onRequest = requestListener({
    hub,
    authenticator,
    guard,
    origins: config.cors.origins,
    answerOther,
    logger,
  })

  const shutDown = async (servers: readonly Server[]): Promise<void> => {
    const requestsMs = Math.min(REQUESTS_MS, drainMs / 2)
    health.drain()
    demo?.close()
    // The doors stay open meanwhile: who comes now is told to come back later instead of being refused.
    await hub.close({ drainMs: drainMs - requestsMs })
    await Promise.all(servers.map((server) => closeServer(server, requestsMs)))
    systemView.close()
    metrics.close()
  }

  try {
    const { port, servers } = await listen(profile.addresses, config.port, onRequest)
    let closing: Promise<void> | undefined
    return {
      port,
      hub,
      close() {
        closing ??= shutDown(servers)
        return closing
      },
    }
  } catch (error) {
    await shutDown([])
    throw error
  }
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
