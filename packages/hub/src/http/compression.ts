import { type Dialect, eventStreamDialect, jsonEventStreamDialect, ndjsonDialect } from '../dialect.ts'
import type { HubOptions } from '../options.ts'
import type { Sink } from '../sink.ts'
import { type StreamAsk, streamHeaders } from './stream-request.ts'

/** fanline's own: what clients of other systems expect is theirs, byte by byte. */
const COMPRESSED: readonly Dialect[] = [eventStreamDialect, jsonEventStreamDialect, ndjsonDialect]

/** How a stream leaves. */
export interface StreamCoding {
  readonly headers: Readonly<Record<string, string>>
  /** Puts the coding in front of a sink. */
  readonly wrap: (sink: Sink) => Sink
}

/** Compressed when the hub does so, and the client accepts it. */
export async function codingOf(
  { delivery }: Pick<HubOptions, 'delivery'>,
  ask: StreamAsk,
  dialect: Dialect,
): Promise<StreamCoding> {
  const headers = streamHeaders(dialect)
  if (!delivery.compress || !COMPRESSED.includes(dialect) || !acceptsGzip(ask)) {
    return { headers, wrap: (sink) => sink }
  }
  // Loaded when it is asked for: not every runtime that serves fetch has node:zlib.
  const { GzipSink } = await import('./gzip-sink.ts')
  return { headers: { ...headers, 'Content-Encoding': 'gzip' }, wrap: (sink) => new GzipSink(sink) }
}

/** `gzip;q=0` is a refusal (RFC 9110, section 12.5.3). */
function acceptsGzip(ask: StreamAsk): boolean {
  const accepted = ask.header('accept-encoding')?.toLowerCase() ?? ''
  return accepted
    .split(',')
    .some((each) => /^\s*(?:gzip|x-gzip)\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/.test(each))
}
