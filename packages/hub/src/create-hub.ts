import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EventDefinitions, EventMap, ProblemError, PublishedEvents } from '@fanline/protocol'
import { type Clock, systemClock } from './clock.ts'
import type { ChannelStreamRequest } from './http/channel-stream.ts'
import { serveChannelFetch, serveFetch } from './http/fetch.ts'
import { serveChannelNode, serveNode } from './http/node.ts'
import type { StreamRequest } from './http/stream-request.ts'
import { Hub } from './hub.ts'
import { memoryLog } from './log/memory.ts'
import type { Log } from './log.ts'
import { type HubOptionsInput, parseHubOptions } from './options.ts'
import type { Tracer } from './tracer.ts'

/** How a hub is made. Everything has a default. */
export interface CreateHubOptions extends HubOptionsInput {
  /** Where events are ordered and kept; in memory when absent. */
  readonly log?: Log
  readonly clock?: Clock
  /** The only events that may be published, of `defineEvents`; any may be when absent. */
  readonly events?: EventDefinitions
  /** Follows events from their publish to their delivery, such as `openTelemetryTracer()`; nobody does when absent. */
  readonly tracer?: Tracer | undefined
  /** Hears of failures that no caller waits for; a process warning when absent. */
  readonly onProblem?: (problem: ProblemError, about: { connection?: string }) => void
}

/** A hub with its doors to the web. */
export class EmbeddedHub<Events extends EventMap = EventMap> extends Hub<Events> {
  /**
   * Serves one subscription on node:http, and so in Express, Koa, Fastify (`reply.raw`) and Nest. Who may listen to
   * what is the caller's decision: `user` and `channels` are taken as they are. Resolves when the stream has ended.
   */
  async handle(req: IncomingMessage, res: ServerResponse, request: StreamRequest = {}): Promise<void> {
    const ended = new Promise<void>((resolve) => res.once('close', resolve))
    await serveNode(this, req, res, request)
    if (!res.closed) await ended
  }

  /**
   * Serves the stream that runs in a channel, as {@link handle} serves a subscription: what it said so far as one event,
   * then the rest, to its end. 204 when none runs.
   */
  async handleStream(
    req: IncomingMessage,
    res: ServerResponse,
    request: ChannelStreamRequest,
  ): Promise<void> {
    const ended = new Promise<void>((resolve) => res.once('close', resolve))
    await serveChannelNode(this, req, res, request)
    if (!res.closed) await ended
  }

  /** Does what {@link handleStream} does, where requests and responses are those of the web standard. */
  fetchStream(request: Request, stream: ChannelStreamRequest): Promise<Response> {
    return serveChannelFetch(this, request, stream)
  }

  /** Serves one subscription where requests and responses are those of the web standard: Hono, Next, Bun, Deno. */
  fetch(request: Request, stream: StreamRequest = {}): Promise<Response> {
    return serveFetch(this, request, stream)
  }
}

/**
 * Makes a hub. `createHub<{ progress: { done: number } }>()` checks event names and data at compile time,
 * `createHub({ events: defineEvents({ … }) })` also what is published while it runs, from wherever.
 * @throws ProblemError `option-invalid`
 */
export function createHub<Definitions extends EventDefinitions>(
  options: CreateHubOptions & { readonly events: Definitions },
): EmbeddedHub<PublishedEvents<Definitions>>
export function createHub<Events extends EventMap = EventMap>(options?: CreateHubOptions): EmbeddedHub<Events>
export function createHub(options: CreateHubOptions = {}): EmbeddedHub {
  const { log, clock = systemClock, onProblem = warn, events, tracer, ...input } = options
  const { history, idempotency } = parseHubOptions(input)
  return new EmbeddedHub({
    log: log ?? memoryLog({ history, idempotency, clock }),
    clock,
    events,
    tracer,
    options: input,
    report: onProblem,
  })
}

function warn(problem: ProblemError): void {
  process.emitWarning(problem)
}
