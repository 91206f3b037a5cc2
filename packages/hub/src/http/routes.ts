/** The native API of a hub, to mount under any path of an application. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Role } from '@fanline/protocol'
import type { Authenticator, TicketIssuer } from '../authenticator.ts'
import type { Hub } from '../hub.ts'
import { type Api, answerApi, ROUTES } from './api.ts'
import type { ApiAnswer, ApiRequest } from './api-request.ts'
import { type CorsPolicy, corsPolicy } from './cors.ts'
import { problemResponse, refuseFetch, serveFetch } from './fetch.ts'
import { FetchRequest } from './fetch-request.ts'
import { answerProblem, refuseNode, serveNode } from './node.ts'
import { NodeRequest } from './node-request.ts'
import { cutUnreadBody } from './unread-body.ts'
import { WaitingAnswers } from './waiting-answers.ts'

export {
  type Access,
  type Authenticator,
  authenticated,
  bearerToken,
  type Credential,
  type CredentialSource,
  endOf,
  firstOf,
  type Grants,
  grantAccess,
  openAccess,
  type StreamTerms,
  streamTerms,
  type Ticket,
  type TicketIssuer,
  type TicketRequest,
} from '../authenticator.ts'

/** A native route: what a test of all of them goes through. */
export interface NativeRoute {
  readonly method: string
  /** With `*` for a part that varies. */
  readonly path: string
  /** The least that may use it; absent where another grant counts. */
  readonly role?: Role | undefined
}

/** Every native route. */
export const NATIVE_ROUTES: readonly NativeRoute[] = ROUTES.map(({ method, path, role }) => ({
  method,
  role,
  path: `/${path.join('/')}`,
}))

export type { ApiRequest } from './api-request.ts'
export { type CorsPolicy, corsPolicy } from './cors.ts'
export { answerProblem, headerOf } from './node.ts'
export { NodeRequest } from './node-request.ts'
export { problemHeaders } from './problem-headers.ts'
export { publishAs } from './publish.ts'
export { cutUnreadBody } from './unread-body.ts'

/** Where the routes stand, and who may use them. */
export interface RoutesOptions {
  readonly authenticator: Authenticator
  /** Gives tickets at `POST /v1/tickets`; nobody gets one when absent. */
  readonly tickets?: TicketIssuer | undefined
  /** False when figures, connections and revocations are answered elsewhere; true when absent. */
  readonly servesAdmin?: boolean | undefined
  /** Where a client is, for `limits.connectionsPerAddress`; not counted when absent, or when it answers undefined. */
  readonly addressOf?: ((req: IncomingMessage) => string | undefined) | undefined
  /** What stands before `/v1`; empty when absent. */
  readonly basePath?: string
  /** Origins whose pages may use these routes, exactly as a browser sends them; none but the own one when absent. */
  readonly origins?: readonly string[]
}

/** All native routes of a hub. */
export interface Routes {
  /** Answers on node:http. False, and nothing done, when the path is not one of the native API. */
  handle(req: IncomingMessage, res: ServerResponse): boolean
  /** Answers a request of the web standard. Undefined when the path is not one of the native API. */
  fetch(request: Request): Promise<Response> | undefined
}

const JSON_HEADERS = {
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
}
const RAW_JSON_HEADERS = Object.entries(JSON_HEADERS).flat()
const LINES_HEADERS = {
  'Content-Type': 'application/x-ndjson',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
}

