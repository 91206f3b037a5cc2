import { createHub, type Hub } from '@fanline/hub'
import { type Authenticator, firstOf } from '@fanline/hub/routes'
import { Tickets } from '@fanline/hub/ticket'
import { appListener } from './app.ts'
import { ADMIN_PAGES, DEMO_PAGES, DOCS_FILES, loadAssets } from './assets.ts'
import { certificateFiles } from './certificate-files.ts'
import { clientAddress } from './client-address.ts'
import { shownOptions } from './config/effective-config.ts'
import { hubOptions, type LoadedConfig } from './config/load-config.ts'
import type { Config } from './config/server-options.ts'
import { closedWell, configuredLog, sayWhatTheLogPromises } from './configured-log.ts'
import { configuredTracer } from './configured-tracer.ts'
import { startDemo } from './demo.ts'
import { Failure } from './failure.ts'
import { stopPretenuring } from './garbage-collector.ts'
import { Health } from './health.ts'
import type { FileKeys } from './keys/file-keys.ts'
import { type Listener, type ListenOptions, listen } from './listener.ts'
import type { Logger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { mountPresets } from './presets/mount.ts'
import type { PresetSettings } from './presets/preset.ts'
import { presetSettings } from './presets/preset-settings.ts'
import type { Space } from './presets/space.ts'
import { type Guard, requestListener } from './request-listener.ts'
import { SystemView } from './system-view.ts'
import type { Team } from './workers/team.ts'

/** Where a server is reached. */
export interface Entrance {
  /** Listened on with one port. */
  readonly addresses: readonly string[]
  readonly guard?: Guard | undefined
}

/** In what a server for development differs from one in production. */
export interface Profile {
  readonly authenticator: Authenticator
  /** Lets in clients of the preset `starter` in place of `authenticator`; asked also where presets are opened. */
  readonly starterAuthenticator?: ((space: Space) => Authenticator) | undefined
  /** Keys that may change while the server runs. */
  readonly keys?: FileKeys | undefined
  readonly entrance: Entrance
  /** Where the admin routes are, when `admin.port` is set. */
  readonly adminEntrance: Entrance
  /** Serves the demo page and its task. */
  readonly demo: boolean
  /** Presets ask nobody for a credential, whatever is configured; but for `starter`, where it has an authenticator. */
  readonly opensPresets: boolean
  /** Where options were set, which admins are shown; nowhere when absent. */
  readonly sources?: LoadedConfig['sources']
}

/** A server that answers. */
export interface RunningServer {
  readonly port: number
  /** The port of the admin routes, when it is one of their own. */
  readonly adminPort: number | undefined
  readonly hub: Hub
  /** Not ready from now on; ends streams and requests, and resolves inside `shutdown.drainMs`. */
  close(): Promise<void>
}

/** What is kept of the shutdown time for requests other than streams, in milliseconds. */
const REQUESTS_MS = 500

/**
 * Builds a server from its parts, and starts it. The only place that knows them all.
 * @param team the workers of which this process is one
 * @throws Failure when it cannot listen, or cannot use its log on disk
 */
export async function compose(
  config: Config,
  profile: Profile,
  logger: Logger,
  team?: Team,
): Promise<RunningServer> {
  stopPretenuring()
  const { drainMs } = config.shutdown
  const tracer = await configuredTracer(config, logger)
  const sharesLog = team !== undefined && config.redis === ''
  const log = await configuredLog(config, team)
  // A disk that cannot be used needs somebody's hands, while a Redis may come back by itself.
  let mustOpen = sharesLog || config.data !== '' || config.snapshot !== ''
  const hub = createHub({
    ...hubOptions(config),
    log,
    tracer,
    onProblem: (problem, about) => {
      if (!mustOpen) logger.error({ ...about, err: problem }, 'the hub met a problem')
    },
  })
  if (mustOpen) await mustBecomeReady(hub)
  mustOpen = false
  const tickets = new Tickets({ ...config.tickets, cluster: hub.cluster })
  const authenticator = firstOf([tickets.authenticate, profile.authenticator])
  const addressOf = clientAddress(config.proxy.trusted)
  profile.keys?.follow({
    onWithdrawn: (key) => {
      tickets.withdrawKey(key)
      hub.disconnect({ key }, 'revoked')
    },
    logger,
  })
  const health = new Health(hub)
  void hub.ready.then(
    () => {
      // Of a log that is shared, the process says it that has it.
      if (!sharesLog) sayWhatTheLogPromises(log, config, logger)
    },
    () => {
      // The hub itself has reported why.
    },
  )
  const { opensPresets, starterAuthenticator } = profile
  const settings = presetSettings(config).map((preset): PresetSettings => {
    const asks = preset.name === 'starter' && starterAuthenticator !== undefined
    return opensPresets && !asks ? { ...preset, auth: 'open' } : preset
  })
  const metrics = createMetrics(hub, { hasPresets: settings.length > 0, team })
  const systemView = new SystemView()
  const demo = profile.demo ? startDemo(hub) : undefined
  const options = shownOptions(config, profile.sources ?? new Map())
  const demoPages = profile.demo ? loadAssets(DEMO_PAGES) : []
  const adminPages = loadAssets(ADMIN_PAGES)
  const openPages = [...demoPages, ...loadAssets(DOCS_FILES)]

  let certificate = certificateFiles(config)
  const listeners: Listener[] = []
  const presets = mountPresets({
    hub,
    presets: settings,
    authenticatorOf: ({ settings: { name }, space }) =>
      name === 'starter' && starterAuthenticator
        ? firstOf([tickets.authenticate, starterAuthenticator(space)])
        : authenticator,
    addressOf,
    origins: config.cors.origins,
    server: {
      openConnections: () => openConnections(listeners),
      metrics: async () => ({ contentType: metrics.contentType, text: await metrics.scrape() }),
      countSent: (user, connections) => metrics.countSent(user, connections),
    },
  })
  const open = async (
    { addresses, guard }: Entrance,
    door: Pick<ListenOptions, 'port' | 'flagPrefix'>,
    routes: { servesAdmin: boolean; origins: readonly string[] },
  ): Promise<number> => {
    const answers = { hub, authenticator, logger, ...routes }
    const assets = routes.servesAdmin ? [...openPages, ...adminPages] : openPages
    const answerOther = appListener({ ...answers, health, metrics, systemView, options, assets, demo })
    const listener = await listen({
      ...door,
      addresses,
      certificate,
      headerTimeoutMs: config.limits.headerTimeoutMs,
      onProblem: (problem) => hub.problemOf(problem),
      onRequest: requestListener({ ...answers, tickets, presets, addressOf, guard, answerOther }),
    })
    listeners.push(listener)
    return listener.port
  }

  const renew = (): void => {
    try {
      certificate = certificateFiles(config)
      if (certificate) for (const listener of listeners) listener.renew(certificate)
      logger.info('the certificate was read again')
    } catch (error) {
      logger.error(
        { err: error },
        'the certificate was read again and is not usable, so the old one is still shown',
      )
    }
  }
  if (certificate && team) team.onRenew(renew)
  else if (certificate) process.on('SIGHUP', renew)

  const shutDown = async (): Promise<void> => {
    const requestsMs = Math.min(REQUESTS_MS, drainMs / 2)
    health.drain()
    demo?.close()
    presets.close()
    // The doors stay open meanwhile: who comes now is told to come back later instead of being refused.
    try {
      await closedWell(hub.close({ drainMs: drainMs - requestsMs }))
    } finally {
      await Promise.all(listeners.map((listener) => listener.close(requestsMs)))
      process.off('SIGHUP', renew)
      await profile.keys?.close()
      systemView.close()
      metrics.close()
    }
  }

  try {
    const { admin, cors } = config
    const adminPort =
      admin.port === undefined
        ? undefined
        : await open(
            profile.adminEntrance,
            { port: admin.port, flagPrefix: '--admin-' },
            // No page of another origin has business there.
            { servesAdmin: true, origins: [] },
          )
    const port = await open(
      profile.entrance,
      { port: config.port },
      { servesAdmin: adminPort === undefined, origins: cors.origins },
    )
    let closing: Promise<void> | undefined
    return {
      port,
      adminPort,
      hub,
      close() {
        closing ??= shutDown()
        return closing
      },
    }
  } catch (error) {
    await shutDown()
    throw error
  }
}

/** @throws Failure that says why the log cannot be opened */
async function mustBecomeReady(hub: Hub): Promise<void> {
  try {
    await hub.ready
  } catch (error) {
    const { cause } = error as Error
    throw new Failure(cause instanceof Error ? cause.message : String(error))
  }
}

async function openConnections(listeners: readonly Listener[]): Promise<number> {
  const counts = await Promise.all(listeners.map((listener) => listener.openConnections()))
  return counts.reduce((sum, count) => sum + count, 0)
}
