import type { ProblemBody, ProblemCode } from '@fanline/protocol'
import { retryAfterMs } from '../backoff.ts'

/** The code of the hub's problem, or why there is none. */
export type PublishErrorCode =
  | ProblemCode
  /** Nobody answered, or the connection broke before the answer. */
  | 'unreachable'
  /** Something else than fanline answered: a proxy, or an application that answers every address. */
  | 'unexpected-answer'
  /** `getToken` failed. */
  | 'token'

/** An event was not published; where no answer came, it is not known whether it was. */
export class PublishError extends Error {
  override readonly name = 'PublishError'
  /** Stable; the message is for people. */
  readonly code: PublishErrorCode
  /** The status of the answer; 0 without one. */
  readonly status: number
  /** What the problem says beside its title. */
  readonly detail: string | undefined
  /** True when the same event, with the same key, may be published later. */
  readonly retryable: boolean
  /** The shortest pause before that, if the server named one. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: PublishErrorCode,
    message: string,
    about: {
      status?: number
      detail?: string | undefined
      retryable?: boolean
      retryAfterMs?: number | undefined
      cause?: unknown
    } = {},
  ) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause })
    this.code = code
    this.status = about.status ?? 0
    this.detail = about.detail
    this.retryable = about.retryable ?? false
    this.retryAfterMs = about.retryAfterMs
  }
}

/** A problem of the hub as an error. */
export function problemError(
  { code, title, status, detail, retryable }: ProblemBody,
  retryAfterMs?: number,
): PublishError {
  const message = detail === undefined ? title : `${title} ${detail}`
  return new PublishError(code, `${code}: ${message}`, {
    status,
    detail,
    retryable: retryable === true,
    retryAfterMs,
  })
}

/** True for the body of a problem. */
export function isProblem(value: unknown): value is ProblemBody {
  const { code, title } = (value ?? {}) as Partial<ProblemBody>
  return typeof code === 'string' && typeof title === 'string'
}

/** How much of an answer that is not the hub's is shown, in characters. */
const SHOWN_LENGTH = 300

/** What an answer says that is no receipt. */
export function answerError(response: Response, text: string): PublishError {
  const { status, headers } = response
  const afterMs = retryAfterMs(headers.get('retry-after'))
  const body = jsonOf(text)
  if (isProblem(body)) return problemError(body, afterMs)
  const detail = text.slice(0, SHOWN_LENGTH)
  const type = headers.get('content-type') ?? 'no content type'
  const retryable = status === 408 || status === 425 || status === 429 || status >= 500
  return new PublishError('unexpected-answer', `The server answered ${status} (${type}): ${detail}`, {
    status,
    detail,
    retryable,
    retryAfterMs: afterMs,
  })
}

/** Undefined for a text that is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // no JSON is `undefined`
  }
}
