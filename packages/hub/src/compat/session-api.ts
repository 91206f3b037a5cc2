import type { IncomingMessage, ServerResponse } from 'node:http'
import { createEvent, ProblemError } from '@fanline/protocol'
import { integerCursor } from './integer-cursor.ts'
import { send } from './send.ts'
import type { CompatOptions, DialectStream, ServingHub } from './serving-hub.ts'
import { sessionChannel } from './session-channel.ts'
import { SESSION_DIALECTS } from './session-dialect.ts'

/**
 * What dan-sherwin's go-sse exported. Each send answers how many open connections it is for, each shutdown how many it
 * ends. A list of targets that is absent is an error, and not everybody.
 *
 * A session is the topic {@link sessionChannel}, a uid is the user of the hub.
 */
export interface SessionApi {
  /** Serves a session on node:http, from where `Last-Event-ID` says. Resolves when the stream has ended. */
  newSession(req: IncomingMessage, res: ServerResponse, sessionId: string): Promise<void>
  /** The same for a session of somebody, who is then also reached by uid. */
  newSessionWithUid(req: IncomingMessage, res: ServerResponse, sessionId: string, uid: string): Promise<void>
  /** Both for requests of the web standard. */
  fetchSession(request: Request, sessionId: string, uid?: string): Promise<Response>

  /** To everybody. @throws ProblemError for a bad name of an event, or data that is no JSON */
  broadcastEvent(type: string, data: unknown): Promise<number>
  /** To everybody but these users. */
  broadcastEventExceptUids(type: string, data: unknown, uids: readonly string[]): Promise<number>
  sendSessionEvent(type: string, data: unknown, sessionId: string): Promise<number>
  /** @throws ProblemError `target-missing` when there is no list; nobody is reached by an empty one */
  sendSessionsEvent(type: string, data: unknown, sessionIds: readonly string[]): Promise<number>
  sendEventToUid(type: string, data: unknown, uid: string): Promise<number>
  /** @throws ProblemError `target-missing` when there is no list; nobody is reached by an empty one */
  sendEventToUids(type: string, data: unknown, uids: readonly string[]): Promise<number>

  shutdownBySessionId(sessionId: string): number
  shutdownBySessionIds(sessionIds: readonly string[]): number
  shutdownByUid(uid: string): number
  shutdownByUids(uids: readonly string[]): number

  /** Users with an open stream whose id begins like this. */
  listActiveUids(prefix: string): string[]
  hasActiveSessionForUid(uid: string): boolean
  hasActiveSessionsForSessionId(sessionId: string): boolean
}

/**
 * dan-sherwin's go-sse on a hub.
 *
 * ```go
 * router.GET("/sse", func(c *gin.Context) { sse.NewSession(c, c.Query("session")) })
 * sse.BroadcastEvent("notification", gin.H{"msg": "hello world"})
 * sse.SendSessionEvent("private", gin.H{"msg": "hi"}, "user-123")
 * sse.ShutdownBySessionID("user-123")
 * ```
 *
 * becomes
 *
 * ```ts
 * const sse = sessionApi(createHub())
 * app.get('/sse', (req, res) => sse.newSession(req, res, req.query.session))
 * await sse.broadcastEvent('notification', { msg: 'hello world' })
 * await sse.sendSessionEvent('private', { msg: 'hi' }, 'user-123')
 * sse.shutdownBySessionId('user-123')
 * ```
 *
 * `newSession` no longer takes a uid out of the address, where anybody could write anybody's: hand the one that was
 * checked to `newSessionWithUid`. It mirrors no origin either: `corsPolicy` of `@fanline/hub/routes` makes the headers
 * for those that are listed; set them on the response before.
 */
export function sessionApi(hub: ServingHub, { level = 'enhanced' }: CompatOptions = {}): SessionApi {
  const streamOf = (
    sessionId: string,
    uid: string | undefined,
    lastEventId?: string | null,
  ): DialectStream => ({
    user: uid,
    channels: [sessionChannel(sessionId)],
    dialect: SESSION_DIALECTS[level],
    cursor: integerCursor(hub, lastEventId),
  })
  const serve = (req: IncomingMessage, res: ServerResponse, sessionId: string, uid?: string): Promise<void> =>
    hub.handle(req, res, streamOf(sessionId, uid, req.headers['last-event-id'] as string | undefined))
  const shutDown = (filters: readonly { user?: string; channel?: string }[]): number =>
    filters.reduce((ended, filter) => ended + hub.disconnect(filter), 0)

  return {
    newSession: async (req, res, sessionId) => serve(req, res, sessionId),
    newSessionWithUid: async (req, res, sessionId, uid) => serve(req, res, sessionId, uid),
    fetchSession: async (request, sessionId, uid) =>
      hub.fetch(request, streamOf(sessionId, uid, request.headers.get('last-event-id'))),

    broadcastEvent: async (type, data) => send(hub, { all: true }, createEvent(type, data)),
    broadcastEventExceptUids: async (type, data, uids) =>
      send(hub, { all: true, except: mustBeList(uids) }, createEvent(type, data)),
    sendSessionEvent: async (type, data, sessionId) =>
      send(hub, { channel: sessionChannel(sessionId) }, createEvent(type, data)),
    async sendSessionsEvent(type, data, sessionIds) {
      const channels = mustBeList(sessionIds).map(sessionChannel)
      return channels.length === 0 ? 0 : send(hub, { channels }, createEvent(type, data))
    },
    sendEventToUid: async (type, data, uid) => send(hub, { user: uid }, createEvent(type, data)),
    async sendEventToUids(type, data, uids) {
      return mustBeList(uids).length === 0 ? 0 : send(hub, { users: uids }, createEvent(type, data))
    },

    shutdownBySessionId: (sessionId) => shutDown([{ channel: sessionChannel(sessionId) }]),
    shutdownBySessionIds: (sessionIds) => shutDown(sessionIds.map((id) => ({ channel: sessionChannel(id) }))),
    shutdownByUid: (user) => shutDown([{ user }]),
    shutdownByUids: (uids) => shutDown(uids.map((user) => ({ user }))),

    listActiveUids: (prefix) => [...hub.connectionsByUser().keys()].filter((uid) => uid.startsWith(prefix)),
    hasActiveSessionForUid: (uid) => hub.connectionsOf(uid) > 0,
    hasActiveSessionsForSessionId: (sessionId) => hub.isFollowed(sessionChannel(sessionId)),
  }
}

/** @throws ProblemError `target-missing`: what is absent was once taken for everybody */
function mustBeList(ids: readonly string[]): readonly string[] {
  if (!Array.isArray(ids))
    throw new ProblemError('target-missing', 'It is a list of ids, perhaps an empty one.')
  return ids
}
