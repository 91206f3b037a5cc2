import { mustHaveRole, ProblemError, type Role } from '@fanline/protocol'
import {
  type Access,
  type Authenticator,
  authenticated,
  mustSubscribe,
  streamTerms,
  type TicketIssuer,
} from '../authenticator.ts'
import { silenceText } from '../cluster.ts'
import type { ConnectionInfo } from '../connection-info.ts'
import type { Hub } from '../hub.ts'
import type { RevocationRequest } from '../revocations.ts'
import type { ApiAnswer, ApiRequest } from './api-request.ts'
import { cancelStream, readStream } from './channel-stream.ts'
import { isOrigin } from './cors.ts'
import { parseJson, publish, publishRaw } from './publish.ts'

/** Who answers the native API, and for whom. */
export interface Api {
  readonly hub: Hub
  readonly authenticator: Authenticator
  /** Nobody gets a ticket when absent. */
  readonly tickets?: TicketIssuer | undefined
  /** False when figures, connections and revocations are answered elsewhere. */
  readonly servesAdmin: boolean
}

interface Context {
  readonly hub: Hub
  readonly tickets: TicketIssuer | undefined
  readonly access: Access
  readonly request: ApiRequest
  /** The decoded parts of the path where the route has a `*`. */
  readonly parts: readonly string[]
}

interface Route {
  readonly method: string
  /** Segments; `*` takes one. */
  readonly path: readonly string[]
  /** The least that may use it. These are of all connections, and left out where `servesAdmin` is false. */
  readonly role?: Role
  /** Refusals may be told inside a stream. */
  readonly isStream?: true
  readonly answer: (context: Context) => ApiAnswer | Promise<ApiAnswer>
}

