import type { IncomingMessage, ServerResponse } from 'node:http'
import { createEvent, ProblemError } from '@fanline/protocol'
import { AT_HEAD } from '../cursor.ts'
import { CLIENT_ID_DIALECTS } from './client-id-dialect.ts'
import { send } from './send.ts'
import type { CompatOptions, DialectStream, ServingHub } from './serving-hub.ts'

/** What ayo-awe's go-sse exported. Each send answers how many open connections it is for. */
export interface ClientIdApi {
  /**
   * Text to all connections of an id.
   * @throws ProblemError `connection-not-found` when there is none, as long as this hub is the only one: what was
   * `ErrClientNotFound`
   */
  publish(id: string, data: string): Promise<number>
  /** Text to everybody. */
  broadcast(data: string): Promise<number>
  /**
   * Serves a stream on node:http to whoever `?id=` says, or to an id of its own. Resolves when the stream has ended. Like
   * its model it asks nobody who they are: check that before.
   */
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  /** The same for requests of the web standard. */
  fetch(request: Request): Promise<Response>
}

/**
 * ayo-awe's go-sse on a hub.
 *
 * ```go
 * manager := sse.New()
 * http.Handle("/sse", manager)
 * err := manager.Publish("u1", "Hello")
 * if errors.Is(err, sse.ErrClientNotFound) { … }
 * manager.Broadcast("news")
 * ```
 *
 * becomes
 *
 * ```ts
 * const manager = clientIdApi(createHub())
 * createServer((req, res) => manager.handle(req, res))
 * await manager.publish('u1', 'Hello') // rejects with the code connection-not-found
 * await manager.broadcast('news')
 * ```
 */
export function clientIdApi(hub: ServingHub, { level = 'enhanced' }: CompatOptions = {}): ClientIdApi {
  const streamOf = (url: string): DialectStream => ({
    user: new URL(url, 'http://localhost').searchParams.get('id') || crypto.randomUUID(),
    dialect: CLIENT_ID_DIALECTS[level],
    cursor: level === 'strict' ? AT_HEAD : undefined,
  })
  return {
    async publish(id, data) {
      if (!hub.sharesLog && hub.connectionsOf(id) === 0) throw new ProblemError('connection-not-found')
      return send(hub, { user: id }, createEvent(undefined, data))
    },
    broadcast: async (data) => send(hub, { all: true }, createEvent(undefined, data)),
    handle: (req, res) => hub.handle(req, res, streamOf(req.url ?? '/')),
    fetch: (request) => hub.fetch(request, streamOf(request.url)),
  }
}
