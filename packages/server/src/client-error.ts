import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ProblemError } from '@fanline/protocol'

/** How long a client may go on sending what was refused, so that it can read why; milliseconds. */
const LINGER_MS = 2000

/**
 * Answers what cannot be parsed as HTTP with a problem, where an answer is still possible.
 * @param onProblem hears of each
 */
export function answerClientErrors(server: Server, onProblem?: (problem: ProblemError) => void): void {
  const answered = new WeakSet<Socket>()
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    const socket = stream as Socket & { _httpMessage?: ServerResponse | null }
    // The parser complains anew about everything that arrives after its first complaint.
    if (answered.has(socket)) return
    // Inside a response that has begun, an answer would be taken for its body. Node's own handler looks here, too.
    if (error.code === 'ECONNRESET' || !socket.writable || socket._httpMessage?.headersSent) {
      socket.destroy()
      return
    }
    answered.add(socket)
    const problem = problemOf(error)
    onProblem?.(problem)
    socket.end(rawAnswer(problem))
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  })
}

function problemOf({ code }: NodeJS.ErrnoException): ProblemError {
  if (code === 'HPE_HEADER_OVERFLOW') return new ProblemError('headers-too-large')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new ProblemError('header-timeout')
  return new ProblemError('bad-request', 'This is not HTTP/1.1.')
}

function rawAnswer(problem: ProblemError): string {
  const body = `${JSON.stringify(problem.toBody())}\n`
  return [
    `HTTP/1.1 ${problem.status} ${problem.code}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}
