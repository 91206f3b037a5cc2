import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Hub } from '@fanline/hub'
import {
  type Access,
  type Authenticator,
  authenticated,
  type CredentialSource,
  type NativeRoute,
  problemHeaders,
} from '@fanline/hub/routes'
import { mustHaveRole, ProblemError, type Role } from '@fanline/protocol'
import { getRequestListener } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import type { Asset } from './assets.ts'
import type { ShownOption } from './config/effective-config.ts'
import type { Demo } from './demo.ts'
import type { Health } from './health.ts'
import { inspect, type Look } from './inspect.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { API_PAGES } from './openapi/api-pages.ts'
import { pathForLogs } from './path-for-logs.ts'
import type { SystemView } from './system-view.ts'

/** What the server's own routes show. */
export interface AppParts {
  readonly hub: Hub
  readonly authenticator: Authenticator
  /** False when figures are shown elsewhere. */
  readonly servesAdmin: boolean
  readonly health: Health
  readonly metrics: Metrics
  readonly systemView: SystemView
  /** The configuration that counts, without secrets. */
  readonly options: readonly ShownOption[]
  readonly logger: Logger
  readonly assets: readonly Asset[]
  /** Runs the task of the demo page; absent outside dev mode. */
  readonly demo?: Demo | undefined
}

/** Answers the server's own routes: health, figures and pages. The native API is answered before it comes to these. */
export function appListener(parts: AppParts): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  return getRequestListener(createApp(parts).fetch, {
    overrideGlobalObjects: false,
    // The app answers its own errors; what is left are requests that never came to it.
    errorHandler: () =>
      problemResponse(
        parts.hub.problemOf(new ProblemError('bad-request', 'The address or Host cannot be read.')),
      ),
  })
}

/** Who is served at a route, and how. */
interface AppRoute {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** The least that may use it, and only where figures are shown. */
  readonly role?: Role
  /** Only with the demo page. */
  readonly demo?: true
  /** @param access of who asks; absent where the route needs no role */
  readonly answer: (parts: AppParts, c: Context, access?: Access) => Response | Promise<Response>
}

const ROUTES: readonly AppRoute[] = [
  { method: 'GET', path: '/livez', answer: (_, c) => c.json({ status: 'ok' }) },
  { method: 'GET', path: '/readyz', answer: showReadiness },
  { method: 'GET', path: '/metrics', role: 'viewer', answer: showMetrics },
  {
    method: 'GET',
    path: '/v1/system',
    role: 'viewer',
    answer: ({ systemView }, c) => c.json(systemView.report()),
  },
  {
    method: 'GET',
    path: '/v1/inspect',
    role: 'viewer',
    answer: ({ hub }, c, access) => inspect(hub, access!, lookOf(c)),
  },
  {
    method: 'GET',
    path: '/v1/config',
    role: 'viewer',
    answer: ({ options }, c) => c.json({ options }),
  },
  {
    method: 'POST',
    path: '/demo/task',
    demo: true,
    answer: ({ demo }, c) => c.json(demo?.startTask()),
  },
]

/** Every route of the server itself, but for the pages of dev mode: what a test of all of them goes through. */
export const APP_ROUTES: readonly NativeRoute[] = [
  ...ROUTES,
  ...API_PAGES.map(({ path }) => ({ method: 'GET', path, role: undefined })),
].map(({ method, path, role }) => ({ method, path, role }))

function createApp(parts: AppParts): Hono {
  const { hub, authenticator, servesAdmin, logger, assets, demo } = parts
  const app = new Hono()
  // Figures and health are of this moment; pages say for themselves how long they keep.
  app.use(async (c, next) => {
    await next()
    if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store')
  })

  for (const { method, path, role, demo: ofDemo, answer } of ROUTES) {
    if ((role && !servesAdmin) || (ofDemo && !demo)) continue
    app.on(method, path, async (c) => {
      if (!role) return answer(parts, c)
      const access = await authenticated(authenticator, sourceOf(c), hub)
      mustHaveRole(access, role)
      return answer(parts, c, access)
    })
  }
  for (const { path, body, headers } of [...API_PAGES, ...assets]) {
    app.get(path, (c) => {
      if (c.req.header('if-none-match') === headers.ETag) return c.body(null, 304, headers)
      return c.body(body, 200, headers)
    })
  }

  app.notFound((c) => {
    const allow = app.routes
      .filter(({ path }) => path === c.req.path)
      .map(({ method }) => method)
      .join(', ')
    if (allow !== '' && c.req.method === 'OPTIONS') return c.body(null, 204, { Allow: allow })
    const problem =
      allow === ''
        ? new ProblemError('not-found')
        : new ProblemError('method-not-allowed', `Allowed: ${allow}.`, { headers: { Allow: allow } })
    return problemResponse(hub.problemOf(problem))
  })
  app.onError((error, c) => {
    const problem = hub.problemOf(error)
    if (problem.status >= 500) logger.error({ err: error, path: pathForLogs(c.req.path) }, 'a request failed')
    return problemResponse(problem)
  })
  return app
}

function showReadiness({ health }: AppParts, c: Context): Response {
  const readiness = health.readiness(c.req.query('verbose') !== undefined)
  return c.json(readiness, readiness.status === 'ready' ? 200 : 503)
}

async function showMetrics({ metrics }: AppParts, c: Context): Promise<Response> {
  return c.body(await metrics.scrape(), 200, { 'Content-Type': metrics.contentType })
}

/** What a client of the inspector wants to see of the past. A client that comes back goes on where it was. */
function lookOf({ req }: Context): Look {
  return { after: req.header('last-event-id') ?? req.query('after'), channels: req.queries('channel') ?? [] }
}

function sourceOf({ req }: Context): CredentialSource {
  const { pathname, searchParams } = new URL(req.url)
  return { method: req.method, path: pathname, query: searchParams, header: (name) => req.header(name) }
}

function problemResponse(problem: ProblemError): Response {
  return new Response(`${JSON.stringify(problem.toBody())}\n`, {
    status: problem.status,
    headers: problemHeaders(problem),
  })
}
