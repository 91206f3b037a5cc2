import {
  type ProblemBody,
  ProblemError,
  type Publication,
  type PublishReceipt,
  parsePublication,
} from '@fanline/protocol'
import { type Access, endOf } from '../authenticator.ts'
import type { Hub } from '../hub.ts'
import type { RateState } from '../publish-rates.ts'
import type { PublishOrigin } from '../tracer.ts'
import type { ApiAnswer, ApiRequest } from './api-request.ts'

/** A list is answered in one piece, and a short item by a long problem: two megabytes of `1,` would be 180 of answer. */
const MAX_LIST = 10_000

/** Publishes one JSON object, an array of them, or a stream of NDJSON lines. */
export async function publish(hub: Hub, access: Access, request: ApiRequest): Promise<ApiAnswer> {
  refuseEncoded(request)
  if (request.header('content-type')?.includes('ndjson')) return { lines: publishLines(hub, access, request) }
  const body = parseJson(await request.text())
  if (Array.isArray(body) && body.length > MAX_LIST) {
    throw new ProblemError(
      'publish-invalid',
      `A list has at most ${MAX_LIST} events; a stream of lines any number.`,
    )
  }
  if (!Array.isArray(body)) return { json: await accept(hub, access, request, withKey(body, request)) }
  return { json: await Promise.all(body.map((item) => tryAccept(hub, access, request, () => item))) }
}

/** Publishes a raw body as the data of one event, whatever its content type. */
export async function publishRaw(
  hub: Hub,
  access: Access,
  request: ApiRequest,
  channel: string,
): Promise<ApiAnswer> {
  refuseEncoded(request)
  const event = request.query.get('event') ?? undefined
  const body = withKey({ channel, event, data: await request.text() }, request)
  return { json: await accept(hub, access, request, body) }
}

/** Each line is answered by a line, in order; a bad one by its problem. What arrived together is answered together. */
async function* publishLines(hub: Hub, access: Access, request: ApiRequest): AsyncGenerator<string> {
  const { bodyBytes } = hub.options.limits
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let rest = ''
  for await (const chunk of request.chunks()) {
    const text = rest + decoder.decode(chunk, { stream: true })
    const lines = text.split('\n')
    rest = lines.pop() ?? ''
    if (lines.length > 0) yield await publishEach(hub, access, request, lines)
    if (rest.length > bodyBytes) {
      // Where this line ends cannot be known without reading on for ever.
      yield `${JSON.stringify(new ProblemError('body-too-large', `A line has at most ${bodyBytes} bytes.`).toBody())}\n`
      return
    }
  }
  const last = rest + decoder.decode()
  if (last.trim() !== '') yield await publishEach(hub, access, request, [last])
}

async function publishEach(
  hub: Hub,
  access: Access,
  request: ApiRequest,
  lines: readonly string[],
): Promise<string> {
  const answers = lines
    .filter((line) => line.trim() !== '')
    .map((line) => tryAccept(hub, access, request, () => parseJson(line)))
  let text = ''
  for (const answer of await Promise.all(answers)) text += `${JSON.stringify(answer)}\n`
  return text
}

async function tryAccept(
  hub: Hub,
  access: Access,
  request: ApiRequest,
  body: () => unknown,
): Promise<PublishReceipt | ProblemBody> {
  try {
    return await accept(hub, access, request, body())
  } catch (error) {
    return hub.problemOf(error).toBody()
  }
}

function accept(hub: Hub, access: Access, request: ApiRequest, body: unknown): Promise<PublishReceipt> {
  return publishAs(hub, access, parsePublication(body), request)
}

/**
 * Publishes what somebody may publish, as fast as they may.
 * @param origin the request that it came with, whose trace goes on in the hub's
 * @throws ProblemError `forbidden`, `too-many-publishes`, `token-expired` or `token-revoked`, and what {@link Hub.accept} does
 */
export function publishAs(
  hub: Hub,
  access: Access,
  publication: Publication,
  origin?: PublishOrigin,
): Promise<PublishReceipt> {
  mustPublish(hub, access, publication)
  const rate = hub.rates.take(access)
  if (rate && !rate.isWithin) {
    throw new ProblemError('too-many-publishes', `At most ${rate.limit}.`, {
      headers: rateLimitHeaders(rate),
    })
  }
  return hub.accept(withOwnKey(publication, access), origin, access)
}

/** Keys are their publisher's: nobody learns by a duplicate what others have published, or takes a key from them. */
function withOwnKey(publication: Publication, { user, credential }: Access): Publication {
  const { key } = publication
  if (key === undefined) return publication
  // A token without a user is nobody's: the next one must still find the key.
  const publisher =
    user !== undefined ? `user ${user}` : credential.kind === 'key' ? `key ${credential.id}` : ''
  return { ...publication, key: JSON.stringify([publisher, key]) }
}

/** The fields of draft-ietf-httpapi-ratelimit-headers-10, and the one that every client knows. */
function rateLimitHeaders({ limit, remaining, retryAfterMs }: RateState): Record<string, string> {
  const seconds = String(Math.max(1, Math.ceil(retryAfterMs / 1000)))
  return {
    'Retry-After': seconds,
    'RateLimit-Policy': `"publish";q=${limit};w=1`,
    RateLimit: `"publish";r=${remaining};t=${seconds}`,
  }
}

/** @throws ProblemError `forbidden`, `token-expired` or `token-revoked` */
export function mustPublish(hub: Hub, access: Access, publication: Publication): void {
  // Asked for each line: a stream of publishes may outlive its credential.
  const end = endOf(access, hub)
  if (end) throw new ProblemError(end)
  if (!access.mayPublish(publication)) throw new ProblemError('forbidden', 'No grant to publish there.')
}

function withKey(body: unknown, request: ApiRequest): unknown {
  const key = request.header('idempotency-key')
  if (key === undefined || typeof body !== 'object' || body === null) return body
  return { key, ...body }
}

/** @throws ProblemError `bad-json` */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ProblemError('bad-json', undefined, { cause })
  }
}

function refuseEncoded(request: ApiRequest): void {
  const encoding = request.header('content-encoding')
  if (encoding !== undefined && encoding !== 'identity') throw new ProblemError('body-encoding')
}
