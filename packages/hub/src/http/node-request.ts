import type { IncomingMessage } from 'node:http'
import { ProblemError } from '@fanline/protocol'
import type { HubOptions } from '../options.ts'
import type { ApiRequest } from './api-request.ts'
import { BodyDeadlines } from './body-deadlines.ts'
import { headerOf } from './node.ts'
import { cutUnreadBody } from './unread-body.ts'

const deadlines = new BodyDeadlines()

/** Shared by all requests without a query: nobody writes to it. */
const NO_QUERY = new URLSearchParams()

/** A request of node:http. */
export class NodeRequest implements ApiRequest {
  readonly method: string
  readonly path: string
  readonly #search: string
  readonly #message: IncomingMessage
  readonly #limits: HubOptions['limits']
  #query: URLSearchParams | undefined

  constructor(message: IncomingMessage, basePath: string, limits: HubOptions['limits']) {
    const url = message.url ?? '/'
    const mark = url.indexOf('?')
    this.#message = message
    this.#limits = limits
    this.method = message.method ?? 'GET'
    this.path = mark === -1 ? url.slice(basePath.length) : url.slice(basePath.length, mark)
    this.#search = mark === -1 ? '' : url.slice(mark + 1)
  }

  /** Parsed when it is asked for: a publish has none. */
  get query(): URLSearchParams {
    if (this.#search === '') return NO_QUERY
    this.#query ??= new URLSearchParams(this.#search)
    return this.#query
  }

  /** Bound, because an authenticator may take it out of the request that it is given. */
  readonly header = (name: string): string | undefined => headerOf(this.#message, name)

  text(): Promise<string> {
    const message = this.#message
    const { bodyBytes, bodyTimeoutMs } = this.#limits
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let bytes = 0
      const refuse = (problem: ProblemError): void => {
        deadlines.delete(awaited)
        message.removeAllListeners('data')
        cutUnreadBody(message)
        reject(problem)
      }
      const awaited = {
        deadline: Date.now() + bodyTimeoutMs,
        expire: () => refuse(new ProblemError('body-timeout')),
      }
      deadlines.add(awaited)
      message.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > bodyBytes) refuse(new ProblemError('body-too-large', `At most ${bodyBytes} bytes.`))
        else chunks.push(chunk)
      })
      message.on('end', () => {
        deadlines.delete(awaited)
        resolve((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8'))
      })
      message.on('error', (cause) => {
        deadlines.delete(awaited)
        reject(new ProblemError('bad-request', 'The body ended before its end.', { cause }))
      })
    })
  }

  chunks(): AsyncIterable<Uint8Array> {
    return this.#message
  }
}
