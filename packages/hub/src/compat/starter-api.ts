import type { IncomingMessage, ServerResponse } from 'node:http'
import { createEvent, type HubEvent, ProblemError } from '@fanline/protocol'
import { AT_HEAD } from '../cursor.ts'
import { send } from './send.ts'
import type { CompatOptions, DialectStream, ServingHub } from './serving-hub.ts'
import { STARTER_DIALECTS } from './starter-dialect.ts'

/** What was `SSEMessage`. */
export interface StarterMessage {
  /** The event's name. */
  readonly event: string
  /** Anything that JSON can say. */
  readonly data: unknown
  /** What clients tell two messages apart by. In the enhanced level what has a place in the history goes by that. */
  readonly id?: string | undefined
  /** When an EventSource comes back, in milliseconds; not said when absent or 0. */
  readonly retry?: number | undefined
}

/** What was `SSEStats`. */
export interface StarterStats {
  readonly totalClients: number
  /** How many connections each user has. */
  readonly userClients: Readonly<Record<string, number>>
}

/** What was `*SSEHub`. Each send answers how many open connections it is for. */
export interface StarterHub {
  /** To one connection, by the `client_id` of its `connected` event; not kept for who is away. */
  sendToClient(clientId: string, message: StarterMessage): Promise<number>
  sendToUser(userId: string | number, message: StarterMessage): Promise<number>
  broadcast(message: StarterMessage): Promise<number>
  getClientCount(): number
  getUserClientCount(userId: string | number): number
}

/** What the package `sse` of starter-gofiber exported. */
export interface StarterApi {
  getHub(): StarterHub
  /** To a user, with an id of its own. */
  notifyUser(userId: string | number, event: string, data: unknown): Promise<number>
  /** To everybody, with an id of its own. */
  notifyAll(event: string, data: unknown): Promise<number>
  getStats(): StarterStats
  /** Serves a stream on node:http to a user whose token was checked. Resolves when the stream has ended. */
  handle(req: IncomingMessage, res: ServerResponse, userId: string | number): Promise<void>
  /** The same for requests of the web standard. */
  fetch(request: Request, userId: string | number): Promise<Response>
}

/**
 * The SSE part of starter-gofiber on a hub.
 *
 * ```go
 * hub := sse.GetSSEHub()
 * hub.SendToUser(10, sse.SSEMessage{Event: "custom_event", Data: data, ID: "msg-001", Retry: 3000})
 * sse.NotifyUser(10, "notification", data)
 * sse.NotifyAll("announcement", data)
 * stats := sse.GetSSEStats()
 * ```
 *
 * becomes
 *
 * ```ts
 * const sse = starterApi(createHub())
 * const hub = sse.getHub()
 * await hub.sendToUser(10, { event: 'custom_event', data, id: 'msg-001', retry: 3000 })
 * await sse.notifyUser(10, 'notification', data)
 * await sse.notifyAll('announcement', data)
 * const stats = sse.getStats()
 * ```
 */
export function starterApi(hub: ServingHub, { level = 'enhanced' }: CompatOptions = {}): StarterApi {
  const streamOf = (userId: string | number): DialectStream => ({
    user: String(userId),
    dialect: STARTER_DIALECTS[level],
    cursor: level === 'strict' ? AT_HEAD : undefined,
  })
  const starterHub: StarterHub = {
    sendToClient: async (connection, message) => send(hub, { connection }, eventOf(message)),
    sendToUser: async (userId, message) => send(hub, { user: String(userId) }, eventOf(message)),
    broadcast: async (message) => send(hub, { all: true }, eventOf(message)),
    getClientCount: () => hub.stats().connections,
    getUserClientCount: (userId) => hub.connectionsOf(String(userId)),
  }
  return {
    getHub: () => starterHub,
    notifyUser: (userId, event, data) =>
      starterHub.sendToUser(userId, { event, data, id: crypto.randomUUID() }),
    notifyAll: (event, data) => starterHub.broadcast({ event, data, id: crypto.randomUUID() }),
    getStats: () => ({
      totalClients: hub.stats().connections,
      userClients: Object.fromEntries(hub.connectionsByUser()),
    }),
    handle: (req, res, userId) => hub.handle(req, res, streamOf(userId)),
    fetch: (request, userId) => hub.fetch(request, streamOf(userId)),
  }
}

/** @throws ProblemError for what no frame can say */
function eventOf({ event, data, id = '', retry = 0 }: StarterMessage): HubEvent {
  if (typeof id !== 'string' || /[\r\n\0]/.test(id)) {
    throw new ProblemError('publish-invalid', 'The id of a message is a text without line break or NUL.')
  }
  if (!Number.isSafeInteger(retry)) {
    throw new ProblemError('publish-invalid', 'retry is a whole number of milliseconds.')
  }
  return {
    ...createEvent(event, data),
    attributes: { ...(id === '' ? {} : { id }), ...(retry > 0 ? { retry: String(retry) } : {}) },
  }
}
