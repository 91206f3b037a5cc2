import { ProblemError, parseChannel } from '@fanline/protocol'
import type { Access, Authenticator } from '../authenticator.ts'
import type { ConnectionInfo } from '../connection-info.ts'
import type { Hub } from '../hub.ts'
import type { ApiAnswer, ApiRequest } from './api-request.ts'
import { publish, publishRaw } from './publish.ts'

/** RFC 9110 wants `Allow` beside a 405, so this problem is an answer and not thrown. */
const PROBLEM_HEADERS = { 'Content-Type': 'application/problem+json' }

/** How many connections one answer lists. */
const CONNECTIONS_PER_PAGE = 1000

interface Context {
  readonly hub: Hub
  readonly access: Access
  readonly request: ApiRequest
  /** The decoded parts of the path where the route has a `*`. */
  readonly parts: readonly string[]
}

interface Route {
  readonly method: string
  /** Segments; `*` takes one. */
  readonly path: readonly string[]
  readonly answer: (context: Context) => ApiAnswer | Promise<ApiAnswer>
}

/** The native routes, below their base path. */
const ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: ['v1', 'publish'],
    answer: ({ hub, access, request }) => publish(hub, access, request),
  },
  {
    method: 'POST',
    path: ['v1', 'publish', '*'],
    answer: ({ hub, access, request, parts }) => publishRaw(hub, access, request, parts[0]!),
  },
  { method: 'GET', path: ['v1', 'events'], answer: listen },
  { method: 'GET', path: ['v1', 'events', '*'], answer: listen },
  { method: 'GET', path: ['v1', 'channels', '*', 'history'], answer: history },
  {
    method: 'GET',
    path: ['v1', 'stats'],
    answer: ({ hub, access }) => asAdmin(access, () => ({ json: hub.stats() })),
  },
  {
    method: 'GET',
    path: ['v1', 'connections'],
    answer: (context) => asAdmin(context.access, () => connections(context)),
  },
  {
    method: 'DELETE',
    path: ['v1', 'connections', '*'],
    answer: (context) => asAdmin(context.access, () => disconnectOne(context)),
  },
  {
    method: 'DELETE',
    path: ['v1', 'users', '*', 'connections'],
    answer: ({ hub, access, parts }) =>
      asAdmin(access, () => ({ json: { closed: hub.disconnect({ user: parts[0]! }) } })),
  },
]

/** Routes without a `*`, by their path: a publish should not be compared with every row. */
const FIXED: ReadonlyMap<string, readonly Route[]> = new Map(
  ROUTES.filter(({ path }) => !path.includes('*')).map(({ path }) => [
    `/${path.join('/')}`,
    ROUTES.filter((route) => route.path.join('/') === path.join('/')),
  ]),
)

/**
 * Answers a request to the native API. Undefined when the path is none of it.
 * @throws ProblemError, which the caller writes as `application/problem+json`
 */
export function answerApi(
  hub: Hub,
  authenticator: Authenticator,
  request: ApiRequest,
): Promise<ApiAnswer> | undefined {
  const fixed = FIXED.get(request.path)
  if (fixed) return answerRoute(hub, authenticator, request, fixed, [])
  const segments = request.path.slice(1).split('/')
  const routes = ROUTES.filter(({ path }) => fits(path, segments))
  return routes.length === 0 ? undefined : answerRoute(hub, authenticator, request, routes, segments)
}

async function answerRoute(
  hub: Hub,
  authenticator: Authenticator,
  request: ApiRequest,
  routes: readonly Route[],
  segments: readonly string[],
): Promise<ApiAnswer> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const route = routes.find((candidate) => candidate.method === method)
  if (!route) {
    const allow = routes.map((candidate) => candidate.method).join(', ')
    if (method === 'OPTIONS') return { json: null, status: 204, headers: { Allow: allow } }
    const problem = new ProblemError('method-not-allowed', `Allowed: ${allow}.`)
    return { json: problem.toBody(), status: problem.status, headers: { ...PROBLEM_HEADERS, Allow: allow } }
  }
  const parts = segments.filter((_, i) => route.path[i] === '*').map(decode)
  const access = await authenticator.authenticate(request)
  return route.answer({ hub, access, request, parts })
}

function fits(path: readonly string[], segments: readonly string[]): boolean {
  return (
    path.length === segments.length &&
    path.every((part, i) => (part === '*' ? segments[i] !== '' : part === segments[i]))
  )
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw new ProblemError('bad-request', 'The path is not correctly percent-encoded.', { cause })
  }
}

function asAdmin(access: Access, answer: () => ApiAnswer): ApiAnswer {
  if (!access.isAdmin) throw new ProblemError('forbidden', 'This needs an admin credential.')
  return answer()
}

function mustSubscribe(access: Access, channel: string): void {
  if (!access.maySubscribe(parseChannel(channel)))
    throw new ProblemError('channel-forbidden', `It is ${channel}.`)
}

function listen({ access, request, parts }: Context): ApiAnswer {
  const named = request.query.getAll('channel').flatMap((names) => names.split(','))
  const channels = [...parts, ...named]
  for (const channel of channels) mustSubscribe(access, channel)
  return { stream: { user: access.user, channels, expiresAt: access.expiresAt } }
}

async function history({ hub, access, request, parts }: Context): Promise<ApiAnswer> {
  const channel = parts[0]!
  mustSubscribe(access, channel)
  const limit = request.query.get('limit')
  return {
    json: await hub.history(channel, {
      after: request.query.get('after') ?? undefined,
      limit: limit === null ? undefined : Number(limit),
    }),
  }
}

function connections({ hub, request }: Context): ApiAnswer {
  const { query } = request
  const user = query.get('user')
  const channel = query.get('channel')
  // Counted numbers, because the connection at the end of a page may be gone when the next page is asked for.
  const after = Number(query.get('after') ?? 0)
  if (!Number.isInteger(after)) throw new ProblemError('after-invalid', 'It is the next of the page before.')
  const page: ConnectionInfo[] = []
  for (const info of hub.connections({
    ...(user === null ? {} : { user }),
    ...(channel === null ? {} : { channel }),
  })) {
    if (info.number <= after) continue
    if (page.length === CONNECTIONS_PER_PAGE)
      return { json: { connections: page, next: String(page.at(-1)!.number) } }
    page.push(info)
  }
  return { json: { connections: page, next: null } }
}

function disconnectOne({ hub, parts }: Context): ApiAnswer {
  const closed = hub.disconnect({ connection: parts[0]! })
  if (closed === 0) throw new ProblemError('connection-not-found')
  return { json: { closed } }
}
