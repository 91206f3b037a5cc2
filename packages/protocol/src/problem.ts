interface ProblemRow {
  readonly status: number
  readonly title: string
  /** True when the same request may succeed later. */
  readonly retryable?: true
}

/** Every failure a caller can meet, with its HTTP status. `docs/reference/problems.md` lists them. */
export const PROBLEMS = {
  'bad-json': { status: 400, title: 'The body is not valid JSON.' },
  'bad-request': { status: 400, title: 'The request cannot be understood.' },
  'publish-invalid': { status: 422, title: 'The publish request has an unknown or wrong field.' },
  'target-missing': {
    status: 422,
    title: 'Name a target: channel, channels, user, users, connection or all.',
  },
  'target-conflict': { status: 422, title: 'A send to one connection cannot have another target.' },
  'channel-invalid': {
    status: 400,
    title: 'A channel name has 1–200 bytes and no control character, white space, "*" or ",".',
  },
  'channel-reserved': { status: 400, title: 'Channel names that start with "@" belong to the hub.' },
  'too-many-channels': { status: 400, title: 'Too many channels in one request.' },
  'user-invalid': { status: 400, title: 'A user id has 1–256 bytes and no control character.' },
  'event-type-invalid': {
    status: 422,
    title: 'An event type is a string of at most 200 bytes without line break or NUL.',
  },
  'event-type-reserved': {
    status: 422,
    title: 'Event types "error", "open" and those starting with "fanline." are reserved.',
  },
  'event-type-unknown': { status: 422, title: 'This hub defines its events, and has none of this name.' },
  'data-missing': { status: 422, title: 'A publish needs data (null is allowed).' },
  'data-invalid': { status: 422, title: 'The data cannot be written as JSON.' },
  'event-data-invalid': { status: 422, title: 'The data do not fit the definition of the event.' },
  'data-too-large': { status: 413, title: 'The data is larger than limits.dataBytes.' },
  'body-too-large': { status: 413, title: 'The body is larger than limits.bodyBytes.' },
  'body-timeout': { status: 408, title: 'The body did not arrive within limits.bodyTimeoutMs.' },
  'body-encoding': { status: 415, title: 'Compressed bodies are not accepted; send the body as it is.' },
  'key-invalid': { status: 422, title: 'An idempotency key is a string of 1–200 bytes.' },
  'since-invalid': { status: 400, title: 'since is "start" or a number with s, m, h or d, such as 10m.' },
  'limit-invalid': { status: 400, title: 'limit is an integer from 1 to 1000.' },
  'after-invalid': { status: 400, title: 'after is an id that this hub gave.' },
  'header-timeout': {
    status: 408,
    title: 'The head of the request did not arrive within limits.headerTimeoutMs.',
  },
  'headers-too-large': { status: 431, title: 'The head of the request is larger than 16 KiB.' },
  unauthorized: { status: 401, title: 'A credential is needed.' },
  'token-invalid': { status: 401, title: 'The token is not accepted.' },
  'token-expired': { status: 401, title: 'The token has expired; get a new one.' },
  'token-revoked': { status: 401, title: 'The token was revoked; get a new one.' },
  'ticket-invalid': { status: 401, title: 'The ticket is not known, has ended, or is for another stream.' },
  forbidden: { status: 403, title: 'The credential does not allow this.' },
  'channel-forbidden': { status: 403, title: 'The credential does not cover this channel.' },
  'user-mismatch': { status: 403, title: 'The connection belongs to another user.' },
  'origin-forbidden': {
    status: 403,
    title: 'Pages of this origin may not do this.',
  },
  'grant-invalid': {
    status: 400,
    title:
      'A grant is a channel name in which "*" may stand for one segment, and a final "**" for one or more.',
  },
  'host-forbidden': { status: 421, title: 'This server does not answer for that host name.' },
  'not-found': { status: 404, title: 'There is nothing at this address.' },
  'connection-not-found': { status: 404, title: 'No open connection has this id.' },
  'event-not-remembered': { status: 404, title: 'No hub remembers an event of this id.' },
  'stream-not-found': { status: 404, title: 'No stream runs in this channel.' },
  'stream-running': { status: 409, title: 'Another stream runs in this channel.' },
  'method-not-allowed': { status: 405, title: 'This address does not take that method.' },
  'not-acceptable': { status: 406, title: 'Ask for text/event-stream or application/x-ndjson.' },
  'too-many-connections': { status: 503, title: 'No more connections can be taken now.', retryable: true },
  'too-many-connections-of-user': {
    status: 429,
    title: 'The user has limits.connectionsPerUser streams open.',
    retryable: true,
  },
  'too-many-connections-of-address': {
    status: 429,
    title: 'The address has limits.connectionsPerAddress streams open.',
    retryable: true,
  },
  'too-many-connects': {
    status: 503,
    title: 'More streams in a second than limits.connectionsPerSecond.',
    retryable: true,
  },
  'too-many-publishes': {
    status: 429,
    title: 'More events in a second than the credential may publish.',
    retryable: true,
  },
  'too-many-tickets': { status: 503, title: 'No more tickets can be kept now.', retryable: true },
  'revocation-invalid': { status: 422, title: 'A revocation names a jti, or a user.' },
  'revocation-not-found': { status: 404, title: 'No revocation in force has this id.' },
  'too-many-revocations': { status: 507, title: 'No more revocations can be kept.' },
  'shutting-down': { status: 503, title: 'The hub is shutting down.', retryable: true },
  'keys-unavailable': {
    status: 503,
    title: 'The keys that tokens are checked with cannot be fetched now.',
    retryable: true,
  },
  'log-full': { status: 507, title: 'The log has no room for the event.' },
  'log-unavailable': { status: 503, title: 'The log did not take the event; try again.', retryable: true },
  'option-invalid': { status: 500, title: 'An option is unknown, out of bounds or contradicts another.' },
  internal: { status: 500, title: 'Something failed inside the hub.', retryable: true },
} as const satisfies Record<string, ProblemRow>

