import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EmbeddedHub } from '@fanline/hub'
import {
  type Authenticator,
  answerProblem,
  authenticated,
  type CorsPolicy,
  corsPolicy,
  grantAccess,
  NodeRequest,
  problemHeaders,
} from '@fanline/hub/routes'
import { ProblemError } from '@fanline/protocol'
import { parseJsonFields } from './json-fields.ts'
import type {
  Preset,
  PresetContext,
  PresetName,
  PresetRoute,
  PresetSettings,
  PresetStream,
  ServerFigures,
  WrittenAnswer,
} from './preset.ts'
import { PRESETS } from './presets.ts'
import { type Space, spaceOf } from './space.ts'

/** What presets are mounted on. */
export interface Mounting {
  readonly hub: EmbeddedHub
  /** Asked where a preset is not open. */
  readonly authenticatorOf: (name: PresetName) => Authenticator
  /** Where a client is, for `limits.connectionsPerAddress`. */
  readonly addressOf: (req: IncomingMessage) => string | undefined
  /** Origins whose pages may use the routes of presets that are not open to all. */
  readonly origins: readonly string[]
  readonly server: ServerFigures
  readonly presets: readonly PresetSettings[]
}

/** Routes of other systems. */
export interface MountedPresets {
  /** False, and nothing done, when the path belongs to no preset. */
  handle(req: IncomingMessage, res: ServerResponse): boolean
}

interface Mounted {
  readonly preset: Preset
  readonly settings: PresetSettings
  readonly space: Space
  readonly route: PresetRoute
  /** Matches the path; captures what stands in the place of a `*`. */
  readonly pattern: RegExp
}

/** Puts presets under their prefixes. Several may share one: a path they all have is told apart by its query key. */
export function mountPresets(mounting: Mounting): MountedPresets {
  const mounted = mounting.presets.flatMap((settings) => {
    const preset = PRESETS[settings.name]
    const space = spaceOf(settings.namespace)
    return preset.routes.map((route): Mounted => {
      return { preset, settings, space, route, pattern: patternOf(settings.prefix + route.path) }
    })
  })
  const listed = mounting.origins.length > 0 ? corsPolicy(mounting.origins) : NO_ORIGIN

  return {
    handle(req, res) {
      const path = (req.url ?? '/').split('?', 1)[0]!
      const here = mounted.filter(({ pattern }) => pattern.test(path))
      if (here.length === 0) return false
      const request = new NodeRequest(req, '', mounting.hub.options.limits)
      const asked = preflightMethod(request)
      const chosen = chooseRoute(here, request, asked ?? request.method)
      const cors = !(chosen instanceof ProblemError) && isForAnyOrigin(chosen) ? ANY_ORIGIN : listed
      const origin = request.header('origin')
      if (asked !== undefined) {
        res.writeHead(204, { ...cors.preflight(origin) }).end()
        return true
      }
      for (const [name, value] of Object.entries(cors.headers(origin))) res.setHeader(name, value)
      if (chosen instanceof ProblemError) answerProblem(res, mounting.hub.problemOf(chosen))
      else void answer(mounting, chosen, request, req, res)
      return true
    },
  }
}

/** Where no origin is listed, there is nothing to say to any. */
const NO_ORIGIN: CorsPolicy = { headers: () => ({}), preflight: () => ({}) }

/** What a preset allowed that was open to everybody: every page, but none with credentials. */
const ANY_ORIGIN: CorsPolicy = {
  headers: (origin) => (origin === undefined ? {} : { 'Access-Control-Allow-Origin': '*' }),
  preflight: () => ({
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': 'GET, POST, HEAD, PUT, DELETE, PATCH',
    'Access-Control-Allow-Headers': 'Content-Type, Last-Event-ID',
    Vary: 'Access-Control-Request-Method, Access-Control-Request-Headers, Origin',
  }),
}

const OPEN = grantAccess({ admin: true, credential: { kind: 'open' } })

function isForAnyOrigin({ preset, settings }: Mounted): boolean {
  return preset.anyOrigin === true && settings.auth === 'open'
}

/** The method that a preflight asks for; undefined for any other request. */
function preflightMethod(request: NodeRequest): string | undefined {
  return request.method === 'OPTIONS' ? request.header('access-control-request-method') : undefined
}

/** The one route that is meant, or why none is. */
function chooseRoute(here: readonly Mounted[], request: NodeRequest, asked: string): Mounted | ProblemError {
  const method = asked === 'HEAD' ? 'GET' : asked
  const fitting = here.filter(({ route }) => route.method === method || route.method === 'ANY')
  if (fitting.length === 0) {
    const allow = [...new Set(here.map(({ route }) => route.method))].join(', ')
    return new ProblemError('method-not-allowed', `Allowed: ${allow}.`, { headers: { Allow: allow } })
  }
  if (fitting.length === 1) return fitting[0]!
  const named = fitting.filter(({ route }) => route.key !== undefined && request.query.has(route.key))
  if (named.length === 1) return named[0]!
  const keys = fitting.map(({ route }) => route.key).join(', ')
  return new ProblemError('bad-request', `Name one of ${keys} in the query.`)
}

async function answer(
  mounting: Mounting,
  { preset, settings, space, route, pattern }: Mounted,
  request: NodeRequest,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { hub, server } = mounting
  try {
    const access =
      settings.auth === 'open'
        ? OPEN
        : await authenticated(mounting.authenticatorOf(preset.name), request, (asking) =>
            hub.isRevoked(asking),
          )
    const context: PresetContext = {
      hub,
      server,
      settings,
      space,
      request,
      access,
      part: decoded(pattern.exec(request.path)?.[1] ?? ''),
      fields: async () => parseJsonFields(await request.text()),
      optionalFields: async () => parseJsonFields((await request.text()) || '{}'),
    }
    const known = await route.answer(context)
    if ('stream' in known) await listen(mounting, context, preset, known.stream, req, res)
    else write(res, known)
  } catch (error) {
    const problem = hub.problemOf(error)
    for (const [name, value] of Object.entries(problemHeaders(problem))) {
      if (name !== 'Content-Type') res.setHeader(name, value)
    }
    write(res, preset.refuse(problem, route.path))
  }
}

async function listen(
  { addressOf }: Mounting,
  { hub, access, settings, space }: PresetContext,
  preset: Preset,
  { user, cursor, channels = [], headers = {} }: PresetStream,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  const { expiresAt, credential, hold } = access
  await hub.handle(req, res, {
    user,
    cursor,
    channels: [...space.topics, ...channels],
    followsAll: space.followsAll,
    dialect: preset.dialects[settings.level],
    address: addressOf(req),
    expiresAt,
    credential,
    hold,
  })
}

function write(res: ServerResponse, answer: WrittenAnswer): void {
  const body = 'text' in answer ? answer.text : JSON.stringify(answer.json)
  const type = 'text' in answer ? 'text/plain; charset=utf-8' : 'application/json'
  res
    .writeHead(answer.status ?? 200, {
      // Nothing has no type.
      ...(body === '' ? {} : { 'Content-Type': type }),
      'Cache-Control': 'no-store',
      ...answer.headers,
      'Content-Length': Buffer.byteLength(body),
    })
    .end(body)
}

function patternOf(path: string): RegExp {
  const escaped = path.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('([^/]+)')}$`)
}

/** @throws ProblemError `bad-request` */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch (cause) {
    throw new ProblemError('bad-request', 'The path is not correctly percent-encoded.', { cause })
  }
}
