import { complain } from '../complain.ts'
import type { StreamError } from '../errors.ts'
import { FetchSource } from '../fetch-source.ts'
import {
  CONNECTING,
  type Source,
  type SourceEvent,
  type SourceListener,
  type StreamGap,
  type StreamStatus,
} from '../source.ts'
import type { Ask, GuestMessage, HostMessage, SentError, Shared, TokenAnswer } from './message.ts'
import { Recent } from './recent.ts'
import type { TabChannel, Tabs } from './tabs.ts'

/** How long a new host waits for its guests to say where they stand, in milliseconds. */
const ROLL_CALL_MS = 50

/** How long channels are followed on when nobody wants them: a page that is loaded again soon does. */
const LINGER_MS = 5000

/** How long a guest may take to get a token, in milliseconds, before another one is asked. */
const TOKEN_MS = 10_000

type Answer = Omit<TokenAnswer, 'from'>

const NO_ANSWER: Answer = { token: undefined, error: 'No tab answered.' }

/**
 * Holds the connection that all guests share: with the channels of all of them, and from where the last of them stands.
 * It tells everybody everything; a guest takes what is for it, and what it has not heard yet. Which of all tabs and
 * workers is the host is said by a lock, which whoever makes a host holds.
 */
export class Host implements SourceListener {
  readonly #id = crypto.randomUUID()
  readonly #shared: Shared
  readonly #tabs: Tabs
  readonly #signal: AbortSignal
  readonly #channel: TabChannel
  readonly #guests = new Map<string, Ask>()
  /** Who was asked for a token. */
  readonly #tokens = new Map<string, (answer: Answer) => void>()
  readonly #recent = new Recent()
  /** Channels of the address: what comes from them is for everybody. */
  readonly #ofAddress: readonly string[]
  /** Guests are served one after the other. */
  #tail: Promise<unknown> = new Promise((resolve) => setTimeout(resolve, ROLL_CALL_MS))
  #source: Source | undefined
  #followed: readonly string[] = []
  /** Channels that were ever asked for: of one that is not followed any more, something may be on its way. */
  readonly #known = new Set<string>()
  /** Everything up to here was told. */
  #cursor: string | undefined
  #status = CONNECTING
  /** The connection was begun anew, and has not come to what is live. */
  #isLate = false
  #linger: ReturnType<typeof setTimeout> | undefined
  #patience: ReturnType<typeof setTimeout> | undefined

