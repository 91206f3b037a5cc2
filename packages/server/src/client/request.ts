import {
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as requestHttp,
} from 'node:http'
import { type RequestOptions, request as requestHttps } from 'node:https'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Failure } from '../failure.ts'
import { addressOf, type Target } from './target.ts'

/** A request to the native API. */
export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below the target's address, with its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** The whole body, or its parts as they become known. */
  readonly body?: string | AsyncIterable<string>
}

/**
 * Sends a request and answers as soon as the head of a successful response is there. node:http and not `fetch`, which
 * gives up on a body, either way, that is quiet for five minutes.
 * @throws Failure when nobody answers, or with the problem in the answer
 */
export async function call(target: Target, apiCall: ApiCall): Promise<IncomingMessage> {
  const response = await answer(target, apiCall)
  if (response.statusCode === 200) return response
  throw await refused(target, response)
}

/**
 * The JSON that is answered to a request without a body.
 * @throws Failure when nobody answers, or with the problem in the answer
 */
export async function callJson<T>(
  target: Target,
  path: string,
  method: 'GET' | 'DELETE' = 'GET',
): Promise<T> {
  return JSON.parse(await text(await call(target, { method, path, headers: {} })))
}

/**
 * Sends a request and answers as soon as the head of a response is there, whatever its status.
 * @throws Failure when nobody answers
 */
export async function answer(
  target: Target,
  { method, path, headers, body = '' }: ApiCall,
): Promise<IncomingMessage> {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request = begin(target, path, { method, headers })
    request.on('response', resolve)
    // After the response this is heard in its body.
    request.on('error', (error) => reject(unreachable(target, error)))
    if (typeof body === 'string') request.end(body)
    else Readable.from(body).on('error', reject).pipe(request)
  })
}

/** Begins a request to a path below a target's address, with its token. Its caller ends it. */
export function begin({ url, token }: Target, path: string, options: RequestOptions): ClientRequest {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp
  const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  return send(addressOf({ url, token }, path), {
    ...options,
    headers: { ...options.headers, ...authorization } as OutgoingHttpHeaders,
  })
}

/** A server that cannot be reached, or cannot answer now. */
export class Unreachable extends Failure {}

/** What to say when a request has failed without an answer. */
export function unreachable({ url }: Target, error: NodeJS.ErrnoException): Unreachable {
  const { code = '' } = error
  const shown = code === '' ? error.message : code
  if (UNKNOWN_ISSUER.has(code)) {
    return new Unreachable(
      `The certificate of ${url.origin} is from nobody who is trusted here (${shown}). If it is yours, name the file of ` +
        'whoever signed it: NODE_EXTRA_CA_CERTS=/path/to/ca.pem',
    )
  }
  const reason = TLS_REASONS[code]
  if (reason !== undefined) return new Unreachable(`${url.origin} cannot be trusted (${shown}): ${reason}`)
  const hint = code === 'ECONNREFUSED' ? ' Is it running? `fanline dev` starts one.' : ''
  return new Unreachable(`Nobody answers at ${url.origin} (${shown}).${hint}`)
}

/** Whoever has signed the certificate is not among those whom Node knows. */
const UNKNOWN_ISSUER: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** What else can be wrong with TLS, by the code of the error. */
const TLS_REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired.',
  CERT_NOT_YET_VALID: 'its certificate is not good yet, or the clock here is wrong.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other names.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS. Is its address http://…?',
  EPROTO: 'it does not speak TLS as it should. Is its address http://…?',
}

/** Keeps an answer that is no problem of ours, such as a page of a proxy, from filling the screen. */
const MAX_SHOWN_LENGTH = 500

/** What to say of an answer that is no success. */
export async function refused({ url }: Target, response: IncomingMessage): Promise<Failure> {
  const body = await text(response)
  const problem = parseProblem(body)
  const status = response.statusCode ?? 0
  const Kind = status === 429 || status >= 500 ? Unreachable : Failure
  if (!problem) return new Kind(`${url.origin} answered ${status}: ${body.slice(0, MAX_SHOWN_LENGTH).trim()}`)
  const hint = problem.code === 'unauthorized' ? ' Put a token into the variable FANLINE_TOKEN.' : ''
  return new Kind(describeProblem(problem) + hint)
}

/** What a person needs to know of an `application/problem+json` body. */
export interface ShownProblem {
  readonly code: string
  readonly title: string
  readonly detail?: string
}

/** The problem in an answer; undefined when it is none. */
export function parseProblem(text: string): ShownProblem | undefined {
  try {
    const body = JSON.parse(text)
    return typeof body?.code === 'string' && typeof body.title === 'string' ? body : undefined
  } catch {
    return undefined // not ours
  }
}

/** A problem in a line. */
export function describeProblem({ code, title, detail }: ShownProblem): string {
  return `${code}: ${title}${detail === undefined ? '' : ` ${detail}`}`
}
