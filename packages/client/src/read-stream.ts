/** Reads what a producer gives into a channel bit by bit: the tokens of an answer, the progress of a task. */
import type { StreamEnd, StreamPiece } from '@fanline/protocol'
import { refusal, StreamError } from './errors.ts'
import type { FetchOptions } from './fetch-options.ts'
import { connect } from './index.ts'
import type { StreamGap } from './source.ts'
import type { Stream, StreamEvent } from './stream.ts'

export type { StreamEnd } from '@fanline/protocol'

/** How a stream is read. */
export interface ReadStreamOptions extends Omit<FetchOptions, 'channels' | 'method' | 'body'> {
  /** Hears of parts that are lost, and lets the reader go on without them; otherwise it ends with `failed`. */
  readonly onGap?: ((gap: StreamGap) => void) | undefined
  /** Ends the reading, as {@link PartStream.close} does. */
  readonly signal?: AbortSignal | undefined
}

/** How the reading ended. */
export interface StreamResult {
  /** As its producer or a cancel ended it; `none` when nothing runs there, `left` when this reader did not stay. */
  readonly end: StreamEnd | 'none' | 'left'
  /** Why it failed. */
  readonly error?: Error | undefined
}

type Pieces = { 'fanline.stream': StreamPiece }

/**
 * The parts of one stream, each once and in order, over any number of connections. Made by {@link readStream}. Strings
 * come as they travelled: several tokens may be one. The loop throws where the stream failed.
 */
export class PartStream<Part = string> implements AsyncIterable<Part> {
  /** How it ended, once all parts were taken. Never rejects. */
  readonly done: Promise<StreamResult>
  readonly #url: string | URL
  readonly #options: ReadStreamOptions
  readonly #stream: Stream<Pieces>
  readonly #batches: AsyncGenerator<readonly Part[], undefined>
  readonly #parts: AsyncGenerator<Part, undefined>
  #resolve: (result: StreamResult) => void = () => undefined
  #lost: Error | undefined

  constructor(url: string | URL, options: ReadStreamOptions) {
    this.#url = url
    this.#options = options
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#stream = connect<Pieces>(url, options)
    this.#stream.onGap((gap) => this.#miss(gap))
    // Held up while nobody takes them: the log keeps what comes.
    this.#batches = this.#read(this.#stream.events('fanline.stream', { overflow: 'wait', limit: 16 }))
    this.#parts = oneByOne(this.#batches)
    options.signal?.addEventListener('abort', () => this.close(), { once: true })
    if (options.signal?.aborted) this.close()
  }

  /**
   * Resolves when the server has answered: false when nothing runs.
   * @throws StreamError when it refuses, or the reading was ended before
   */
  async begun(): Promise<boolean> {
    try {
      await this.#stream.ready
      return true
    } catch (error) {
      if (isNothing(error)) return false
      throw error
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Part, undefined> {
    return this.#parts
  }

  /** The parts as they travelled, for who can take many at once; in place of the loop. */
  batches(): AsyncGenerator<readonly Part[], undefined> {
    return this.#batches
  }

  /** The parts as a ReadableStream; cancelling it ends the reading, not the stream. */
  readable(): ReadableStream<Part> {
    const parts = this.#parts
    return new ReadableStream(
      {
        async pull(controller) {
          const { done, value } = await parts.next()
          if (done) controller.close()
          else controller.enqueue(value)
        },
        cancel: () => this.close(),
      },
      { highWaterMark: 0 },
    )
  }

  /**
   * Stops the producer, for everybody. Answers false when nothing runs any more.
   * @throws StreamError when the server refuses
   */
  cancel(): Promise<boolean> {
    return cancelStream(this.#url, this.#options)
  }

  /** Ends the reading; the stream goes on without this reader. */
  close(): void {
    this.#resolve({ end: 'left' })
    this.#stream.close()
    void this.#batches.return(undefined)
  }

  #miss(gap: StreamGap): void {
    if (this.#options.onGap) {
      this.#options.onGap(gap)
    } else {
      this.#lost = new Error(`A part of the stream is lost (${gap.reason}).`)
      this.#stream.close()
    }
  }

  async *#read(
    pieces: AsyncIterable<StreamEvent<string, StreamPiece>>,
  ): AsyncGenerator<readonly Part[], undefined> {
    let result: StreamResult = { end: 'left' }
    let stream: string | undefined
    try {
      for await (const { data, id } of pieces) {
        const of = data.stream ?? id
        stream ??= of
        // What a producer says that does not know yet that its stream is over.
        if (of !== stream) continue
        if (data.parts) yield data.parts as Part[]
        if (!data.end) continue
        result = { end: data.end, ...(data.end === 'failed' ? { error: new Error(data.error) } : {}) }
        break
      }
      if (this.#lost) result = { end: 'failed', error: this.#lost }
    } catch (error) {
      if (stream === undefined && isNothing(error)) result = { end: 'none' }
      else result = { end: 'failed', error: error as Error }
    } finally {
      this.#stream.close()
      this.#resolve(result)
    }
    if (result.error) throw result.error
  }
}

/**
 * Reads the stream that runs in a channel: what it said so far, then the rest as it comes, to its end.
 * @param url `/v1/streams/{channel}`, or where an application has its `hub.handleStream`
 */
export function readStream<Part = string>(
  url: string | URL,
  options: ReadStreamOptions = {},
): PartStream<Part> {
  return new PartStream<Part>(url, options)
}

/**
 * Stops the stream that runs in a channel, for everybody. Answers false when none runs.
 * @param url where it is read
 * @throws StreamError when the server refuses
 */
export async function cancelStream(
  url: string | URL,
  { headers, getToken, credentials, fetch = globalThis.fetch }: ReadStreamOptions = {},
): Promise<boolean> {
  const token = await getToken?.()
  const response = await fetch(url, {
    method: 'DELETE',
    headers: { ...headers, ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) },
    ...(credentials === undefined ? {} : { credentials }),
  })
  if (!response.ok && response.status !== 404) throw await refusal(response)
  await response.body?.cancel()
  return response.ok
}

async function* oneByOne<Part>(batches: AsyncIterable<readonly Part[]>): AsyncGenerator<Part, undefined> {
  for await (const batch of batches) yield* batch
}

/** True when the server said that nothing runs. */
function isNothing(error: unknown): boolean {
  return error instanceof StreamError && error.status === 204
}
