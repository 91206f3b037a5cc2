import { complain } from '../complain.ts'
import { StreamError, Unauthorized } from '../errors.ts'
import type { FetchOptions } from '../fetch-options.ts'
import { FetchSource, unauthorized } from '../fetch-source.ts'
import { CONNECTING, type Source, type SourceListener, type StreamGap, type StreamStatus } from '../source.ts'
import { Watchdog } from '../watchdog.ts'
import type {
  Ask,
  GuestMessage,
  HostMessage,
  SentError,
  SentEvent,
  SentStatus,
  Shared,
  TokenAnswer,
} from './message.ts'
import type { TabChannel, Tabs } from './tabs.ts'

/** A host that was not heard of for so long is asked whether it is there, in milliseconds. */
const QUIET_MS = 15_000

/** So long, and up to twice as long, it may take to answer; then another one takes its place. */
const ANSWER_MS = 2500

/** So much may wait for a slow reader; what comes then is asked for again. */
const INBOX = 1000

/**
 * The source of one tab. It hears the host of all tabs, takes what is for it, each event once, and waits in line to be
 * the host: when the host dies, the lock passes to one of its guests, and that one asks all others where they stand.
 */
export class Guest implements Source {
  /** Its name, and that of a lock which it has as long as it is there. */
  readonly #id: string
  readonly #shared: Shared
  readonly #options: FetchOptions
  readonly #listener: SourceListener
  readonly #tabs: Tabs
  readonly #prepare: () => Promise<unknown>
  readonly #watchdog = new Watchdog(() => (this.#asked ? this.#lead({ steal: true }) : this.#ask()))
  #channel: TabChannel | undefined
  /** Aborted when this tab leaves the others, to come back perhaps. */
  #stay = new AbortController()
  /** The host that this guest listens to: it knows the channels of this guest, so that nothing is missed. */
  #host: string | undefined
  #channels: readonly string[]
  /** Everything up to here was told. */
  #cursor: string | undefined
  #status = CONNECTING
  #said = ''
  #count = 0
  /** The question that waits for an answer; 0 is none. */
  #asked = 0
  /** What was said and waits, should a reader hold the stream up. */
  readonly #inbox: (() => unknown)[] = []
  #isReading = false
  /**
   * The last question before something was skipped; 0 while nothing is missing. Whatever comes is skipped until a later
   * question, for which nothing waits any more, is answered with all that is missing.
   */
  #behind = 0
  /** Channels of what was skipped and has no history, so that it will be missing. */
  readonly #skipped = new Set<string>()
  /** Ends a change of channels. */
  #changed: ((error?: Error) => void) | undefined
  /** A connection of its own, when it does not share any more. */
  #own: Source | undefined

  /** @param prepare resolves when this tab is to stand in line: after a worker, if there is one */
  constructor(
    shared: Shared,
    options: FetchOptions,
    listener: SourceListener,
    tabs: Tabs,
    prepare: () => Promise<unknown>,
  ) {
    this.#id = `${shared.name} ${crypto.randomUUID()}`
    this.#shared = shared
    this.#options = options
    this.#listener = listener
    this.#tabs = tabs
    this.#prepare = prepare
    this.#channels = options.channels ?? []
    this.#cursor = options.lastEventId || undefined
    void this.#enter()
  }

  follow(channels: readonly string[]): Promise<void> {
    if (this.#own) return this.#own.follow(channels)
    const before = this.#channels
    // What comes from them is wanted from now on.
    this.#channels = channels
    return new Promise((resolve, reject) => {
      this.#changed = (error) => {
        this.#changed = undefined
        if (!error) return resolve()
        this.#channels = before
        reject(error)
      }
      this.#ask()
    })
  }

