import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Hub } from '@fanline/hub'
import { answerProblem, cutUnreadBody, nativeRoutes, type RoutesOptions } from '@fanline/hub/routes'
import type { Logger } from './logger.ts'
import { pathForLogs } from './path-for-logs.ts'
import type { MountedPresets } from './presets/mount.ts'

/** Throws a ProblemError for a request that must not be looked at. */
export type Guard = (request: IncomingMessage) => void

/** The way of a request through the server. */
export interface RequestPath extends RoutesOptions {
  readonly hub: Hub
  /** Comes first, if there is one. */
  readonly guard: Guard | undefined
  /** Routes of other systems, should there be any. */
  readonly presets: MountedPresets
  /** Answers what is not part of the native API. */
  readonly answerOther: (req: IncomingMessage, res: ServerResponse) => Promise<void>
  readonly logger: Logger
}

/** The hot path: the native API is answered straight from node:http, everything else after it. */
export function requestListener({
  hub,
  guard,
  presets,
  answerOther,
  logger,
  ...routes
}: RequestPath): RequestListener {
  const native = nativeRoutes(hub, routes)
  const logsRequests = logger.isLevelEnabled('debug')
  return (req, res) => {
    if (logsRequests) logRequest(logger, req, res)
    try {
      guard?.(req)
    } catch (error) {
      answerProblem(res, hub.problemOf(error))
      return
    }
    if (native.handle(req, res)) return
    // The native routes, which are the hot path, have it among their own.
    res.setHeader('X-Content-Type-Options', 'nosniff')
    if (presets.handle(req, res)) return
    res.once('finish', () => cutUnreadBody(req))
    void answerOther(req, res)
  }
}

function logRequest(logger: Logger, req: IncomingMessage, res: ServerResponse): void {
  const began = performance.now()
  const path = pathForLogs(req.url!)
  res.once('close', () => {
    const ms = Math.round(performance.now() - began)
    logger.debug({ method: req.method, path, status: res.statusCode, ms }, 'request')
  })
}