  /** @param signal ends it */
  constructor(shared: Shared, tabs: Tabs, signal: AbortSignal) {
    this.#shared = shared
    this.#tabs = tabs
    this.#signal = signal
    this.#ofAddress = channelsOf(shared.url)
    this.#channel = new tabs.BroadcastChannel(shared.name)
    this.#channel.onmessage = ({ data }) => this.#hear(data)
    tabs.document?.addEventListener('visibilitychange', () => this.#call(), { signal })
    signal.addEventListener('abort', () => {
      clearTimeout(this.#linger)
      clearTimeout(this.#patience)
      this.#hangUp()
      // Should another one have taken over, some may listen to this one still.
      this.#channel.postMessage({ host: this.#id, isCall: true })
      this.#channel.close()
    })
    this.#call()
  }

  event(event: SourceEvent): undefined {
    const sent = { event, of: this.#only(event.channel, event.also) }
    this.#cursor = event.id ?? this.#cursor
    this.#recent.add(sent)
    this.#post({ events: [sent] })
  }

  gap(gap: StreamGap): void {
    // Who comes later is to be told by the server.
    this.#recent.start()
    this.#post({ gap, of: this.#only(gap.channel) })
  }

  cursor(id: string): void {
    this.#cursor = id
    this.#recent.moved(id)
    this.#post({ cursor: id })
  }

  status(status: StreamStatus): void {
    const { state, error } = status
    // This host has closed it.
    if (!this.#source) return
    if (state === 'closed') this.#source = undefined
    if (state === 'live') this.#isLate = false
    const isNews = error || state === 'live' || state === 'waiting' || this.#status.state !== 'live'
    // Without, it has been replaced for a guest that missed something: the others need not know.
    if (!isNews) return
    this.#status = status
    this.#post(this.#stand())
  }

  #call(): void {
    this.#post({ isCall: true })
  }

  #hear(message: GuestMessage | HostMessage): void {
    if ('token' in message) this.#tokens.get(message.from)?.(message)
    if (!('channels' in message)) return
    const { from, wake, channels } = message
    const signal = this.#signal
    if (!this.#guests.has(from)) {
      this.#tabs.navigator.locks
        .request(from, { signal }, () => this.#drop(from))
        .catch((error) => signal.aborted || complain(error))
    }
    this.#guests.set(from, message)
    for (const channel of channels) this.#known.add(channel)
    if (wake) this.#source?.wake()
    this.#next(() => this.#serve(message))
  }

  #next(task: () => Promise<unknown>): void {
    this.#tail = this.#tail.then(task).catch(complain)
  }

  async #serve({ from: to, n, host, cursor, channels }: Ask): Promise<void> {
    if (!this.#guests.has(to)) return
    let missed: ReturnType<Recent['after']> = []
    let error: SentError | undefined
    try {
      if (!this.#source) {
        this.#followed = this.#wanted()
        this.#open([...this.#guests.values()].map(({ cursor }) => cursor))
      } else {
        await this.#follow([...this.#followed, ...channels])
        if (host !== this.#id && cursor !== undefined) {
          missed = this.#recent.after(cursor)
          if (!missed) this.#open([cursor, this.#cursor])
        }
      }
      this.#tidy()
    } catch (cause) {
      error = sent(cause as Error)
    }
    this.#post({
      to,
      n,
      isHidden: this.#tabs.document?.hidden,
      error,
      events: missed ?? [],
      ...this.#stand(),
    })
  }

  #drop(guest: string): void {
    this.#guests.delete(guest)
    this.#tokens.get(guest)?.(NO_ANSWER)
    if (this.#guests.size > 0) this.#tidy()
    else this.#hangUp()
  }

  /** Follows what nobody wants no more, after a while. */
  #tidy(): void {
    clearTimeout(this.#linger)
    this.#linger = setTimeout(() => {
      const isWanted = (channel: string): boolean => this.#wanted().includes(channel)
      this.#next(() => this.#follow(this.#followed.filter(isWanted)))
    }, LINGER_MS)
  }

  /** @param channels more than now, or less */
  async #follow(channels: readonly string[]): Promise<void> {
    const before = this.#followed
    const after = [...new Set(channels)]
    if (after.length === before.length) return
    // What comes from them meanwhile is for their followers alone.
    this.#followed = after
    try {
      await this.#source?.follow(after)
    } catch (error) {
      this.#followed = before
      throw error
    }
    // Of what was added, nobody knows from where on it is there, before the server has said so.
    if (after.length > before.length) this.#recent.start()
  }

  #wanted(): readonly string[] {
    return [...new Set([...this.#guests.values()].flatMap(({ channels }) => channels))]
  }

  /** Begins a connection at the lowest of some cursors; guests pass over what they have heard. */
  #open(cursors: readonly (string | undefined)[]): void {
    if (this.#signal.aborted) return
    if (!this.#source || this.#status.state !== 'live') this.#status = CONNECTING
    this.#hangUp()
    const [lowest] = cursors.filter((cursor) => cursor).sort((a, b) => Number(a) - Number(b))
    this.#cursor = lowest
    this.#isLate = true
    this.#recent.start(lowest)
    const { url, options, hasTokens } = this.#shared
    const channels = this.#followed
    const getToken = hasTokens ? () => this.#token() : undefined
    this.#source = new FetchSource(url, { ...options, channels, lastEventId: lowest, getToken }, this)
  }

  #hangUp(): void {
    const source = this.#source
    this.#source = undefined
    source?.close()
  }

  /** Whom something of these channels is for; undefined for everybody. */
  #only(...names: readonly (string | undefined)[]): readonly string[] | undefined {
    const channels = names
      .filter((name) => name)
      .join()
      .split(',')
    const isAsked = (name: string): boolean => this.#known.has(name) && !this.#ofAddress.includes(name)
    return channels.every(isAsked) ? channels : undefined
  }

  /** Asks one guest after the other: one may have been logged out. */
  async #token(): Promise<string> {
    let why = 'No tab has one.'
    for (const to of [...this.#guests.keys()]) {
      const { token, error } = await new Promise<Answer>((resolve) => {
        this.#tokens.set(to, resolve)
        this.#patience = setTimeout(resolve, TOKEN_MS, NO_ANSWER)
        this.#post({ to, needsToken: true })
      })
      clearTimeout(this.#patience)
      if (token !== undefined) return token
      why = error
    }
    throw new Error(why)
  }

  /** Where it stands. */
  #stand(): Pick<HostMessage, 'status' | 'cursor'> {
    const { state, error } = this.#status
    return {
      status: {
        ...this.#status,
        state: this.#isLate && state === 'live' ? 'catching-up' : state,
        error: error && sent(error),
      },
      cursor: this.#cursor,
    }
  }

  #post(message: Omit<HostMessage, 'host'>): void {
    if (!this.#signal.aborted) this.#channel.postMessage({ ...message, host: this.#id })
  }
}

/** An error that is sent as it is loses its code. */
function sent(error: Error): SentError {
  const { code = 'network', status, body } = error as Partial<StreamError>
  return { code, message: error.message, status, body }
}

/** The topics that stand in an address of the native routes. */
function channelsOf(address: string): string[] {
  const { pathname, searchParams } = new URL(address)
  const [, topic] = /\/events\/([^/]+)$/.exec(pathname) ?? []
  return [...searchParams.getAll('channel'), ...(topic === undefined ? [] : [decodeURIComponent(topic)])]
}
