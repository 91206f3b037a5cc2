import { complain } from '../complain.ts'
import { StreamError, Unauthorized } from '../errors.ts'
import type { FetchOptions } from '../fetch-options.ts'
import { FetchSource } from '../fetch-source.ts'
import { CONNECTING, type Source, type SourceListener, type StreamStatus } from '../source.ts'
import { Watchdog } from '../watchdog.ts'
import { Host } from './host.ts'
import {
  type GuestMessage,
  guestLock,
  type HostMessage,
  type SentError,
  type SentEvent,
  type Shared,
} from './message.ts'
import type { TabChannel, Tabs } from './tabs.ts'

/** A host that was not heard of for so long is asked whether it is there, in milliseconds. */
const QUIET_MS = 15_000

/** So long, and up to twice as long, it may take to answer; then another one takes its place. */
const ANSWER_MS = 2500

/** So many messages wait for a slow reader; what comes then is asked for again. */
const INBOX = 1000

type Sent<Message> = Message extends unknown ? Omit<Message, 'from'> : never

/**
 * The source of one tab. It hears the host of all tabs, takes what is for it, each event once, and waits in line to be
 * the host: when the host dies, the lock passes to one of its guests, and that one asks all others where they stand.
 */
export class Guest implements Source {
  readonly #id = crypto.randomUUID()
  readonly #shared: Shared
  readonly #options: FetchOptions
  readonly #listener: SourceListener
  readonly #tabs: Tabs
  readonly #callWorker: () => Promise<void>
  readonly #watchdog = new Watchdog(() => this.#ask())
  #channel: TabChannel | undefined
  /** Aborted when this tab leaves the others, to come back perhaps; then `#left` resolves. */
  #stay = new AbortController()
  #left: Promise<void> = Promise.resolve()
  #hosting: Host | undefined
  #isInLine = false
  /** The host that this guest listens to: it knows the channels of this guest, so that nothing is missed. */
  #host: string | undefined
  #channels: readonly string[]
  /** Everything up to here was told. */
  #cursor: string | undefined
  #status = CONNECTING
  #said = ''
  #count = 0
  #asked = 0
  #askedFrom: string | undefined
  #impatience: ReturnType<typeof setTimeout> | undefined
  /** What was said and waits, should a reader hold the stream up. */
  readonly #inbox: HostMessage[] = []
  #isHeld = false
  #isBehind = false
  #following: { n: number; before: readonly string[]; end(error?: Error): void } | undefined
  /** A connection of its own, when it does not share any more. */
  #own: Source | undefined

  /** @param callWorker starts a worker that is to be the host; resolves when that stands in line, or none can be had */
  constructor(
    shared: Shared,
    options: FetchOptions,
    listener: SourceListener,
    tabs: Tabs,
    callWorker: () => Promise<void>,
  ) {
    this.#shared = shared
    this.#options = options
    this.#listener = listener
    this.#tabs = tabs
    this.#callWorker = callWorker
    this.#channels = options.channels ?? []
    this.#cursor = options.lastEventId || undefined
    this.#enter()
  }

