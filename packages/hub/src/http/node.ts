import type { IncomingMessage, ServerResponse } from 'node:http'
import { toProblem } from '@fanline/protocol'
import type { Dialect } from '../dialect.ts'
import type { Hub } from '../hub.ts'
import { type ChannelStreamRequest, joining } from './channel-stream.ts'
import { codingOf } from './compression.ts'
import { NodeSink } from './node-sink.ts'
import { problemHeaders } from './problem-headers.ts'
import {
  dialectOf,
  type StreamAsk,
  type StreamRequest,
  softRefusal,
  startOf,
  streamHeaders,
} from './stream-request.ts'
import { cutUnreadBody } from './unread-body.ts'

/** Serves one stream on node:http or node:http2. Refusals are answered, not thrown. */
export async function serveNode(
  hub: Hub,
  req: IncomingMessage,
  res: ServerResponse,
  request: StreamRequest,
  ask: StreamAsk = askOf(req),
): Promise<void> {
  const accept = headerOf(req, 'accept')
  // A body that nobody reads would keep node from noticing that the client has left.
  req.resume()
  if (res.destroyed) return
  try {
    const dialect = request.dialect ?? dialectOf(accept)
    const { headers, wrap } = await codingOf(hub.options, ask, dialect)
    if (req.method === 'HEAD') {
      res.writeHead(200, headers).end()
      cutUnreadBody(req)
    } else {
      const cursor = await startOf(request, ask, hub.clock.now())
      await hub.connect({ ...request, cursor }, wrap(new NodeSink(res, headers)), dialect)
    }
  } catch (error) {
    refuseNode(hub, res, error, request.dialect)
  }
}

/** Serves the stream of a channel, or 204 when none runs. Refusals are answered, not thrown. */
export async function serveChannelNode(
  hub: Hub,
  req: IncomingMessage,
  res: ServerResponse,
  request: ChannelStreamRequest,
): Promise<void> {
  const ask = askOf(req)
  try {
    const stream = await joining(hub, request, ask)
    if (stream) return await serveNode(hub, req, res, stream, ask)
    res.writeHead(204).end()
    cutUnreadBody(req)
  } catch (error) {
    refuseNode(hub, res, error, request.dialect)
  }
}

/** Answers a request for a stream that is not opened. */
export function refuseNode(hub: Hub, res: ServerResponse, error: unknown, dialect?: Dialect): void {
  const problem = hub.problemOf(error)
  const soft = softRefusal(problem, headerOf(res.req, 'accept'), hub.retryMs(), dialect)
  if (!soft) {
    answerProblem(res, problem)
    return
  }
  res.writeHead(200, streamHeaders(soft.dialect)).end(soft.text)
  cutUnreadBody(res.req)
}

/** Answers with `application/problem+json`. */
export function answerProblem(res: ServerResponse, error: unknown): void {
  const problem = toProblem(error)
  res.writeHead(problem.status, problemHeaders(problem)).end(`${JSON.stringify(problem.toBody())}\n`)
  cutUnreadBody(res.req)
}

function askOf(req: IncomingMessage): StreamAsk {
  const url = req.url ?? '/'
  const mark = url.indexOf('?')
  return {
    query: new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1)),
    header: (name) => headerOf(req, name),
  }
}

/**
 * One header of a request; undefined when it is absent.
 * Looks at the headers as they came: `req.headers` would build an object of all of them for every publish, and keep it
 * for every idle stream.
 * @param name in lower case
 */
export function headerOf(req: IncomingMessage, name: string): string | undefined {
  if (req.httpVersionMajor > 1) return http2HeaderOf(req, name)
  const raw = req.rawHeaders
  for (let i = 0; i < raw.length; i += 2) {
    const candidate = raw[i] as string
    if (candidate.length === name.length && candidate.toLowerCase() === name) return raw[i + 1]
  }
  return undefined
}

/** With HTTP/2 the object is there in any case, Host has another name, and a browser sends each cookie by itself. */
function http2HeaderOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name] ?? (name === 'host' ? headers[':authority'] : undefined)
  return Array.isArray(value) ? value.join(', ') : value
}