  wake(): void {
    if (this.#own) this.#own.wake()
    else if (!this.#stay.signal.aborted) this.#ask(true)
    else if (this.#status.state !== 'closed') void this.#enter()
  }

  rest(): void {
    if (this.#own) this.#own.rest()
    else this.#end({ state: 'waiting' })
  }

  close(error?: Error): void {
    if (this.#own) this.#own.close(error)
    else this.#end({ state: 'closed', error })
  }

  #end(change: Partial<StreamStatus>): void {
    if (this.#status.state === 'closed') return
    this.#leave()
    this.#become({ ...CONNECTING, ...change })
  }

  async #enter(): Promise<void> {
    this.#stay = new AbortController()
    const { signal } = this.#stay
    this.#said = ''
    this.#channel = new this.#tabs.BroadcastChannel(this.#shared.name)
    this.#channel.onmessage = ({ data }) => this.#hear(data)
    // Whoever gets this lock after it knows that this tab is gone.
    void this.#hold(this.#id, {}, signal, () => this.#ask())
    try {
      await this.#prepare()
      while (!signal.aborted) await this.#lead({ signal })
    } catch (error) {
      this.#fail(error, signal)
    }
  }

  /** Leaves the other tabs. Should it be their host, the next in line is. */
  #leave(): void {
    this.#watchdog.watch()
    this.#stay.abort()
    this.#channel?.close()
    this.#host = undefined
    this.#asked = this.#inbox.length = 0
    this.#changed?.()
  }

  /** Is the host when its turn has come; at once with `steal`: there is none, or one that cannot go on. */
  async #lead(options: LockOptions): Promise<void> {
    const term = new AbortController()
    const { signal } = term
    this.#stay.signal.addEventListener('abort', () => term.abort(), { signal })
    await this.#hold(this.#shared.name, options, signal, async () => {
      const { Host } = await import('./host.ts')
      if (!signal.aborted) new Host(this.#shared, this.#tabs, signal)
    })
    term.abort()
  }

  /** Has a lock until the signal, or until another one takes it. */
  async #hold(name: string, options: LockOptions, signal: AbortSignal, task: () => unknown): Promise<void> {
    const over = new Promise((resolve) => signal.addEventListener('abort', resolve))
    try {
      await this.#tabs.navigator.locks.request(name, options, async () => {
        // It may come after that.
        if (signal.aborted) return
        await task()
        await over
      })
    } catch (error) {
      // Another one took it otherwise.
      if ((error as Error).name !== 'AbortError') this.#fail(error, signal)
    }
  }

  /** This tab cannot share: the host's part could not be loaded, or a policy forbids locks. */
  #fail(error: unknown, { aborted }: AbortSignal): void {
    if (aborted) return
    complain(error)
    this.#goAlone()
  }

  /** Says where it stands. Whoever is the host answers with what is missing. */
  #ask(wake = false): void {
    if (this.#stay.signal.aborted) return
    // The host before must not tell it where to begin: the next one would not know.
    if (this.#isEarly) this.#host = undefined
    this.#asked = ++this.#count
    this.#watchdog.watch(ANSWER_MS * (1 + Math.random()))
    this.#post({
      n: this.#asked,
      host: this.#behind ? undefined : this.#host,
      cursor: this.#cursor,
      channels: this.#channels,
      wake,
    })
  }

  #hear(message: HostMessage | GuestMessage): void {
    if ('from' in message || (message.to ?? this.#id) !== this.#id) return
    if (message.isCall) this.#ask()
    else if (message.needsToken) void this.#giveToken()
    else if (message.n ? this.#isAnswered(message) : message.host === this.#host) {
      if (!this.#asked) this.#watchdog.heard()
      if (this.#inbox.length > INBOX) this.#behind ||= this.#count
      if (this.#behind) this.#skip(message)
      else this.#keep(message)
    }
  }

  #keep({ events = [], gap, of, status, cursor }: HostMessage): void {
    for (const sent of events) this.#inbox.push(() => this.#takeEvent(sent))
    if (gap || status || cursor) {
      this.#inbox.push(() => {
        if (gap) this.#takeGap(gap, of)
        if (status) this.#takeStatus(status)
        if (cursor) this.#move(cursor)
      })
    }
    void this.#read()
  }

  #skip({ events = [], gap, of }: HostMessage): void {
    for (const { event, of } of events) {
      if (event.id === undefined && this.#isFor(of)) this.#skipped.add(event.channel ?? '')
    }
    if (gap?.reason === 'ephemeral' && this.#isFor(of)) this.#skipped.add(gap.channel)
  }

  /** Says what will be missing, now that the rest comes. */
  #catchUp(): void {
    this.#behind = 0
    for (const channel of this.#skipped) {
      const from = this.#cursor ?? ''
      this.#listener.gap({ channel, from, to: from, reason: 'ephemeral' })
    }
    this.#skipped.clear()
  }

  /** True when this is what it asked for: it listens to this host now. */
  #isAnswered({ host, n, isHidden, error }: HostMessage): boolean {
    if (n !== this.#asked) return false
    this.#asked = 0
    this.#watchdog.watch(QUIET_MS)
    if (error) {
      this.#refused(errorOf(error))
      return false
    }
    this.#changed?.()
    this.#host = host
    if (n > this.#behind && this.#inbox.length === 0) this.#catchUp()
    if (isHidden && !this.#tabs.document?.hidden) void this.#lead({ steal: true })
    return true
  }

  /** Takes what has come, unless a reader holds it up. */
  async #read(): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    while (this.#inbox.length > 0) {
      const held = this.#inbox.shift()!()
      if (held) await held
    }
    this.#isReading = false
    if (this.#behind) this.#ask()
  }

  #takeEvent({ event, of }: SentEvent): ReturnType<SourceListener['event']> {
    const { id } = event
    if (this.#isEarly || this.#hasPassed(id)) return undefined
    this.#cursor = id ?? this.#cursor
    const channel = of ? of.find((name) => this.#channels.includes(name)) : event.channel
    if (this.#isFor(of)) return this.#listener.event({ ...event, channel })
    if (id) this.#listener.cursor(id)
    return undefined
  }

  #takeGap(gap: StreamGap, of: readonly string[] | undefined): void {
    if (!this.#isFor(of)) return
    // All ids begin anew.
    if (gap.reason === 'bad-cursor') this.#cursor = gap.from
    // It came before the cursor of another tab. Other losses may be found late.
    else if (gap.reason !== 'rollback' && gap.reason !== 'ephemeral' && this.#hasPassed(gap.to)) return
    this.#listener.gap(gap)
  }

  #takeStatus(status: SentStatus): void {
    const error = status.error && errorOf(status.error)
    if (status.state === 'closed') {
      // What the server refuses to all together it may not refuse to each.
      if (error?.code === 'ended') this.close(error)
      else this.#goAlone()
      return
    }
    const said = JSON.stringify(status)
    if (said !== this.#said) this.#become({ ...status, error })
    this.#said = said
  }

  #move(cursor: string): void {
    if (this.#isEarly || this.#hasPassed(cursor)) return
    this.#cursor = cursor
    this.#listener.cursor(cursor)
  }

  #isFor(of: readonly string[] | undefined): boolean {
    return !of || of.some((name) => this.#channels.includes(name))
  }

  /** It begins where the others are, once they are up to date. */
  get #isEarly(): boolean {
    return this.#cursor === undefined && this.#status.state !== 'live'
  }

  #hasPassed(id: string | undefined): boolean {
    return Number(id) <= Number(this.#cursor)
  }

  async #giveToken(): Promise<void> {
    try {
      this.#post({ token: await this.#options.getToken?.(), error: '' })
    } catch (error) {
      this.#post({ token: undefined, error: String(error) })
      // Nobody is logged in here; the others may be.
      if (error instanceof Unauthorized) this.close(unauthorized(error))
    }
  }

  #refused(error: StreamError): void {
    if (this.#changed) {
      this.#changed(error)
      this.#ask()
    } else this.#goAlone() // where it will hear why
  }

  #goAlone(): void {
    this.#leave()
    const { url } = this.#shared
    const more = { channels: this.#channels, lastEventId: this.#cursor }
    this.#own = new FetchSource(url, { ...this.#options, ...more }, this.#listener)
  }

  #become(status: StreamStatus): void {
    this.#status = Object.freeze(status)
    this.#listener.status(this.#status)
  }

  #post(message: Omit<Ask, 'from'> | Omit<TokenAnswer, 'from'>): void {
    if (!this.#stay.signal.aborted) this.#channel?.postMessage({ ...message, from: this.#id })
  }
}

function errorOf(error: SentError): StreamError {
  return new StreamError(error.code, error.message, error)
}
