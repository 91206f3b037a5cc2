/** The interface of the npm package `resumable-stream`, on a hub in place of a Redis of its own. */
import type { StreamPiece } from '@fanline/protocol'
import { ProblemError, STREAM_TYPE } from '@fanline/protocol'
import { ndjsonDialect } from '../dialect.ts'
import type { Hub } from '../hub.ts'
import type { ChannelStreamRequest } from './channel-stream.ts'
import { serveChannelFetch } from './fetch.ts'

/** How a context is made. */
export interface ResumableStreamContextOptions {
  readonly hub: Hub
  /** Keeps a serverless function alive until the promise resolves; null where nothing has to be done for that. */
  readonly waitUntil: ((promise: Promise<unknown>) => void) | null
  /** What stands before the id of a stream in the name of its channel; `resumable-stream` when absent. */
  readonly keyPrefix?: string | undefined
}

/** Makes streams of text that can be read again, and by others. */
export interface ResumableStreamContext {
  /**
   * Begins the stream, or reads it when somebody has begun it, on whichever hub. Resolves to null when it has ended.
   * @param skipCharacters of its text, counted from the beginning
   * @throws ProblemError `channel-invalid` for an id that cannot be part of a channel's name, or `log-unavailable`
   */
  resumableStream(
    streamId: string,
    makeStream: () => ReadableStream<string>,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null>
  /** Begins the stream. @throws ProblemError `stream-running` when it runs, and those of {@link resumableStream} */
  createNewResumableStream(
    streamId: string,
    makeStream: () => ReadableStream<string>,
    skipCharacters?: number,
  ): Promise<ReadableStream<string>>
  /** Reads the stream. Resolves to null when it has ended, to undefined when nobody has begun it. */
  resumeExistingStream(
    streamId: string,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null | undefined>
  /** `DONE` when it has ended, true while it runs, null when nobody has begun it, or the history has let go of it. */
  hasExistingStream(streamId: string): Promise<null | true | 'DONE'>
}

/** Makes what `createResumableStreamContext` of `resumable-stream` makes. */
export function createResumableStreamContext({
  hub,
  waitUntil,
  keyPrefix = 'resumable-stream',
}: ResumableStreamContextOptions): ResumableStreamContext {
  const channelOf = (streamId: string): string => `${keyPrefix}.${streamId}`

  const context: ResumableStreamContext = {
    async resumableStream(streamId, makeStream, skipCharacters) {
      const existing = await context.resumeExistingStream(streamId, skipCharacters)
      if (existing !== undefined) return existing
      try {
        return await context.createNewResumableStream(streamId, makeStream, skipCharacters)
      } catch (error) {
        if (!(error instanceof ProblemError && error.code === 'stream-running')) throw error
        // Somebody began it at the same moment.
        return (await context.resumeExistingStream(streamId, skipCharacters)) ?? null
      }
    },

    async createNewResumableStream(streamId, makeStream, skipCharacters = 0) {
      const channel = channelOf(streamId)
      const { id, ended } = await hub.stream(channel, makeStream)
      waitUntil?.(ended)
      const text = await read(hub, { channel }, id, skipCharacters)
      if (!text) throw new ProblemError('internal', 'What was begun a moment ago is not there.')
      return text
    },

    async resumeExistingStream(streamId, skipCharacters = 0) {
      const channel = channelOf(streamId)
      const text = await read(hub, { channel }, '', skipCharacters)
      return text ?? ((await wasThere(hub, channel)) ? null : undefined)
    },

    async hasExistingStream(streamId) {
      const channel = channelOf(streamId)
      if (await hub.joinStream(channel)) return true
      return (await wasThere(hub, channel)) ? 'DONE' : null
    },
  }
  return context
}

async function wasThere(hub: Hub, channel: string): Promise<boolean> {
  const { events } = await hub.history(channel, { limit: 1 })
  return events.length > 0
}

/** Reads a stream as a client would, without a network between. Undefined when none runs. */
async function read(
  hub: Hub,
  request: ChannelStreamRequest,
  lastId: string,
  skipCharacters: number,
): Promise<ReadableStream<string> | undefined> {
  const leaving = new AbortController()
  const asked = new Request(`http://hub/?lastEventId=${lastId}`, { signal: leaving.signal })
  const { body, status } = await serveChannelFetch(hub, asked, { ...request, dialect: ndjsonDialect })
  if (!body || status !== 200) return undefined
  const pieces = piecesOf(body)
  let toSkip = skipCharacters
  return new ReadableStream<string>({
    async pull(controller) {
      for (;;) {
        const { value: piece } = await pieces.next()
        const text = (piece?.parts ?? []).join('')
        const news = text.slice(toSkip)
        toSkip = Math.max(0, toSkip - text.length)
        if (news !== '') controller.enqueue(news)
        if (!piece || piece.end === 'failed')
          return controller.error(new Error(piece?.error ?? 'The stream broke.'))
        if (piece.end) return controller.close()
        if (news !== '') return
      }
    },
    cancel: () => leaving.abort(),
  })
}

/** The pieces in a stream of JSON lines. Ends early only when the hub does; throws where something is lost. */
async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamPiece, undefined> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') continue
      const { event, data } = JSON.parse(line)
      if (event === 'fanline.gap') throw new Error(`A part of the stream is lost (${data.reason}).`)
      if (event === STREAM_TYPE) yield data
    }
  }
}
