import type { Bye, Checkpoint, GapNotice, Hello } from '@fanline/protocol'
import { pauseMs, retryAfterMs } from './backoff.ts'
import { refusal, StreamError, Unauthorized } from './errors.ts'
import type { FetchOptions } from './fetch-options.ts'
import { headerText } from './header-text.ts'
import { EventStreamParser, type ParsedEvent } from './parser.ts'
import {
  CONNECTING,
  type Source,
  type SourceListener,
  type StreamState,
  type StreamStatus,
} from './source.ts'
import { Watchdog } from './watchdog.ts'

/** How an attempt ended. */
interface End {
  /** Undefined when it was ended here, on purpose. */
  readonly error?: StreamError
  /** Coming back cannot work. */
  readonly isFinal?: boolean
  /** Come back at once: nothing is wrong with the server. */
  readonly atOnce?: boolean
  /** How long the server asks to wait. */
  readonly afterMs?: number | undefined
}

const ACCEPT = 'text/event-stream;data=json, application/problem+json'

/** The native routes of streams, with the query. Beside it stand those of connections. */
const EVENTS_PATH = /\/(?:events|streams)(\/[^/?#]*)?([?#].*)?$/

/** A stream is dead when so many heartbeats did not come. */
const MISSED_HEARTBEATS = 2.5

/** A server other than fanline may say nothing before its first event. */
const QUIET_START_MS = 1000

/** However often the page is shown, attempts begin no more often than this. */
const OFTEN_MS = 1000

const NEEDS_TOKEN: readonly string[] = ['expired', 'revoked']

/** Statuses of the 4xx that pass. */
const PASSING: readonly number[] = [408, 425, 429]

/** A connection of its own, by `fetch`: asked for again and again, each time from where the last one ended. */
export class FetchSource implements Source {
  readonly #url: string
  readonly #options: FetchOptions
  readonly #listener: SourceListener
  readonly #watchdog: Watchdog
  #channels: readonly string[]
  /** The last id that was heard: where the next attempt goes on. */
  #cursor: string
  #retryMs: number | undefined
  #token: string | undefined
  #status = CONNECTING
  #isResting = false
  /** It was a stream once, so what is none now may pass. */
  #wasOpen = false
  /** The last token was refused, and no other one accepted since. */
  #wasRefused = false
  /** Ends the open attempt; its reason is an {@link End}. */
  #abort = new AbortController()
  /** What the open connection follows, and what it follows because the address says so. */
  #followed: readonly string[] = []
  #ofAddress: readonly string[] = []
  /** The hub's hello came: this is fanline, and ids grow. */
  #hello: Hello | undefined
  #startedAt = 0
  #endPause: () => void = () => undefined

  /** @param url absolute */
  constructor(url: string, options: FetchOptions, listener: SourceListener) {
    this.#url = url
    this.#options = options
    this.#listener = listener
    this.#channels = options.channels ?? []
    this.#cursor = options.lastEventId ?? ''
    this.#watchdog = new Watchdog(() => {
      const error = new StreamError('silent', 'Nothing came.')
      // A server that does not answer may have too much to do.
      this.#interrupt({ error, atOnce: this.#status.state !== 'connecting' })
    })
    void this.#run()
  }

  async follow(channels: readonly string[]): Promise<void> {
    const before = this.#channels
    const hello = this.#hello
    this.#channels = channels
    // While nothing is open the next attempt asks for them.
    if (!hello) return
    const all = [...this.#ofAddress, ...channels]
    const response = await this.#call('PUT', 'channels', JSON.stringify({ channels: all }))
    // Meanwhile it broke, and the next attempt asked for them.
    if (this.#hello !== hello) return
    if (response?.ok) {
      this.#followed = channels
      return
    }
    if (response && response.status < 500 && response.status !== 404 && response.status !== 405) {
      this.#channels = before
      throw await refusal(response)
    }
    // A server without this route is asked anew; ids tell it where to go on, in the new channels too.
    this.#interrupt({ atOnce: true })
  }

  wake(): void {
    const isDue = this.#isResting || Date.now() - this.#startedAt > OFTEN_MS
    this.#isResting = false
    if (this.#status.state !== 'waiting') this.#watchdog.look()
    else if (isDue) this.#endPause()
  }

  rest(): void {
    this.#isResting = true
    this.#interrupt({})
  }

  close(error?: Error): void {
    if (this.#isClosed) return
    this.#watchdog.watch()
    this.#hello = undefined
    this.#become('closed', { error })
    this.#abort.abort()
    this.#endPause()
  }

  async #run(): Promise<void> {
    // Whoever makes the stream has this turn to listen to it.
    await undefined
    this.#listener.status(this.#status)
    for (let failures = 0; !this.#isClosed; ) {
      this.#startedAt = Date.now()
      const end = await this.#attempt()
      this.#watchdog.watch()
      this.#hello = undefined
      if (this.#isClosed) return
      if (end.isFinal) return this.close(end.error)
      const lastedMs = Date.now() - this.#startedAt
      const isHealthy = this.#status.state !== 'connecting' && lastedMs >= (this.#options.healthyMs ?? 5000)
      const isFirst = failures === 0
      failures = isHealthy || !end.error ? 0 : failures + 1
      // Should the next one end at once, too, there is a pause.
      if (end.atOnce && (isFirst || failures === 0))
        this.#become('connecting', { failures, error: end.error })
      else await this.#pause(failures, end)
    }
  }

  async #pause(failures: number, { error, afterMs }: End): Promise<void> {
    const ms = pauseMs(failures, afterMs ?? this.#retryMs, this.#options.maxPauseMs ?? 30_000)
    const retryAt = this.#isResting ? undefined : Date.now() + ms
    this.#become('waiting', { failures, retryAt, error })
    await new Promise<void>((resolve) => {
      const timer = this.#isResting ? undefined : setTimeout(resolve, ms)
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    if (!this.#isClosed) this.#become('connecting')
  }

  /** One connection, from the question to its end. Never rejects. */
  async #attempt(): Promise<End> {
    const abort = new AbortController()
    this.#abort = abort
    try {
      await this.#refresh()
      this.#watchdog.watch(this.#options.connectTimeoutMs ?? 30_000)
      const response = await this.#ask(abort.signal)
      return (await this.#endOf(response)) ?? (await this.#read(response, abort.signal))
    } catch (error) {
      if (error instanceof Unauthorized) return { error: unauthorized(error), isFinal: true }
      if (abort.signal.aborted) return abort.signal.reason
      if (error instanceof StreamError) return { error }
      return { error: new StreamError('network', `The stream broke: ${error}`, { cause: error }) }
    } finally {
      abort.abort()
    }
  }

  #ask(signal: AbortSignal): Promise<Response> {
    const { method, body } = this.#options
    const url = new URL(this.#url)
    this.#followed = this.#channels
    for (const channel of this.#channels) url.searchParams.append('channel', channel)
    return this.#fetch(
      url,
      { method, body, signal, cache: 'no-store' },
      { Accept: ACCEPT, ...(this.#cursor === '' ? {} : { 'Last-Event-ID': headerText(this.#cursor) }) },
    )
  }

  /** What an answer that is no stream means. */
  async #endOf(response: Response): Promise<End | undefined> {
    const { status, headers } = response
    const type = headers.get('content-type') ?? ''
    if (status === 200 && /^text\/event-stream\s*(;|$)/i.test(type)) {
      this.#wasOpen = true
      this.#wasRefused = false
      return undefined
    }
    if (status === 204)
      return { error: new StreamError('ended', 'Nothing to follow.', { status }), isFinal: true }
    const error = await refusal(response)
    if (status === 401 && this.#options.getToken && !this.#wasRefused) {
      this.#wasRefused = true
      return { error, atOnce: true }
    }
    if (status === 401) return { error: unauthorized(error), isFinal: true }
    const isPassing = status >= 500 || PASSING.includes(status) || (status === 200 && this.#wasOpen)
    return { error, isFinal: !isPassing, afterMs: retryAfterMs(headers.get('retry-after')) }
  }

  async #read(response: Response, signal: AbortSignal): Promise<End> {
    const { maxEventLength } = this.#options
    const reader = response.body!.getReader()
    const parser = new EventStreamParser({ lastEventId: this.#cursor, maxEventLength })
    this.#watchdog.watch(this.#limitMs())
    const quietStart = setTimeout(() => this.#isOpen(), QUIET_START_MS)
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return { error: new StreamError('network', 'The server ended the stream.') }
        this.#watchdog.heard()
        const events = parser.push(value)
        this.#retryMs = parser.retryMs ?? this.#retryMs
        for (const event of events) {
          if (signal.aborted) return signal.reason
          // What comes from a channel is an event, also where only the hub can have written it.
          const isControl = event.type.startsWith('fanline.') && event.channel === undefined
          const next = isControl ? this.#obey(event) : this.#hear(event)
          if (next instanceof Promise) {
            // Whoever holds the stream up is not its silence.
            this.#watchdog.watch()
            await next
            this.#watchdog.watch(this.#limitMs())
          } else if (next) return next
        }
        if (!this.#hello) this.#cursor = parser.lastEventId
        this.#isOpen()
      }
    } finally {
      clearTimeout(quietStart)
    }
  }

  /** A server that is not fanline is live when its stream is there. */
  #isOpen(): void {
    if (this.#status.state === 'connecting') this.#become('live', { error: undefined })
  }

  /** Does what the hub says of the stream itself. */
  #obey({ type, data, id }: ParsedEvent): End | undefined {
    const said = JSON.parse(data)
    if (id !== undefined) {
      this.#cursor = id
      this.#listener.cursor(id)
    }
    switch (type) {
      case 'fanline.hello':
        return this.#greet(said)
      case 'fanline.gap':
        this.#listener.gap(said as GapNotice)
        break
      case 'fanline.checkpoint':
        if ((said as Checkpoint).live && this.#status.state !== 'live') this.#become('live')
        break
      case 'fanline.expiring':
        void this.#renew()
        break
      case 'fanline.bye':
        return this.#part(said as Bye)
    }
    return undefined
  }

  #greet(hello: Hello): End | undefined {
    // They were changed while this connection was asked for: the next one begins where this one did.
    if (this.#channels !== this.#followed) return { atOnce: true }
    this.#hello = hello
    this.#ofAddress = hello.channels.filter((channel) => !this.#followed.includes(channel))
    this.#watchdog.watch(this.#limitMs())
    this.#become(hello.resumed ? 'catching-up' : 'live', {
      error: undefined,
      user: hello.user ?? undefined,
    })
    return undefined
  }

  #part({ reason, reconnect }: Bye): End {
    const error = new StreamError('ended', `The server ended the stream: ${reason}.`)
    // With another token it may work; that one is refused by a status.
    if (NEEDS_TOKEN.includes(reason) && this.#options.getToken) return { error, atOnce: true }
    return { error, isFinal: !reconnect }
  }

  /** A promise holds the stream up. */
  #hear(event: ParsedEvent): Promise<unknown> | undefined {
    const { id, channel = '' } = event
    const from = this.#cursor
    // Ids of fanline grow, so what is not above the cursor was heard before.
    if (this.#hello && id !== undefined && Number(id) <= Number(from)) return undefined
    if (id !== undefined) this.#cursor = id
    if (!event.isTooLarge)
      return this.#listener.event(Object.assign(event, { json: this.#hello?.json === true }))
    this.#listener.gap({ channel, from, to: id ?? from, reason: 'too-large' })
    return undefined
  }

  /** Gives the hub a new token for the open stream. Should that fail, the stream ends with its token and is asked for again. */
  async #renew(): Promise<void> {
    if (!this.#options.getToken) return
    try {
      await this.#refresh()
      const response = await this.#call('POST', 'token')
      await response?.body?.cancel()
    } catch (error) {
      if (error instanceof Unauthorized) this.close(unauthorized(error))
    }
  }

  /** Speaks of the open connection. Answers undefined when nobody could be reached. */
  async #call(method: string, what: string, body?: string): Promise<Response | undefined> {
    const url = this.#url.replace(EVENTS_PATH, `/connections/${this.#hello?.connection}/${what}`)
    // An application's own address: there are no such routes beside it.
    if (url === this.#url) return undefined
    try {
      return await this.#fetch(url, { method, body })
    } catch {
      return undefined // the stream itself will tell what is wrong
    }
  }

  /** @throws Unauthorized, or StreamError `token` */
  async #refresh(): Promise<void> {
    try {
      this.#token = await this.#options.getToken?.()
    } catch (cause) {
      if (cause instanceof Unauthorized) throw cause
      throw new StreamError('token', `No token: ${cause}`, { cause })
    }
  }

  #fetch(url: string | URL, init: object, more?: Record<string, string>): Promise<Response> {
    // Not a method: a browser's own fetch wants to be called without an object.
    const { fetch = globalThis.fetch, credentials, headers } = this.#options
    const token = this.#token === undefined ? {} : { Authorization: `Bearer ${this.#token}` }
    return fetch(url, { ...init, credentials, headers: { ...headers, ...token, ...more } } as RequestInit)
  }

  /** How long it may be quiet. */
  #limitMs(): number {
    const heartbeatMs = this.#hello?.heartbeatMs ?? Number.POSITIVE_INFINITY
    return this.#options.silenceMs ?? heartbeatMs * MISSED_HEARTBEATS
  }

  get #isClosed(): boolean {
    return this.#status.state === 'closed'
  }

  #interrupt(end: End): void {
    this.#abort.abort(end)
  }

  #become(state: StreamState, change: Partial<StreamStatus> = {}): void {
    const connection = this.#hello?.connection
    this.#status = Object.freeze({ ...this.#status, retryAt: undefined, ...change, state, connection })
    this.#listener.status(this.#status)
  }
}

/** Why a stream ends whose credential was refused, or for which none could be had. */
export function unauthorized(cause: Error & { readonly status?: number | undefined }): StreamError {
  return new StreamError('unauthorized', cause.message, { cause, status: cause.status })
}
