import type { ProblemError } from '@fanline/protocol'
import type { Hub } from '../hub.ts'
import { FetchSink } from './fetch-sink.ts'
import { problemHeaders } from './problem-headers.ts'
import { cursorOf, dialectOf, type StreamRequest, softRefusal, streamHeaders } from './stream-request.ts'

/** Serves one stream to a request of the web standard. Refusals are answered, not thrown. */
export async function serveFetch(hub: Hub, request: Request, stream: StreamRequest): Promise<Response> {
  const accept = request.headers.get('accept') ?? undefined
  try {
    const dialect = stream.dialect ?? dialectOf(accept)
    const headers = streamHeaders(dialect)
    if (request.method === 'HEAD') return new Response(null, { headers })
    const ask = {
      query: new URL(request.url).searchParams,
      header: (name: string) => request.headers.get(name) ?? undefined,
    }
    const sink = new FetchSink(request.signal)
    const cursor = stream.cursor ?? cursorOf(ask, hub.clock.now())
    await hub.connect({ ...stream, cursor }, sink, dialect)
    return new Response(sink.body, { headers })
  } catch (error) {
    const problem = hub.problemOf(error)
    const soft = softRefusal(problem, accept, hub.retryMs(), stream.dialect)
    return soft ? new Response(soft.text, { headers: streamHeaders(soft.dialect) }) : problemResponse(problem)
  }
}

/** An `application/problem+json` answer. */
export function problemResponse(problem: ProblemError): Response {
  return new Response(`${JSON.stringify(problem.toBody())}\n`, {
    status: problem.status,
    headers: problemHeaders(problem),
  })
}
