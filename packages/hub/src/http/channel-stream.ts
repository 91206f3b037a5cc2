import { ProblemError, parseChannel } from '@fanline/protocol'
import { type Access, mustSubscribe, streamTerms } from '../authenticator.ts'
import type { Hub } from '../hub.ts'
import { endsStream, pieceEvent } from '../stream-reader.ts'
import type { ApiAnswer, ApiRequest } from './api-request.ts'
import { mustPublish } from './publish.ts'
import type { StreamAsk, StreamRequest } from './stream-request.ts'

/** Who reads the stream of a channel: decided by the application before it hands the request over. */
export interface ChannelStreamRequest extends Omit<StreamRequest, 'channels' | 'cursor' | 'isLast'> {
  readonly channel: string
}

/**
 * How the stream of a channel is answered; undefined when none runs, which is said with 204, so that an EventSource stops
 * for good.
 * @throws ProblemError as `Hub.joinStream` does
 */
export async function joining(
  hub: Hub,
  { channel, ...request }: ChannelStreamRequest,
  ask: StreamAsk,
): Promise<StreamRequest | undefined> {
  const lastId = ask.header('last-event-id') ?? ask.query.get('lastEventId') ?? ''
  const cursor = await hub.joinStream(channel, lastId === '' ? undefined : lastId)
  return cursor && { followsAll: false, ...request, channels: [channel], cursor, isLast: endsStream }
}

/** What answers when nothing runs. */
export const NOTHING_RUNS = { json: null, status: 204 } as const

/** Reads the stream of a channel. A passing trouble is told inside a stream, as for other streams. */
export async function readStream(
  hub: Hub,
  access: Access,
  request: ApiRequest,
  channel: string,
): Promise<ApiAnswer> {
  mustSubscribe(access, channel)
  try {
    const stream = await joining(hub, { channel, user: access.user, ...streamTerms(access) }, request)
    return stream ? { stream } : NOTHING_RUNS
  } catch (refusal) {
    return { refusal }
  }
}

/** Ends the stream of a channel, for whoever may publish there. @throws ProblemError `stream-not-found` */
export async function cancelStream(hub: Hub, access: Access, channel: string): Promise<ApiAnswer> {
  const cancel = { event: pieceEvent({ end: 'cancelled' }), except: [], key: undefined, ephemeral: false }
  mustPublish(hub, access, { ...cancel, channels: [parseChannel(channel)], connection: undefined })
  const cancelled = await hub.cancelStream(channel)
  if (cancelled === undefined) throw new ProblemError('stream-not-found')
  return { json: { cancelled } }
}
