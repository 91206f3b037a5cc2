import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { begin } from '../client/request.ts'
import type { Target } from '../client/target.ts'

/** How long an answer may take, in milliseconds. */
const PATIENCE_MS = 5000

/** The head of an answer. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** From the request to the head, in milliseconds. */
  readonly tookMs: number
}

/** A request whose body is of no interest. Answers the error when there is no answer. */
export function ask(
  target: Target,
  path: string,
  method: 'HEAD' | 'OPTIONS',
  headers: Readonly<Record<string, string>>,
): Promise<Answer | NodeJS.ErrnoException> {
  const beganMs = performance.now()
  const request = begin(target, path, { method, headers, agent: false, timeout: PATIENCE_MS })
  return new Promise((resolve) => {
    request.on('response', (response: IncomingMessage) => {
      const { statusCode = 0, headers } = response
      resolve({ status: statusCode, headers, tookMs: performance.now() - beganMs })
      request.destroy()
    })
    request.on('timeout', () => request.destroy(new Error(`no answer in ${PATIENCE_MS / 1000} s`)))
    request.on('error', resolve)
    request.end()
  })
}
