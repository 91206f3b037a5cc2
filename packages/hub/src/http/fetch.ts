import type { ProblemError } from '@fanline/protocol'
import type { Dialect } from '../dialect.ts'
import type { Hub } from '../hub.ts'
import { type ChannelStreamRequest, joining } from './channel-stream.ts'
import { codingOf } from './compression.ts'
import { FetchSink } from './fetch-sink.ts'
import { problemHeaders } from './problem-headers.ts'
import {
  dialectOf,
  type StreamAsk,
  type StreamRequest,
  softRefusal,
  startOf,
  streamHeaders,
} from './stream-request.ts'

/** Serves one stream to a request of the web standard. Refusals are answered, not thrown. */
export async function serveFetch(hub: Hub, request: Request, stream: StreamRequest): Promise<Response> {
  try {
    const dialect = stream.dialect ?? dialectOf(request.headers.get('accept') ?? undefined)
    const ask = askOf(request)
    const { headers, wrap } = await codingOf(hub.options, ask, dialect)
    if (request.method === 'HEAD') return new Response(null, { headers })
    const sink = new FetchSink(request.signal)
    const cursor = await startOf(stream, ask, hub.clock.now())
    await hub.connect({ ...stream, cursor }, wrap(sink), dialect)
    return new Response(sink.body, { headers })
  } catch (error) {
    return refuseFetch(hub, request, error, stream.dialect)
  }
}

/** Serves the stream of a channel, or 204 when none runs. Refusals are answered, not thrown. */
export async function serveChannelFetch(
  hub: Hub,
  request: Request,
  asked: ChannelStreamRequest,
): Promise<Response> {
  try {
    const stream = await joining(hub, asked, askOf(request))
    return stream ? await serveFetch(hub, request, stream) : new Response(null, { status: 204 })
  } catch (error) {
    return refuseFetch(hub, request, error, asked.dialect)
  }
}

/** The answer to a request for a stream that is not opened. */
export function refuseFetch(hub: Hub, request: Request, error: unknown, dialect?: Dialect): Response {
  const problem = hub.problemOf(error)
  const accept = request.headers.get('accept') ?? undefined
  const soft = softRefusal(problem, accept, hub.retryMs(), dialect)
  return soft ? new Response(soft.text, { headers: streamHeaders(soft.dialect) }) : problemResponse(problem)
}

/** An `application/problem+json` answer. */
export function problemResponse(problem: ProblemError): Response {
  return new Response(`${JSON.stringify(problem.toBody())}\n`, {
    status: problem.status,
    headers: problemHeaders(problem),
  })
}

function askOf({ url, headers }: Request): StreamAsk {
  return { query: new URL(url).searchParams, header: (name) => headers.get(name) ?? undefined }
}
