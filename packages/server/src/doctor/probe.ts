import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { EventStreamParser, type ParsedEvent } from '@fanline/client/parser'
import { begin } from '../client/request.ts'
import type { Target } from '../client/target.ts'

/** What browsers send. */
export const BROWSER_ENCODINGS = 'gzip, deflate, br'

/** How much is kept of an answer that is no stream. */
const MAX_BODY_LENGTH = 2000

/** An event, and when it could be read, as of {@link performance.now}. */
export interface HeardEvent extends ParsedEvent {
  readonly atMs: number
  /** Events that came in the same piece have the same number. */
  readonly piece: number
}

/** The path of a stream. */
export function streamPath(...channels: readonly string[]): string {
  return `/v1/events?${new URLSearchParams(channels.map((channel): [string, string] => ['channel', channel]))}`
}

/** A stream on a connection of its own, and when what of it came. Never throws: what fails shows in its fields. */
export class Probe {
  readonly beganMs: number = performance.now()
  status: number | undefined
  headers: IncomingHttpHeaders = {}
  headMs: number | undefined
  /** The first byte of the body. */
  firstByteMs: number | undefined
  lastByteMs: number | undefined
  readonly events: HeardEvent[] = []
  comments = 0
  /** The begin of an answer that is no stream. */
  body = ''
  /** When it was over, and whether it came to its end. */
  ending: { readonly atMs: number; readonly isClean: boolean } | undefined
  error: NodeJS.ErrnoException | undefined
  readonly #request: ClientRequest
  #pieces = 0
  #wake: () => void = () => undefined

  constructor(target: Target, path: string, headers: Readonly<Record<string, string>> = {}) {
    this.#request = begin(target, path, {
      agent: false,
      headers: {
        // Whoever names problems is told of them by a status.
        Accept: 'text/event-stream, application/problem+json',
        'Accept-Encoding': BROWSER_ENCODINGS,
        'Cache-Control': 'no-cache',
        ...headers,
      },
    })
    this.#request.on('response', (response) => this.#read(response))
    this.#request.on('error', (error) => this.#fail(error))
    this.#request.on('close', () => this.#end(false))
    this.#request.end()
  }

  get isStream(): boolean {
    return this.status === 200 && /^text\/event-stream\b/.test(this.headers['content-type'] ?? '')
  }

  /** The first event of this type. */
  event(type: string): HeardEvent | undefined {
    return this.events.find((event) => event.type === type)
  }

  /** Waits until something holds. Resolves with false when it does not in time, or the stream is over before. */
  async until(holds: () => boolean, patienceMs: number): Promise<boolean> {
    const late = performance.now() + patienceMs
    while (!holds()) {
      const leftMs = late - performance.now()
      if (this.ending || leftMs <= 0) return false
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return true
  }

  /** Goes away without a word, as a closed tab does. */
  leave(): void {
    this.#request.destroy()
  }

  #read(response: IncomingMessage): void {
    this.status = response.statusCode
    this.headers = response.headers
    this.headMs = performance.now()
    response.on('data', () => {
      this.lastByteMs = performance.now()
      this.firstByteMs ??= this.lastByteMs
    })
    response.on('error', (error) => this.#fail(error))
    response.on('end', () => this.#end(true))
    const parser = new EventStreamParser({
      onComment: () => {
        this.comments++
      },
    })
    decoded(response, (error) => this.#fail(error)).on('data', (bytes: Buffer) => {
      if (this.isStream) this.#hear(parser.push(bytes))
      else this.body = `${this.body}${bytes}`.slice(0, MAX_BODY_LENGTH)
      this.#wake()
    })
    this.#wake()
  }

  #hear(events: readonly ParsedEvent[]): void {
    const atMs = performance.now()
    const piece = this.#pieces++
    this.events.push(...events.map((event) => ({ ...event, atMs, piece })))
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.error ??= error
    this.#end(false)
  }

  #end(isClean: boolean): void {
    this.ending ??= { atMs: performance.now(), isClean }
    this.#wake()
  }
}

/** The body as it was before somebody compressed it, as soon as that can be told. */
function decoded(response: IncomingMessage, failed: (error: Error) => void): Readable {
  const encoding = response.headers['content-encoding'] ?? 'identity'
  const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH } = constants
  const decoders: Readonly<Record<string, () => ReturnType<typeof createGunzip>>> = {
    gzip: () => createGunzip({ flush: Z_SYNC_FLUSH }),
    deflate: () => createInflate({ flush: Z_SYNC_FLUSH }),
    br: () => createBrotliDecompress({ flush: BROTLI_OPERATION_FLUSH }),
  }
  const decoder = decoders[encoding]?.()
  return decoder ? response.pipe(decoder).on('error', failed) : response
}