/** The native routes, below their base path. */
export const ROUTES: readonly Route[] = [
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
  { method: 'GET', path: ['v1', 'events'], isStream: true, answer: listen },
  { method: 'GET', path: ['v1', 'events', '*'], isStream: true, answer: listen },
  { method: 'GET', path: ['v1', 'channels', '*', 'history'], answer: history },
  { method: 'GET', path: ['v1', 'streams', '*'], isStream: true, answer: joinStream },
  {
    method: 'DELETE',
    path: ['v1', 'streams', '*'],
    answer: ({ hub, access, parts }) => cancelStream(hub, access, parts[0]!),
  },
  { method: 'POST', path: ['v1', 'tickets'], answer: issueTicket },
  { method: 'POST', path: ['v1', 'connections', '*', 'token'], answer: renew },
  { method: 'PUT', path: ['v1', 'connections', '*', 'channels'], answer: follow },
  { method: 'GET', path: ['v1', 'access'], answer: ({ access }) => ({ json: accessText(access) }) },
  {
    method: 'GET',
    path: ['v1', 'stats'],
    role: 'viewer',
    answer: async ({ hub }) => ({ json: await hub.cluster.stats() }),
  },
  { method: 'GET', path: ['v1', 'connections'], role: 'viewer', answer: connections },
  { method: 'DELETE', path: ['v1', 'connections', '*'], role: 'operator', answer: disconnectOne },
  { method: 'GET', path: ['v1', 'channels'], role: 'viewer', answer: channels },
  { method: 'GET', path: ['v1', 'users'], role: 'viewer', answer: users },
  {
    method: 'GET',
    path: ['v1', 'users', '*'],
    role: 'viewer',
    answer: async ({ hub, parts }) => ({ json: await hub.cluster.presence(parts[0]!) }),
  },
  {
    method: 'GET',
    path: ['v1', 'trace', '*'],
    role: 'viewer',
    answer: async ({ hub, request, parts }) => ({
      json: await hub.cluster.trace(parts[0]!, pageOf(request).limit),
    }),
  },
  {
    method: 'DELETE',
    path: ['v1', 'users', '*', 'connections'],
    role: 'operator',
    answer: async ({ hub, parts }) => ({ json: await hub.cluster.disconnect({ user: parts[0]! }) }),
  },
  {
    method: 'GET',
    path: ['v1', 'revocations'],
    role: 'viewer',
    answer: ({ hub }) => ({ json: { revocations: hub.revocations() } }),
  },
  { method: 'POST', path: ['v1', 'revocations'], role: 'operator', answer: revoke },
  { method: 'DELETE', path: ['v1', 'revocations', '*'], role: 'admin', answer: liftRevocation },
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
export function answerApi(api: Api, request: ApiRequest): Promise<ApiAnswer> | undefined {
  const fixed = FIXED.get(request.path)
  const segments = fixed ? [] : request.path.slice(1).split('/')
  const found = fixed ?? ROUTES.filter(({ path }) => fits(path, segments))
  const routes = api.servesAdmin ? found : found.filter(({ role }) => !role)
  return routes.length === 0 ? undefined : answerRoute(api, request, routes, segments)
}

async function answerRoute(
  { hub, authenticator, tickets }: Api,
  request: ApiRequest,
  routes: readonly Route[],
  segments: readonly string[],
): Promise<ApiAnswer> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const route = routes.find((candidate) => candidate.method === method)
  if (!route) {
    const allow = routes.map((candidate) => candidate.method).join(', ')
    if (method === 'OPTIONS') return { json: null, status: 204, headers: { Allow: allow } }
    throw new ProblemError('method-not-allowed', `Allowed: ${allow}.`, { headers: { Allow: allow } })
  }
  const parts = segments.filter((_, i) => route.path[i] === '*').map(decode)
  let access: Access
  try {
    access = await authenticated(authenticator, request, hub)
  } catch (refusal) {
    if (route.isStream && request.method === 'GET') return { refusal }
    throw refusal
  }
  if (route.role) mustHaveRole(access, route.role)
  return route.answer({ hub, tickets, access, request, parts })
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

/** Who is asking. */
function accessText({ user, role, expiresAt }: Access): object {
  return { user: user ?? null, role: role ?? null, expiresAt: timeText(expiresAt) }
}

function timeText(time: number | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString()
}

function listen({ access, request, parts }: Context): ApiAnswer {
  const named = request.query.getAll('channel').flatMap((names) => names.split(','))
  const channels = [...parts, ...named]
  for (const channel of channels) mustSubscribe(access, channel)
  return { stream: { user: access.user, channels, ...streamTerms(access) } }
}

function joinStream({ hub, access, request, parts }: Context): Promise<ApiAnswer> {
  return readStream(hub, access, request, parts[0]!)
}

async function history({ hub, access, request, parts }: Context): Promise<ApiAnswer> {
  const channel = parts[0]!
  mustSubscribe(access, channel)
  return { json: await hub.history(channel, pageOf(request)) }
}

async function connections({ hub, request }: Context): Promise<ApiAnswer> {
  const { query } = request
  const user = query.get('user')
  const channel = query.get('channel')
  const filter = { ...(user === null ? {} : { user }), ...(channel === null ? {} : { channel }) }
  return { json: await hub.cluster.connections(filter, pageOf(request)) }
}

async function channels({ hub, request }: Context): Promise<ApiAnswer> {
  return { json: await hub.cluster.channels(pageOf(request)) }
}

async function users({ hub, request }: Context): Promise<ApiAnswer> {
  const channel = request.query.get('channel') ?? undefined
  return { json: await hub.cluster.users({ ...pageOf(request), channel }) }
}

/** Which part of a list is asked for. */
function pageOf({ query }: ApiRequest): { after: string | undefined; limit: number | undefined } {
  const limit = query.get('limit')
  return { after: query.get('after') ?? undefined, limit: limit === null ? undefined : Number(limit) }
}

async function disconnectOne({ hub, parts }: Context): Promise<ApiAnswer> {
  const ended = await hub.cluster.disconnect({ connection: parts[0]! })
  if (ended.closed === 0) throw new ProblemError('connection-not-found', silenceText(ended))
  return { json: ended }
}

async function issueTicket({ hub, access, tickets, request }: Context): Promise<ApiAnswer> {
  if (!tickets) throw new ProblemError('not-found')
  const { channels, origin = request.header('origin') } = await fieldsOf(request, ['channels', 'origin'])
  if (origin !== undefined && !isOrigin(origin)) {
    throw new ProblemError('bad-request', 'origin is such as https://app.example.')
  }
  const { channelsPerConnection } = hub.options.limits
  const topics = channels === undefined ? [] : channelList(channels)
  // A ticket is for one stream, which could follow no more.
  if (topics.length > channelsPerConnection) {
    throw new ProblemError('too-many-channels', `At most ${channelsPerConnection} on one stream.`)
  }
  return { json: tickets.issue(access, { channels: topics, origin }) }
}

/** The stream goes on with the credential of this request. */
async function renew({ hub, access, parts }: Context): Promise<ApiAnswer> {
  const id = parts[0]!
  const { user, channels } = await mustBeOwn(hub, access, id)
  for (const channel of channels) mustSubscribe(access, channel)
  const { expiresAt, credential } = access
  if (!(await hub.cluster.renew(id, { expiresAt, credential })))
    throw new ProblemError('connection-not-found')
  return { json: { user, expiresAt: timeText(expiresAt) } }
}

async function follow({ hub, access, request, parts }: Context): Promise<ApiAnswer> {
  const id = parts[0]!
  const { channels } = await fieldsOf(request, ['channels'])
  const topics = [...new Set(channelList(channels))]
  await mustBeOwn(hub, access, id)
  for (const channel of topics) mustSubscribe(access, channel)
  if (!(await hub.cluster.follow(id, topics))) throw new ProblemError('connection-not-found')
  return { json: { channels: topics } }
}

async function revoke({ hub, request }: Context): Promise<ApiAnswer> {
  return { json: await hub.revoke(parseJson(await request.text()) as RevocationRequest) }
}

async function liftRevocation({ hub, parts }: Context): Promise<ApiAnswer> {
  if (!(await hub.liftRevocation(parts[0]!))) throw new ProblemError('revocation-not-found')
  return { json: { lifted: parts[0]! } }
}

/** Whoever knows its id may change a connection of their own user; an admin any. */
async function mustBeOwn(hub: Hub, access: Access, id: string): Promise<ConnectionInfo> {
  const connection = await hub.cluster.connection(id)
  if (!connection) throw new ProblemError('connection-not-found')
  if (connection.user !== (access.user ?? null) && access.role !== 'admin')
    throw new ProblemError('user-mismatch')
  return connection
}

/** The fields of a body that may have these and no others; an empty body has none. */
async function fieldsOf(
  request: ApiRequest,
  names: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  const text = await request.text()
  const body = text === '' ? {} : parseJson(text)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ProblemError('bad-request', 'The body is an object.')
  }
  const unknown = Object.keys(body).find((name) => !names.includes(name))
  if (unknown !== undefined) {
    throw new ProblemError('bad-request', `There is no field ${JSON.stringify(unknown.slice(0, 60))}.`)
  }
  return body as Record<string, unknown>
}

function channelList(value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every((name) => typeof name === 'string')) {
    throw new ProblemError('bad-request', 'channels is a list of strings.')
  }
  return value
}
