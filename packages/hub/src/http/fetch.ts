import type { ProblemError } from '@fanline/protocol'
import type { Dialect } from '../dialect.ts'
import type { Hub } from '../hub.ts'
import { FetchSink } from './fetch-sink.ts'
import { problemHeaders } from './problem-headers.ts'
import { dialectOf, type StreamRequest, softRefusal, startOf, streamHeaders } from './stream-request.ts'

/** Serves one stream to a request of the web standard. Refusals are answered, not thrown. */
export async function serveFetch(hub: Hub, request: Request, stream: StreamRequest): Promise<Response> {
  try {
    const dialect = stream.dialect ?? dialectOf(request.headers.get('accept') ?? undefined)
    const headers = streamHeaders(dialect)
    if (request.method === 'HEAD') return new Response(null, { headers })
    const ask = {
      query: new URL(request.url).searchParams,
      header: (name: string) => request.headers.get(name) ?? undefined,
    }
    const sink = new FetchSink(request.signal)
    const cursor = await startOf(stream, ask, hub.clock.now())
    await hub.connect({ ...stream, cursor }, sink, dialect)
    return new Response(sink.body, { headers })
  } catch (error) {
    return refuseFetch(hub, request, error, stream.dialect)
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