  follow(channels: readonly string[]): Promise<void> {
    if (this.#own) return this.#own.follow(channels)
    const before = this.#channels
    // What comes from them is wanted from now on.
    this.#channels = channels
    return new Promise((resolve, reject) => {
      const n = ++this.#count
      const end = (error?: Error): void => {
        this.#following = undefined
        if (!error) resolve()
        else {
          this.#channels = before
          reject(error)
        }
      }
      this.#following = { n, before, end }
      this.#post({ type: 'follow', n, channels })
    })
  }

  wake(): void {
    if (this.#own) this.#own.wake()
    else if (this.#status.state === 'closed') return
    else if (this.#stay.signal.aborted) this.#enter()
    else this.#ask(true)
  }

  rest(): void {
    if (this.#own) this.#own.rest()
    else if (this.#status.state !== 'closed') {
      this.#leave()
      this.#become({ ...this.#status, state: 'waiting', retryAt: undefined })
    }
  }

  close(error?: Error): void {
    if (this.#own) this.#own.close(error)
    else if (this.#status.state !== 'closed') {
      this.#leave()
      this.#become({ ...this.#status, state: 'closed', error, retryAt: undefined })
      this.#following?.end()
    }
  }

  #enter(): void {
    const stay = new AbortController()
    const { name } = this.#shared
    this.#stay = stay
    this.#left = new Promise((resolve) => stay.signal.addEventListener('abort', () => resolve()))
    this.#said = ''
    this.#channel = this.#tabs.channel(name)
    this.#channel.onmessage = ({ data }) => this.#hear(data)
    stay.signal.addEventListener(
      'abort',
      this.#tabs.onHidden(() => this.#hosting?.call()),
    )
    // Whoever gets this lock after it knows that this tab is gone.
    const left = this.#left
    this.#tabs.locks
      .request(guestLock(name, this.#id), () => {
        this.#ask()
        return left
      })
      .catch(complain)
    this.#callWorker().then(() => this.#stay === stay && this.#standInLine())
  }

  /** Leaves the other tabs. Should it be their host, the next in line is. */
  #leave(): void {
    this.#watchdog.watch()
    clearTimeout(this.#impatience)
    this.#post({ type: 'leave' })
    this.#hosting?.close()
    this.#stay.abort()
    this.#channel?.close()
    this.#host = this.#impatience = undefined
    this.#inbox.length = 0
  }

  /** Becomes the host when its turn has come; at once when `steal` says that there is none, or that it cannot go on. */
  #standInLine(steal = false): void {
    const { signal } = this.#stay
    if (signal.aborted || (this.#isInLine && !steal)) return
    const left = this.#left
    let host: Host | undefined
    if (!steal) this.#isInLine = true
    this.#tabs.locks
      .request(this.#shared.name, steal ? { steal } : { signal }, () => {
        if (!steal) this.#isInLine = false
        if (signal.aborted) return undefined
        host = new Host(this.#shared, this.#tabs)
        this.#hosting = host
        return left
      })
      .catch((error) => {
        // It has left, or another one has taken over.
        if (error?.name !== 'AbortError') complain(error)
      })
      .finally(() => {
        host?.close()
        if (!steal) this.#isInLine = false
        this.#standInLine()
      })
  }

  /** Says where it stands. Whoever is the host answers with what is missing. */
  #ask(wake = false): void {
    // A lock that was asked for before it left may come after.
    if (this.#stay.signal.aborted) return
    if (this.#stay.signal.aborted) return
    this.#asked = ++this.#count
    this.#askedFrom = this.#cursor
    this.#watchdog.watch(QUIET_MS)
    this.#post({
      type: 'ask',
      n: this.#asked,
      host: this.#host,
      cursor: this.#cursor,
      channels: this.#channels,
      isVisible: !this.#tabs.isHidden(),
      wake,
    })
    this.#impatience ??= setTimeout(
      () => {
        this.#impatience = undefined
        this.#standInLine(true)
      },
      ANSWER_MS * (1 + Math.random()),
    )
  }

  #hear(message: HostMessage | GuestMessage): void {
    if ('from' in message || (message.to ?? this.#id) !== this.#id) return
    switch (message.type) {
      case 'call':
        this.#ask()
        break
      case 'need-token':
        void this.#giveToken(message.n)
        break
      case 'take-over':
        this.#standInLine(true)
        break
      case 'alone':
        this.#goAlone()
        break
      default:
        if (message.host === this.#host) this.#watchdog.heard()
        if (this.#inbox.length < INBOX) this.#inbox.push(message)
        else this.#isBehind = true
        this.#readOn()
    }
  }

  /** Takes what has come, unless a reader holds it up. */
  #readOn(): void {
    while (!this.#isHeld && this.#inbox.length > 0) {
      const held = this.#take(this.#inbox.shift()!)
      if (!held) continue
      this.#isHeld = true
      held.then(() => {
        this.#isHeld = false
        this.#readOn()
      })
    }
    if (this.#isHeld || !this.#isBehind) return
    this.#isBehind = false
    this.#host = undefined
    this.#ask()
  }

  #take(message: HostMessage): ReturnType<SourceListener['event']> {
    const { type, host } = message
    if (type === 'welcome') {
      if (message.n === this.#asked) this.#settle(message)
    } else if (type === 'followed') {
      const following = this.#following
      if (message.n === following?.n) following.end(message.error && errorOf(message.error))
    } else if (host === this.#host) {
      if (type === 'event') return this.#takeEvent(message)
      if (type === 'gap') this.#takeGap(message)
      else if (type === 'cursor') this.#move(message.cursor)
      else if (type === 'status') this.#takeStatus(message)
      else if (type === 'bye') {
        this.#host = undefined
        this.#ask()
      }
    }
    return undefined
  }

  #settle({ host, n, missed, status, cursor }: Extract<HostMessage, { type: 'welcome' }>): void {
    if (this.#askedFrom === undefined && this.#cursor !== undefined) {
      // Meanwhile it began with the host before: this one must know where.
      this.#ask()
      return
    }
    this.#host = host
    // The host before may still answer, too: it does not know what was missed of it meanwhile.
    this.#asked = 0
    clearTimeout(this.#impatience)
    this.#impatience = undefined
    this.#inbox.unshift(...missed.map((sent) => ({ type: 'event', host, ...sent }) as const), {
      type: 'status',
      host,
      status,
      cursor,
    })
    const following = this.#following
    if (following && following.n < n) following.end()
  }

  #takeEvent({ event, of }: SentEvent): ReturnType<SourceListener['event']> {
    const { id } = event
    // It begins where the others are, once they are up to date.
    if (this.#cursor === undefined && this.#status.state !== 'live') return undefined
    if (id !== undefined && this.#hasPassed(id)) return undefined
    this.#cursor = id ?? this.#cursor
    const channel = of ? of.find((name) => this.#channels.includes(name)) : event.channel
    if (!of || channel !== undefined) return this.#listener.event({ ...event, channel })
    if (id !== undefined) this.#listener.cursor(id)
    return undefined
  }

  #takeGap({ gap, of }: Extract<HostMessage, { type: 'gap' }>): void {
    if (of && !of.some((name) => this.#channels.includes(name))) return
    // All ids begin anew.
    if (gap.reason === 'bad-cursor') this.#cursor = gap.from
    // It came before the cursor of another tab. Other losses may be found late.
    else if (gap.reason !== 'rollback' && gap.reason !== 'ephemeral' && this.#hasPassed(gap.to)) return
    this.#listener.gap(gap)
  }

  #takeStatus({ status, cursor }: Extract<HostMessage, { type: 'status' }>): void {
    const error = status.error && errorOf(status.error)
    if (status.state === 'closed') {
      this.close(error)
      return
    }
    const said = JSON.stringify(status)
    if (said !== this.#said) this.#become({ ...status, error })
    this.#said = said
    if (this.#cursor === undefined && cursor !== undefined) this.#move(cursor)
  }

  #move(cursor: string): void {
    if (this.#cursor === undefined ? this.#status.state !== 'live' : this.#hasPassed(cursor)) return
    this.#cursor = cursor
    this.#listener.cursor(cursor)
  }

  #hasPassed(id: string): boolean {
    return Number(id) <= Number(this.#cursor)
  }

  async #giveToken(n: number): Promise<void> {
    try {
      this.#post({ type: 'token', n, token: await this.#options.getToken?.(), error: '' })
    } catch (error) {
      this.#post({ type: 'token', n, token: undefined, error: String(error) })
      // Nobody is logged in here; the others may be.
      if (error instanceof Unauthorized)
        this.close(new StreamError('unauthorized', error.message, { cause: error }))
    }
  }

  #goAlone(): void {
    const following = this.#following
    const channels = this.#channels
    this.#leave()
    this.#own = new FetchSource(
      this.#shared.url,
      { ...this.#options, channels: following?.before ?? channels, lastEventId: this.#cursor },
      this.#listener,
    )
    if (following) this.#own.follow(channels).then(() => following.end(), following.end)
  }

  #become(status: StreamStatus): void {
    this.#status = Object.freeze(status)
    this.#listener.status(this.#status)
  }

  #post(message: Sent<GuestMessage>): void {
    if (!this.#stay.signal.aborted) this.#channel?.postMessage({ ...message, from: this.#id })
  }
}

function errorOf({ code, message, status, body }: SentError): StreamError {
  return new StreamError(code, message, {
    ...(status === undefined ? {} : { status }),
    ...(body === undefined ? {} : { body }),
  })
}
