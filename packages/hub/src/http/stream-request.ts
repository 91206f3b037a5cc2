import { type Bye, CLOSE_REASONS, type CloseReason, ProblemError } from '@fanline/protocol'
import type { Credential } from '../authenticator.ts'
import { AT_HEAD, type Cursor, type CursorSource, cursorAfter, cursorSince } from '../cursor.ts'
import { type Dialect, eventStreamDialect, jsonEventStreamDialect, ndjsonDialect } from '../dialect.ts'
import type { Entry } from '../log.ts'

/** Who listens, and to what: decided by the application before it hands the request over. */
export interface StreamRequest {
  /** The user whose messages this stream gets; nobody's when absent. */
  readonly user?: string | undefined
  /** Topics to follow. */
  readonly channels?: readonly string[] | undefined
  /** When the stream ends, in milliseconds since 1970: with the credential that opened it. Never when absent. */
  readonly expiresAt?: number | undefined
  /** By what its client was let in; an application's own check when absent. */
  readonly credential?: Credential | undefined
  /** Where its client is, for `limits.connectionsPerAddress`; not counted when absent. */
  readonly address?: string | undefined
  /** How the client hears its events; as it asks in `Accept` when absent. */
  readonly dialect?: Dialect | undefined
  /** Where the stream begins; as the client asks when absent. */
  readonly cursor?: CursorSource | undefined
  /** False keeps what is for everyone away from it; true when absent. */
  readonly followsAll?: boolean | undefined
  /** The stream ends after an entry for which this is true; it lives on when absent. */
  readonly isLast?: ((entry: Entry) => boolean) | undefined
  /** Called when the stream has opened; what it answers is called when it has ended. */
  readonly hold?: (() => () => void) | undefined
  /** True when what its client was let in by was taken back while it waited; asked right before the stream opens. */
  readonly isWithdrawn?: (() => boolean) | undefined
}

/** The parts of a request that a stream looks at. */
export interface StreamAsk {
  readonly query: URLSearchParams
  header(name: string): string | undefined
}

/** What stands above a stream. `no-transform` keeps proxies and middleware from compressing, and so from holding back, what should leave at once. */
export function streamHeaders(dialect: Dialect): Readonly<Record<string, string>> {
  let headers = HEADERS.get(dialect)
  if (!headers) {
    headers = {
      'Content-Type': dialect.contentType,
      ...(dialect.headers ?? OWN_HEADERS),
    }
    HEADERS.set(dialect, headers)
  }
  return headers
}

const OWN_HEADERS = {
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
}

/** Every stream of a dialect has the same headers, so all of them share one object. */
const HEADERS = new Map<Dialect, Readonly<Record<string, string>>>()

/** Where a stream begins: as the application says, else as the client asks. @throws what the application's function does */
export async function startOf({ cursor }: StreamRequest, ask: StreamAsk, nowMs: number): Promise<Cursor> {
  return typeof cursor === 'function' ? cursor() : (cursor ?? cursorOf(ask, nowMs))
}

/**
 * The cursor a client asks for: the header that a browser sends when it comes back wins over the address, which stays
 * the same on every reconnect.
 * @throws ProblemError `since-invalid`
 */
function cursorOf(ask: StreamAsk, nowMs: number): Cursor {
  const id = ask.header('last-event-id') ?? ask.query.get('lastEventId')
  if (id !== null && id !== undefined && id !== '') return cursorAfter(id)
  const since = ask.query.get('since')
  return since === null ? AT_HEAD : cursorSince(since, nowMs)
}

/**
 * How the client wants its events.
 * @throws ProblemError `not-acceptable`
 */
export function dialectOf(accept: string | undefined): Dialect {
  if (accept === undefined || accept === '') return eventStreamDialect
  if (accept.includes('application/x-ndjson')) return ndjsonDialect
  const ranges = accept.toLowerCase()
  if (!/text\/event-stream|\*\/\*|text\/\*/.test(ranges)) throw new ProblemError('not-acceptable')
  return ranges.split(',').some(asksForJson) ? jsonEventStreamDialect : eventStreamDialect
}

/** True for `text/event-stream;data=json`. */
function asksForJson(range: string): boolean {
  const [type, ...parameters] = range.split(';').map((part) => part.trim())
  return type === 'text/event-stream' && parameters.some((each) => /^data="?json"?$/.test(each))
}

/**
 * An EventSource gives up for ever on any status but 200. So a passing trouble is told to it inside a stream: come
 * back later. Undefined where a real status is right: a lasting problem, or a client that says it reads problems.
 */
export function softRefusal(
  problem: ProblemError,
  accept: string | undefined,
  retryMs: number,
  asked?: Dialect,
): { dialect: Dialect; text: string } | undefined {
  const reason = SOFT_REASONS[problem.code]
  if (!reason || accept?.includes('application/problem+json')) return undefined
  const dialect = asked ?? (accept?.includes('application/x-ndjson') ? ndjsonDialect : eventStreamDialect)
  const data: Bye = { reason, reconnect: CLOSE_REASONS[reason].reconnect }
  return {
    dialect,
    text: dialect.control({ type: 'fanline.bye', data, retryMs: problem.retryAfterMs ?? retryMs }),
  }
}

const SOFT_REASONS: Partial<Record<ProblemError['code'], CloseReason>> = {
  'too-many-connections': 'overloaded',
  'too-many-connects': 'overloaded',
  'too-many-connections-of-user': 'overloaded',
  'too-many-connections-of-address': 'overloaded',
  'too-many-tickets': 'overloaded',
  'shutting-down': 'drain',
  'keys-unavailable': 'keys-failed',
  'log-unavailable': 'log-failed',
}
