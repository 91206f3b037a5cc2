import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EmbeddedHub } from '@fanline/hub'
import {
  type Authenticator,
  answerProblem,
  authenticated,
  type CorsPolicy,
  corsPolicy,
  cutUnreadBody,
  grantAccess,
  NodeRequest,
  problemHeaders,
  streamTerms,
} from '@fanline/hub/routes'
import { ProblemError } from '@fanline/protocol'
import { isForm, parseFormFields } from './form-fields.ts'
import { type JsonFields, parseJsonFields } from './json-fields.ts'
import type {
  MountedPreset,
  Preset,
  PresetContext,
  PresetRoute,
  PresetSettings,
  PresetStream,
  ServerFigures,
  WrittenAnswer,
} from './preset.ts'
import { PRESETS } from './presets.ts'
import { spaceOf } from './space.ts'

/** What presets are mounted on. */
export interface Mounting {
  readonly hub: EmbeddedHub
  /** Tells who is asked where a preset is not open; called once for each. */
  readonly authenticatorOf: (mounted: MountedPreset) => Authenticator
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
  /** Ends what presets do on their own. */
  close(): void
}

interface MountedRoute extends MountedPreset {
  readonly authenticator: Authenticator
  readonly preset: Preset
  readonly route: PresetRoute
  /** Matches the path; captures what stands in the place of a `*`. */
  readonly pattern: RegExp
}

/** Puts presets under their prefixes. Several may share one: a path they all have is told apart by its query key. */
export function mountPresets(mounting: Mounting): MountedPresets {
  const { hub, server } = mounting
  const mounted = mounting.presets.map((settings) => {
    const place = { hub, server, settings, space: spaceOf(settings.namespace) }
    return { ...place, preset: PRESETS[settings.name], authenticator: mounting.authenticatorOf(place) }
  })
  const routes = mounted.flatMap((place) =>
    place.preset.routes.map((route): MountedRoute => {
      return { ...place, route, pattern: patternOf(place.settings.prefix + route.path) }
    }),
  )
  const running = mounted.map((place) => place.preset.run?.(place))
  const listed = mounting.origins.length > 0 ? corsPolicy(mounting.origins) : NO_ORIGIN

  return {
    handle(req, res) {
      const path = (req.url ?? '/').split('?', 1)[0]!
      const here = routes.filter(({ pattern }) => pattern.test(path))
      if (here.length === 0) return false
      const request = new NodeRequest(req, '', hub.options.limits)
      const asked = preflightMethod(request)
      const chosen = chooseRoute(here, request, asked ?? request.method)
      const about = chosen instanceof ProblemError ? here : [chosen]
      const cors = about.every(isForAnyOrigin) ? anyOrigin(request) : listed
      const origin = request.header('origin')
      if (asked !== undefined) {
        res.writeHead(204, { ...cors.preflight(origin) }).end()
        return true
      }
      for (const [name, value] of Object.entries(cors.headers(origin))) res.setHeader(name, value)
      if (!(chosen instanceof ProblemError)) void answer(mounting, chosen, request, req, res)
      else refuse(res, hub.problemOf(chosen), here)
      return true
    },
    close() {
      for (const stop of running) stop?.()
    },
  }
}

/** Where no origin is listed, there is nothing to say to any. */
const NO_ORIGIN: CorsPolicy = { headers: () => ({}), preflight: () => ({}) }

/** What a preset allowed that was open to everybody: every page, but none with credentials. */
function anyOrigin(request: NodeRequest): CorsPolicy {
  const anybody = { 'Access-Control-Allow-Origin': '*' }
  return {
    headers: (origin) => (origin === undefined ? {} : anybody),
    preflight: () => ({
      ...anybody,
      'Access-Control-Allow-Methods': 'GET, POST, HEAD, PUT, DELETE, PATCH',
      'Access-Control-Allow-Headers': request.header('access-control-request-headers') ?? '',
      Vary: 'Access-Control-Request-Method, Access-Control-Request-Headers, Origin',
    }),
  }
}

const OPEN = grantAccess({ admin: true, credential: { kind: 'open' } })

function isForAnyOrigin({ preset, settings }: MountedRoute): boolean {
  return preset.anyOrigin === true && settings.auth === 'open'
}

/** The method that a preflight asks for; undefined for any other request. */
function preflightMethod(request: NodeRequest): string | undefined {
  return request.method === 'OPTIONS' ? request.header('access-control-request-method') : undefined
}

/** The one route that is meant, or why none is. */
function chooseRoute(
  here: readonly MountedRoute[],
  request: NodeRequest,
  asked: string,
): MountedRoute | ProblemError {
  const method = asked === 'HEAD' ? 'GET' : asked
  const fitting = here.filter(({ route }) => route.method === method || route.method === 'ANY')
  if (fitting.length === 0) {
    const allow = [...new Set(here.map(({ route }) => route.method))].join(', ')
    return new ProblemError('method-not-allowed', `Allowed: ${allow}.`, { headers: { Allow: allow } })
  }
  if (fitting.length === 1) return fitting[0]!
  const named = fitting.filter(({ route }) => route.key !== undefined && request.query.has(route.key))
  if (named.length === 1) return named[0]!
  const byDefault = named.length === 0 && fitting.find(({ settings }) => settings.isDefault)
  if (byDefault) return byDefault
  const keys = fitting.map(({ route }) => route.key).join(', ')
  return new ProblemError('bad-request', `Name one of ${keys} in the query.`)
}

async function answer(
  mounting: Mounting,
  mounted: MountedRoute,
  request: NodeRequest,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { authenticator, preset, hub, settings, route, pattern } = mounted
  try {
    const access = settings.auth === 'open' ? OPEN : await authenticated(authenticator, request, hub)
    const context: PresetContext = {
      ...mounted,
      request,
      access,
      part: decoded(pattern.exec(request.path)?.[1] ?? ''),
      fields: () => readFields(request, preset),
      optionalFields: async () => parseJsonFields((await request.text()) || '{}'),
    }
    const known = await route.answer(context)
    if ('stream' in known) await listen(mounting, context, preset, known.stream, req, res)
    else write(res, known)
  } catch (error) {
    refuse(res, hub.problemOf(error), [mounted])
  }
}

/** As the system said it; as fanline does where several could have. */
function refuse(res: ServerResponse, problem: ProblemError, here: readonly MountedRoute[]): void {
  const { preset, route } = here[0]!
  if (here.some((other) => other.preset !== preset)) {
    answerProblem(res, problem)
    return
  }
  for (const [name, value] of Object.entries(problemHeaders(problem))) {
    if (name !== 'Content-Type') res.setHeader(name, value)
  }
  write(res, preset.refuse(problem, route.path))
}

async function readFields(request: NodeRequest, { takesForms }: Preset): Promise<JsonFields> {
  const text = await request.text()
  return takesForms && isForm(request.header('content-type'), text)
    ? parseFormFields(text)
    : parseJsonFields(text)
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
  await hub.handle(req, res, {
    user,
    cursor,
    channels: [...space.topics, ...channels],
    followsAll: space.followsAll,
    dialect: preset.dialects[settings.level],
    address: addressOf(req),
    ...streamTerms(access),
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
  cutUnreadBody(res.req)
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
