/** Why an attempt, or a stream, ended. */
export type StreamErrorCode =
  /** The server could not be reached, or the connection broke. */
  | 'network'
  /** The server answered with another status than 200. */
  | 'status'
  /** The answer is no event stream: perhaps the page of a proxy, or of an application that answers every address. */
  | 'not-a-stream'
  /** Nothing came for too long, not even a heartbeat. */
  | 'silent'
  /** `getToken` failed. */
  | 'token'
  /** The server does not take the token, or there is nobody to get one for. */
  | 'unauthorized'
  /** The server said not to come back. */
  | 'ended'

/** What ended an attempt, or a stream. */
export class StreamError extends Error {
  override readonly name = 'StreamError'
  /** Stable; the message is for people. */
  readonly code: StreamErrorCode
  /** The status of the answer, if there was one. */
  readonly status: number | undefined
  /** How an answer that was no stream began, or what its problem says. */
  readonly body: string | undefined

  constructor(
    code: StreamErrorCode,
    message: string,
    about: { status?: number | undefined; body?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, about)
    this.code = code
    this.status = about.status
    this.body = about.body
  }
}

/** Thrown by `getToken` when there is nobody to get a token for: ends the stream. */
export class Unauthorized extends Error {
  override readonly name = 'Unauthorized'
}

/** How much of an answer that is no stream is kept, in characters. */
const SHOWN_LENGTH = 300

/** Says what came instead of a stream. */
export async function refusal(response: Response): Promise<StreamError> {
  const { status } = response
  const type = response.headers.get('content-type') ?? 'no content type'
  const body = await beginningOf(response)
  const code = status === 200 ? 'not-a-stream' : 'status'
  return new StreamError(code, `The server answered ${status} (${type}): ${body}`, { status, body })
}

/** Reads no more than is shown: the rest may be endless. */
async function beginningOf({ body }: Response): Promise<string> {
  if (!body) return ''
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (let done = false; !done && text.length < SHOWN_LENGTH; ) {
    const piece = await reader.read()
    done = piece.done
    text += decoder.decode(piece.value, { stream: true })
  }
  await reader.cancel()
  return text.slice(0, SHOWN_LENGTH)
}
