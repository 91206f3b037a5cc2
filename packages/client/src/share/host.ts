import { complain } from '../complain.ts'
import { StreamError } from '../errors.ts'
import { FetchSource } from '../fetch-source.ts'
import { CONNECTING, type Source, type SourceListener, type StreamStatus } from '../source.ts'
import { type GuestMessage, guestLock, type HostMessage, type SentError, type Shared } from './message.ts'
import { Recent } from './recent.ts'
import type { TabChannel, Tabs } from './tabs.ts'

/** How long a new host waits for its guests to say where they stand, in milliseconds. */
const ROLL_CALL_MS = 50

/** How long channels are followed on when nobody wants them: a page that is loaded again soon does. */
const LINGER_MS = 5000

/** How long a guest may take to get a token, in milliseconds, before another one is asked. */
const TOKEN_MS = 10_000

type Sent<Message> = Message extends unknown ? Omit<Message, 'host'> : never
type Ask = Extract<GuestMessage, { type: 'ask' }>
type Follow = Extract<GuestMessage, { type: 'follow' }>
type Token = Pick<Extract<GuestMessage, { type: 'token' }>, 'token' | 'error'>

/**
 * Holds the connection that all guests share: with the channels of all of them, and from where the last of them stands.
 * It tells everybody everything; a guest takes what is for it, and what it has not heard yet. Which of all tabs and
 * workers is the host is said by a lock, which whoever makes a host holds.
 */
export class Host {
  readonly #id = crypto.randomUUID()
  readonly #shared: Shared
  readonly #tabs: Tabs
  readonly #channel: TabChannel
  readonly #closed = new AbortController()
  readonly #guests = new Map<string, Pick<Ask, 'cursor' | 'channels'>>()
  readonly #tokens = new Map<number, (answer: Token) => void>()
  readonly #recent = new Recent()
  /** Channels of the address: what comes from them is for everybody. */
  readonly #ofAddress: readonly string[]
  /** Guests are served one after the other. */
  #tail: Promise<unknown>
  #source: Source | undefined
  #followed: readonly string[] = []
  /** Everything up to here was told. */
  #cursor: string | undefined
  #status = CONNECTING
  /** A connection was replaced for a guest that missed something: the others need not know. */
  #isQuiet = false
  #hasGivenUp = false
  #count = 0
  #linger: ReturnType<typeof setTimeout> | undefined

  constructor(shared: Shared, tabs: Tabs) {
    this.#shared = shared
    this.#tabs = tabs
    this.#ofAddress = channelsOf(shared.url)
    this.#channel = tabs.channel(shared.name)
    this.#channel.onmessage = ({ data }) => this.#hear(data)
    this.#tail = new Promise((resolve) => setTimeout(resolve, ROLL_CALL_MS))
    this.call()
  }

  /** Asks who is there. */
  call(): void {
    this.#post({ type: 'call' })
  }

  close(): void {
    clearTimeout(this.#linger)
    this.#hangUp()
    this.#post({ type: 'bye' })
    this.#closed.abort()
    this.#channel.close()
  }

  #hear(message: GuestMessage | HostMessage): void {
    if (!('from' in message)) return
    switch (message.type) {
      case 'ask':
        this.#register(message)
        this.#next(() => this.#join(message))
        break
      case 'follow':
        this.#next(() => this.#change(message))
        break
      case 'token':
        this.#tokens.get(message.n)?.(message)
        break
      case 'leave':
        this.#drop(message.from)
    }
  }