/** A stable name of a failure: a row of {@link PROBLEMS}. */
export type ProblemCode = keyof typeof PROBLEMS

/** The body of an `application/problem+json` answer (RFC 9457). */
export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly detail?: string
  readonly retryable?: true
}

const NO_HEADERS: Readonly<Record<string, string>> = {}

/** A failure with a stable code that says what to do. */
export class ProblemError extends Error {
  readonly code: ProblemCode
  readonly detail: string | undefined
  /** What an HTTP answer says beside the body, such as `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>
  /** When the same may be asked again, in milliseconds from now; undefined when it is for the client to choose. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: ProblemCode,
    detail?: string,
    {
      headers = NO_HEADERS,
      retryAfterMs,
      ...options
    }: { cause?: unknown; headers?: Record<string, string>; retryAfterMs?: number } = {},
  ) {
    super(detail ? `${PROBLEMS[code].title} ${detail}` : PROBLEMS[code].title, options)
    this.name = 'ProblemError'
    this.code = code
    this.detail = detail
    this.headers = headers
    this.retryAfterMs = retryAfterMs
  }

  get status(): number {
    return PROBLEMS[this.code].status
  }

  /** What a client of the API gets. */
  toBody(): ProblemBody {
    const row: ProblemRow = PROBLEMS[this.code]
    return {
      type: `urn:fanline:problem:${this.code}`,
      title: row.title,
      status: row.status,
      code: this.code,
      ...(this.detail ? { detail: this.detail } : {}),
      ...(row.retryable ? { retryable: true } : {}),
    }
  }
}

/** Any error as a problem; what is not ours becomes `internal`, without its text, which may hold secrets. */
export function toProblem(error: unknown): ProblemError {
  return error instanceof ProblemError ? error : new ProblemError('internal', undefined, { cause: error })
}
