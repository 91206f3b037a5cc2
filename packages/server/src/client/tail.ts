import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Bye, GapNotice, Hello } from '@fanline/protocol'
import { Failure } from '../failure.ts'
import { linesOf } from './lines.ts'
import { call, Unreachable } from './request.ts'
import type { Target } from './target.ts'

/** What to follow. */
export interface TailRequest {
  readonly channels: readonly string[]
  readonly user?: string | undefined
  readonly since?: string | undefined
}

/** One line of the server's NDJSON stream. */
export interface TailLine {
  readonly id?: string
  readonly event: string
  readonly channel?: string
  readonly data: unknown
  /** The reconnection time in milliseconds. */
  readonly retry?: number
}

/** Who hears of what happens on the stream. `text` is the line as it came. */
export interface TailListener {
  /** @param after the id that was asked to go on after; undefined for a first connection */
  connected(hello: Hello, line: TailLine, after: string | undefined): void
  checkpoint?(line: TailLine): void
  event(line: TailLine, text: string): void
  gap(gap: GapNotice, text: string): void
  bye(bye: Bye, text: string): void
  /** The stream broke off, or could not be opened again; the next attempt comes after a pause. */
  pausing(pauseMs: number): void
}

/** Where to go on, and when. */
interface Resumption {
  readonly id: string | undefined
  readonly retryMs: number
}

const FIRST_RETRY_MS = 1000
const MAX_RETRY_MS = 30_000

/** How long the first line may take. */
const GREETING_MS = 30_000

/** A stream is dead when so many heartbeats did not come. */
const MISSED_HEARTBEATS = 2.5

/**
 * Follows channels for ever: when the stream breaks off it goes on after the last id.
 * @throws Failure when the first connection fails, the request is refused, or the server says not to come back
 */
export async function tail(target: Target, request: TailRequest, listener: TailListener): Promise<never> {
  let resumption: Resumption = { id: undefined, retryMs: FIRST_RETRY_MS }
  let response = await open(target, request, undefined)
  for (;;) {
    resumption = await follow(response, resumption, listener)
    response = await reopen(target, request, resumption, listener)
  }
}

function open(
  target: Target,
  { channels, user, since }: TailRequest,
  id: string | undefined,
): Promise<IncomingMessage> {
  const query = new URLSearchParams()
  for (const channel of channels) query.append('channel', channel)
  if (user !== undefined) query.set('user', user)
  if (since !== undefined) query.set('since', since)
  return call(target, {
    method: 'GET',
    path: `/v1/events?${query}`,
    headers: { Accept: 'application/x-ndjson', ...(id === undefined ? {} : { 'Last-Event-ID': id }) },
  })
}

/** The server spreads the first attempt of its clients; after that each pause is twice as long. */
async function reopen(
  target: Target,
  request: TailRequest,
  { id, retryMs }: Resumption,
  listener: TailListener,
): Promise<IncomingMessage> {
  for (let pauseMs = retryMs; ; pauseMs = Math.min(MAX_RETRY_MS, pauseMs * 2)) {
    listener.pausing(pauseMs)
    await delay(pauseMs)
    try {
      return await open(target, request, id)
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
    }
  }
}

/** Reads one stream to its end. */
async function follow(
  response: IncomingMessage,
  { id, retryMs }: Resumption,
  listener: TailListener,
): Promise<Resumption> {
  const giveUp = (): void => void response.destroy(new Error('The stream is silent.'))
  let patience = setTimeout(giveUp, GREETING_MS)
  const after = id
  try {
    for await (const text of linesOf(response.setEncoding('utf8'))) {
      patience.refresh()
      if (text === '') continue
      const line = parseLine(text)
      id = line.id ?? id
      retryMs = line.retry ?? retryMs
      switch (line.event) {
        case 'fanline.hello': {
          const hello = line.data as Hello
          clearTimeout(patience)
          patience = setTimeout(giveUp, hello.heartbeatMs * MISSED_HEARTBEATS)
          listener.connected(hello, line, after)
          break
        }
        case 'fanline.checkpoint':
          listener.checkpoint?.(line)
          break
        case 'fanline.gap':
          listener.gap(line.data as GapNotice, text)
          break
        case 'fanline.bye': {
          const bye = line.data as Bye
          listener.bye(bye, text)
          if (!bye.reconnect) throw new Failure(`The server ended this stream for good: ${bye.reason}.`)
          break
        }
        default:
          listener.event(line, text)
      }
    }
  } catch (error) {
    // A stream that broke is opened again.
    if (!response.errored) throw error
  } finally {
    clearTimeout(patience)
  }
  return { id, retryMs }
}

function parseLine(text: string): TailLine {
  try {
    return JSON.parse(text)
  } catch {
    throw new Failure('The answer is not a stream of fanline. Is --url right?')
  }
}