  #next(task: () => Promise<void>): void {
    this.#tail = this.#tail.then(task).catch(complain)
  }

  #register({ from, isVisible, ...guest }: Ask): void {
    const isNew = !this.#guests.has(from)
    this.#guests.set(from, guest)
    if (guest.wake) this.#source?.wake()
    if (isVisible && this.#tabs.isHidden() && !this.#hasGivenUp) {
      this.#hasGivenUp = true
      this.#post({ type: 'take-over', to: from })
    }
    if (!isNew) return
    const { signal } = this.#closed
    this.#tabs.locks
      .request(guestLock(this.#shared.name, from), { signal }, () => this.#drop(from))
      .catch((error) => signal.aborted || complain(error))
  }

  async #join({ from: to, n, host, cursor, channels }: Ask): Promise<void> {
    if (!this.#guests.has(to)) return
    let missed: ReturnType<Recent['after']> = []
    let isBehind = false
    if (!this.#source) {
      this.#followed = this.#wanted()
      this.#open(this.#lowest())
    } else if (host !== this.#id) {
      const isMore = this.#lacks(channels)
      try {
        if (isMore) await this.#follow([...this.#followed, ...channels])
      } catch {
        this.#guests.delete(to)
        this.#post({ type: 'alone', to }) // where it will hear why
        return
      }
      if (cursor !== undefined) {
        missed = isMore ? undefined : this.#recent.after(cursor)
        isBehind = !missed
        if (!missed) this.#open(lower(cursor, this.#cursor))
      }
    }
    const status =
      isBehind && this.#isQuiet ? { ...this.#status, state: 'catching-up' as const } : this.#status
    this.#post({ type: 'welcome', to, n, status: sent(status), cursor: this.#cursor, missed: missed ?? [] })
  }

  async #change({ from: to, n, channels }: Follow): Promise<void> {
    const guest = this.#guests.get(to)
    // Before it is welcome it is not known what it has missed.
    if (!guest || !this.#source) return
    this.#guests.set(to, { ...guest, channels })
    let error: SentError | undefined
    try {
      if (this.#lacks(channels)) await this.#follow([...this.#followed, ...channels])
      this.#tidy()
    } catch (cause) {
      this.#guests.set(to, guest)
      error = errorOf(cause)
    }
    this.#post({ type: 'followed', to, n, error })
  }

  #drop(guest: string): void {
    if (!this.#guests.delete(guest)) return
    if (this.#guests.size > 0) this.#tidy()
    else this.#hangUp()
  }

  /** Follows what nobody wants no more, after a while. */
  #tidy(): void {
    clearTimeout(this.#linger)
    this.#linger = setTimeout(() => {
      const wanted = this.#wanted()
      if (wanted.length < this.#followed.length) this.#next(() => this.#follow(wanted))
    }, LINGER_MS)
  }

  async #follow(channels: readonly string[]): Promise<void> {
    const before = this.#followed
    // What comes from them meanwhile is for their followers alone.
    this.#followed = [...new Set(channels)]
    try {
      await this.#source?.follow(this.#followed)
    } catch (error) {
      this.#followed = before
      throw error
    }
    // Of what was added, nobody knows from where on it is there, before the server has said so.
    if (this.#followed.some((channel) => !before.includes(channel))) this.#recent.start()
  }

  #lacks(channels: readonly string[]): boolean {
    return channels.some((channel) => !this.#followed.includes(channel))
  }

  #wanted(): readonly string[] {
    return [...new Set([...this.#guests.values()].flatMap(({ channels }) => channels))]
  }

  #lowest(): string | undefined {
    return [...this.#guests.values()].reduce<string | undefined>(
      (lowest, { cursor }) => (cursor === undefined ? lowest : lower(cursor, lowest)),
      undefined,
    )
  }

  /** Begins a connection where a guest stands; the others pass over what they have heard. */
  #open(cursor: string | undefined): void {
    if (this.#closed.signal.aborted) return
    this.#isQuiet = this.#source !== undefined && this.#status.state === 'live'
    this.#hangUp()
    if (!this.#isQuiet) this.#status = CONNECTING
    this.#cursor = cursor
    this.#recent.start(cursor)
    const { url, options, hasTokens } = this.#shared
    const listener = this.#listener(() => this.#source === source)
    const source: Source = new FetchSource(
      url,
      {
        ...options,
        channels: this.#followed,
        lastEventId: cursor,
        getToken: hasTokens ? () => this.#token() : undefined,
      },
      listener,
    )
    this.#source = source
  }

  #hangUp(): void {
    const source = this.#source
    this.#source = undefined
    source?.close()
  }

  #listener(isOpen: () => boolean): SourceListener {
    return {
      event: (event) => {
        if (!isOpen()) return undefined
        const sentEvent = { event, of: this.#only(event.channel, event.also?.split(',')) }
        if (event.id !== undefined) this.#cursor = event.id
        this.#recent.add(sentEvent)
        this.#post({ type: 'event', ...sentEvent })
        return undefined
      },
      gap: (gap) => {
        if (!isOpen()) return
        // Who comes later is to be told by the server.
        this.#recent.start()
        this.#post({ type: 'gap', gap, of: this.#only(gap.channel) })
      },
      cursor: (cursor) => {
        if (!isOpen()) return
        this.#cursor = cursor
        this.#recent.moved(cursor)
        this.#post({ type: 'cursor', cursor })
      },
      status: (status) => {
        if (isOpen()) this.#tell(status)
      },
    }
  }

  #tell(status: StreamStatus): void {
    const { state, failures, error } = status
    if (state === 'closed') {
      this.#source = undefined
      this.#status = CONNECTING
      const isForAll = !(error instanceof StreamError) || error.code === 'ended' || this.#guests.size < 2
      if (!isForAll) {
        this.#post({ type: 'alone' })
        return
      }
    } else {
      if (this.#isQuiet && failures === 0 && state !== 'live') return
      this.#isQuiet = false
      this.#status = status
    }
    this.#post({ type: 'status', status: sent(status), cursor: this.#cursor })
  }

  /** Whom something of these channels is for; undefined for everybody. */
  #only(
    ...[channel, also = []]: [channel?: string, also?: readonly string[]]
  ): readonly string[] | undefined {
    const channels = [channel ?? '', ...also]
    const isAsked = (name: string): boolean =>
      this.#followed.includes(name) && !this.#ofAddress.includes(name)
    return channels.every(isAsked) ? channels : undefined
  }

  /** Asks one guest after the other: one may have been logged out. */
  async #token(): Promise<string> {
    let why = 'No tab has one.'
    for (const to of [...this.#guests.keys()]) {
      const n = ++this.#count
      let timer: ReturnType<typeof setTimeout> | undefined
      const { token, error } = await new Promise<Token>((resolve) => {
        this.#tokens.set(n, resolve)
        timer = setTimeout(() => resolve({ token: undefined, error: 'No tab answered.' }), TOKEN_MS)
        this.#post({ type: 'need-token', to, n })
      })
      clearTimeout(timer)
      this.#tokens.delete(n)
      if (token !== undefined) return token
      why = error
    }
    throw new Error(why)
  }

  #post(message: Sent<HostMessage>): void {
    if (!this.#closed.signal.aborted) this.#channel.postMessage({ ...message, host: this.#id })
  }
}

/** The one that was reached first. */
function lower(cursor: string, other: string | undefined): string {
  return other === undefined || Number(cursor) < Number(other) ? cursor : other
}

function sent(status: StreamStatus): Extract<HostMessage, { type: 'status' }>['status'] {
  return { ...status, error: status.error && errorOf(status.error) }
}

function errorOf(error: unknown): SentError {
  const { code, status, body } = error instanceof StreamError ? error : new StreamError('network', '')
  return { code, message: error instanceof Error ? error.message : String(error), status, body }
}

/** The topics that stand in an address of the native routes. */
function channelsOf(address: string): string[] {
  const { pathname, searchParams } = new URL(address)
  const [, topic] = /\/events\/([^/]+)$/.exec(pathname) ?? []
  return [...searchParams.getAll('channel'), ...(topic === undefined ? [] : [decodeURIComponent(topic)])]
}