/** Serves the native API: streams, publish, history, figures, connections. */
export function nativeRoutes(
  hub: Hub,
  { authenticator, tickets, servesAdmin = true, addressOf, basePath = '', origins = [] }: RoutesOptions,
): Routes {
  const api: Api = { hub, authenticator, tickets, servesAdmin }
  const { limits } = hub.options
  const waiting = new WaitingAnswers(hub.options)
  const cors = origins.length > 0 ? corsPolicy(origins) : undefined
  return {
    handle(req, res) {
      if (!req.url?.startsWith(`${basePath}/v1/`)) return false
      const request = new NodeRequest(req, basePath, limits)
      if (cors) for (const [name, value] of corsHeaders(cors, request)) res.setHeader(name, value)
      const answer = answerApi(api, request)
      if (!answer) return false
      answer
        .then((known) => {
          if ('refusal' in known) return refuseNode(hub, res, known.refusal)
          if (!('stream' in known)) return writeNode(res, known, waiting)
          return serveNode(hub, req, res, { ...known.stream, address: addressOf?.(req) }, request)
        })
        .catch((error) => {
          // A stream of lines that broke off cannot be answered any more.
          if (res.headersSent) res.destroy()
          else answerProblem(res, hub.problemOf(error))
        })
      return true
    },
    fetch(request) {
      if (!new URL(request.url).pathname.startsWith(`${basePath}/v1/`)) return undefined
      const asked = new FetchRequest(request, basePath, limits)
      return answerApi(api, asked)
        ?.then((answer) => toResponse(hub, request, answer))
        .catch((error) => problemResponse(hub.problemOf(error)))
        .then((response) => {
          if (cors) for (const [name, value] of corsHeaders(cors, asked)) response.headers.set(name, value)
          return response
        })
    },
  }
}

function corsHeaders(cors: CorsPolicy, request: ApiRequest): [string, string][] {
  const origin = request.header('origin')
  return Object.entries(request.method === 'OPTIONS' ? cors.preflight(origin) : cors.headers(origin))
}

async function writeNode(
  res: ServerResponse,
  answer: Exclude<ApiAnswer, { stream: unknown } | { refusal: unknown }>,
  waiting: WaitingAnswers,
): Promise<void> {
  if ('lines' in answer) {
    res.writeHead(200, LINES_HEADERS).flushHeaders()
    for await (const lines of answer.lines) {
      if (res.write(lines)) continue
      waiting.add(res, 'drain')
      await once(res, 'drain')
    }
    const { socket } = res
    res.end()
    cutUnreadBody(res.req, socket)
    return
  }
  if (answer.status === 204) {
    // No content has no length and no type either (RFC 9110, section 8.6).
    res.writeHead(204, answer.headers).end()
    cutUnreadBody(res.req)
    return
  }
  // Nobody would ever take it; and it would be kept with the others that waited on this connection.
  if (res.req.socket.destroyed) return
  const body = jsonBody(answer.json)
  const length = Buffer.byteLength(body)
  // An array is what node:http writes fastest, and no object has to be merged for each publish.
  const headers = answer.headers
    ? { ...JSON_HEADERS, ...answer.headers, 'Content-Length': length }
    : [...RAW_JSON_HEADERS, 'Content-Length', String(length)]
  res.writeHead(answer.status ?? 200, headers).end(body)
  waiting.add(res, 'finish')
  cutUnreadBody(res.req)
}

async function toResponse(hub: Hub, request: Request, answer: ApiAnswer): Promise<Response> {
  if ('refusal' in answer) return refuseFetch(hub, request, answer.refusal)
  if ('stream' in answer) return serveFetch(hub, request, answer.stream)
  if ('lines' in answer) return new Response(encodeLines(answer.lines), { headers: LINES_HEADERS })
  const { json, status = 200 } = answer
  if (status === 204) return new Response(null, { status, headers: answer.headers ?? {} })
  return new Response(jsonBody(json), { status, headers: { ...JSON_HEADERS, ...answer.headers } })
}

function jsonBody(json: unknown): string {
  return `${JSON.stringify(json)}\n`
}

function encodeLines(lines: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const iterator = lines[Symbol.asyncIterator]()
  return new ReadableStream({
    async pull(controller) {
      const step = await iterator.next()
      if (step.done) controller.close()
      else controller.enqueue(encoder.encode(step.value))
    },
    async cancel() {
      await iterator.return?.()
    },
  })
}
