import { headerText } from './header-text.ts'
import { EventStreamParser } from './parser.ts'

export interface EventSourceInit {
  /** Sends cookies to other origins too. */
  readonly withCredentials?: boolean
  /** Not in the standard: what to fetch with. */
  readonly fetch?: typeof globalThis.fetch
  /** Not in the standard: more headers for every request. */
  readonly headers?: Readonly<Record<string, string>>
}

type Handler<E extends Event> = ((this: globalThis.EventSource, event: E) => unknown) | null
type State = typeof CONNECTING | typeof OPEN | typeof CLOSED

const CONNECTING = 0
const OPEN = 1
const CLOSED = 2

/** The reconnection time until the server sets one. */
const RETRY_MS = 3000
/** With `retry: 0` and a stream that ends at once, browsers ask about this often. */
const MIN_RETRY_MS = 100
/** More than this, and a timer would fire at once. */
const MAX_RETRY_MS = 2 ** 31 - 1

type Listener = ((this: globalThis.EventSource, event: MessageEvent) => unknown) | EventListenerObject

/** Listeners hear a `MessageEvent`, except those of `open` and `error`. */
export interface EventSource {
  addEventListener(type: string, listener: Listener | null, options?: boolean | AddEventListenerOptions): void
  removeEventListener(type: string, listener: Listener | null, options?: boolean | EventListenerOptions): void
}

/**
 * The `EventSource` of the HTML standard, for every runtime with `fetch`. The only differences: an event longer than
 * 16 Mi characters is passed over, and `retry` below 100 ms counts as 100 ms.
 *
 * @throws DOMException `SyntaxError` when the URL is none; a relative one needs a page or a worker around it
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: types alone; the methods are those of EventTarget
export class EventSource extends EventTarget {
  static readonly CONNECTING = CONNECTING
  static readonly OPEN = OPEN
  static readonly CLOSED = CLOSED
  readonly CONNECTING = CONNECTING
  readonly OPEN = OPEN
  readonly CLOSED = CLOSED

  readonly #url: string
  readonly #init: EventSourceInit
  // biome-ignore lint/suspicious/noExplicitAny: each is kept under the name of the events that it takes
  readonly #handlers = new Map<string, Handler<any>>()
  #readyState: State = CONNECTING
  #lastEventId = ''
  #retryMs = RETRY_MS
  /** Ends the connection that is open or being opened. */
  #abort = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(url: string | URL, init: EventSourceInit = {}) {
    super()
    const base = globalThis.document?.baseURI ?? globalThis.location?.href
    try {
      this.#url = new URL(url, base).href
    } catch {
      throw new DOMException(`"${url}" is no URL`, 'SyntaxError')
    }
    this.#init = init
    void this.#connect()
  }

  get url(): string {
    return this.#url
  }

  get withCredentials(): boolean {
    return this.#init.withCredentials === true
  }

  get readyState(): State {
    return this.#readyState
  }

  get onopen(): Handler<Event> {
    return this.#handlers.get('open') ?? null
  }

  set onopen(handler: Handler<Event>) {
    this.#handle('open', handler)
  }

  get onmessage(): Handler<MessageEvent> {
    return this.#handlers.get('message') ?? null
  }

  set onmessage(handler: Handler<MessageEvent>) {
    this.#handle('message', handler)
  }

  get onerror(): Handler<Event> {
    return this.#handlers.get('error') ?? null
  }

  set onerror(handler: Handler<Event>) {
    this.#handle('error', handler)
  }

  /** No event is heard after this. */
  close(): void {
    this.#readyState = CLOSED
    clearTimeout(this.#timer)
    this.#abort.abort()
  }

  /** Runs until the connection has ended. */
  async #connect(): Promise<void> {
    this.#abort = new AbortController()
    try {
      const { fetch = globalThis.fetch, withCredentials } = this.#init
      const response = await fetch(this.#url, {
        headers: this.#headers(),
        cache: 'no-store',
        credentials: withCredentials ? 'include' : 'same-origin',
        signal: this.#abort.signal,
      })
      if (this.#readyState === CLOSED) return
      const type = response.headers.get('content-type') ?? ''
      if (response.status !== 200 || !/^text\/event-stream\s*(;|$)/i.test(type)) return this.#fail()
      this.#readyState = OPEN
      this.dispatchEvent(new Event('open'))
      await this.#read(response)
    } catch {
      // A network error: the next attempt may do better, unless there is nothing that it could ask.
      if (!/^https?:/.test(this.#url)) this.#fail()
    }
    this.#reconnect()
  }

  #headers(): Headers {
    const headers = new Headers(this.#init.headers)
    headers.set('Accept', 'text/event-stream')
    if (this.#lastEventId !== '') headers.set('Last-Event-ID', headerText(this.#lastEventId))
    return headers
  }

  async #read({ body, url }: Response): Promise<void> {
    const { origin } = new URL(url || this.#url)
    const parser = new EventStreamParser({ lastEventId: this.#lastEventId })
    const reader = body?.getReader()
    while (this.#readyState === OPEN) {
      const chunk = await reader?.read()
      if (!chunk?.value) return
      const events = parser.push(chunk.value)
      this.#lastEventId = parser.lastEventId
      this.#retryMs = parser.retryMs ?? this.#retryMs
      for (const { type, data, lastEventId, isTooLarge } of events) {
        if (this.#readyState !== OPEN) return
        if (!isTooLarge) this.dispatchEvent(new MessageEvent(type, { data, lastEventId, origin }))
      }
    }
  }

  #reconnect(): void {
    if (this.#readyState === CLOSED) return
    this.#readyState = CONNECTING
    this.dispatchEvent(new Event('error'))
    if (this.#readyState !== CONNECTING) return
    const delayMs = Math.min(Math.max(this.#retryMs, MIN_RETRY_MS), MAX_RETRY_MS)
    this.#timer = setTimeout(() => void this.#connect(), delayMs)
  }

  /** For good. */
  #fail(): void {
    if (this.#readyState === CLOSED) return
    this.close()
    this.dispatchEvent(new Event('error'))
  }

  #handle(type: string, handler: Handler<Event> | Handler<MessageEvent>): void {
    if (typeof handler === 'function') {
      this.#handlers.set(type, handler)
      this.addEventListener(type, this.#runHandler)
    } else {
      this.#handlers.delete(type)
      this.removeEventListener(type, this.#runHandler)
    }
  }

  readonly #runHandler = (event: Event): void => {
    this.#handlers.get(event.type)?.call(this, event)
  }
}
