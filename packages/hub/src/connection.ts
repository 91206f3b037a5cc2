import {
  ALL_CHANNEL,
  type Bye,
  type ChannelName,
  type Checkpoint,
  CLOSE_REASONS,
  type CloseReason,
  type Expiring,
  type GapNotice,
  type Hello,
  type Position,
  type ProblemError,
  toProblem,
  type UserId,
  userChannel,
  ZERO,
} from '@fanline/protocol'
import type { Credential } from './authenticator.ts'
import type { CatchUps } from './catch-ups.ts'
import type { Clock } from './clock.ts'
import type { Counters, EndReason } from './counters.ts'
import { AT_HEAD, type Cursor } from './cursor.ts'
import type { Feed } from './feed.ts'
import type { Frames } from './frames.ts'
import type { Happening, Happenings } from './happenings.ts'
import type { Histogram } from './histogram.ts'
import { distinct, type Lane } from './lane.ts'
import type { Entry, Gap, Log, LogPage, LogQuery, StoredEntry } from './log.ts'
import type { HubOptions } from './options.ts'
import type { FlightRecorder } from './recorder.ts'
import type { Registry } from './registry.ts'
import { encodeRun } from './run.ts'
import type { Run, Sink, SinkListener } from './sink.ts'

/** How long before its end a stream says so, in milliseconds: time to fetch a new token. */
const EXPIRING_MS = 60_000

/** `opening` waits for its watches, `catching-up` reads the log, `live` is fed, `behind` waits for its socket. */
export type ConnectionState = 'opening' | 'catching-up' | 'live' | 'behind' | 'closed'

/** What a connection is asked to be. */
export interface ConnectionRequest {
  readonly id: string
  /** Streams are counted as they are opened. */
  readonly number: number
  readonly user: UserId | undefined
  /** Topics, each once. */
  readonly topics: readonly ChannelName[]
  /** Follows everyone's channel. */
  readonly followsAll: boolean
  readonly cursor: Cursor
  /** The connection is closed after an entry for which this is true; it lives on when absent. */
  readonly isLast: ((entry: Entry) => boolean) | undefined
  /** When the stream ends, in milliseconds since 1970; undefined when it does not. */
  readonly expiresAt: number | undefined
  readonly credential: Credential
  readonly address: string | undefined
  /** Called when the stream has opened; what it answers is called when it has ended. */
  readonly hold: (() => () => void) | undefined
}

/** What all connections of a hub share. */
export interface Delivery {
  readonly clock: Clock
  readonly log: Log
  readonly feed: Feed
  readonly registry: Registry<Connection>
  readonly catchUps: CatchUps
  readonly counters: Counters
  /** How long streams lasted, in seconds. */
  readonly durations: Histogram
  readonly happenings: Happenings
  readonly recorder: FlightRecorder
  readonly options: HubOptions
  readonly pageEntries: number
  readonly pageBytes: number
  /** Connections that were closed by the hub and whose last bytes are on their way, with what calls off their cut. */
  readonly ending: Map<Connection, () => void>
  /** The time of the last pulse: precise enough for heartbeats, and free. */
  coarseNow(): number
  /** The reconnection time for the next client, spread so that they do not come back together. */
  retryMs(): number
  /** One of {@link ending} has sent everything, or lost its client. */
  ended(connection: Connection): void
  /** Something failed that no caller waits for. */
  report(problem: ProblemError, about: { connection?: string }): void
}

/**
 * One open response to one client: a cursor that moves along the log.
 *
 * First connect, reconnect and slow reader are one path: read pages after the cursor until the feed takes over, then be
 * live; when the socket is full, queue nothing, remember the cursor, and begin again once it has drained.
 */
export class Connection implements SinkListener {
  readonly id: string
  readonly number: number
  readonly user: UserId | undefined
  readonly address: string | undefined
  credential: Credential
  /** When the stream ends, in milliseconds since 1970; undefined when it does not. */
  expiresAt: number | undefined
  topics: readonly ChannelName[]
  /** All it follows: everyone's channel, its user's, its topics. */
  channels: readonly ChannelName[]
  readonly frames: Frames
  readonly connectedAt: number
  state: ConnectionState = 'opening'
  /** Everything up to here was written, or named in a gap. */
  cursor: Position = ZERO
  /** Where its client came in: what was lost, and known to be, before that it never had, or was told elsewhere. */
  begunAt: Position = ZERO
  /** Where this connection stands in the flush of this turn; only the fan-out uses it. */
  lane: Lane | undefined

  readonly #delivery: Delivery
  readonly #sink: Sink
  /** What it follows without having asked. */
  readonly #own: readonly ChannelName[]
  readonly #isLast: ((entry: Entry) => boolean) | undefined
  readonly #release: (() => void) | undefined
  #saidExpiring = false
  /** Counts reads, and changes of channels: only the page that was asked for last is written, and only once. */
  #turn = 0
  /** Until the log has confirmed that it announces all channels that were added. */
  #watched: Promise<unknown> | undefined
  #start: Cursor
  #lastWriteAt: number
  #isGreeted = false
  /** When this catch-up ends, the client is told. */
  #announceLive = false
  /** Losses behind the cursor that were found late. */
  #passed: Gap[] = []
  /** Losses of what had been announced that were told here: by channel, and up to where. */
  readonly #told = new Set<string>()
  #hasResumed = false
  /** Where the connection stood when it first missed an ephemeral event of a channel. */
  #skipped: Map<ChannelName, Position> | undefined
  #stalledAt = 0
  #stalledProgress = 0

  constructor(delivery: Delivery, sink: Sink, frames: Frames, request: ConnectionRequest) {
    this.#delivery = delivery
    this.#sink = sink
    this.frames = frames
    this.id = request.id
    this.number = request.number
    this.user = request.user
    this.address = request.address
    this.credential = request.credential
    this.topics = request.topics
    this.#own = [
      ...(request.followsAll ? [ALL_CHANNEL] : []),
      ...(request.user === undefined ? [] : [userChannel(request.user)]),
    ]
    this.channels = [...this.#own, ...request.topics]
    this.#start = request.cursor
    this.expiresAt = request.expiresAt
    this.#isLast = request.isLast
    this.#release = request.hold?.()
    this.connectedAt = delivery.clock.now()
    this.#lastWriteAt = this.connectedAt
  }

  /** Starts the response; resolves when the connection is live, or has its place in the queue of catch-ups. Never rejects. */
  async open(): Promise<void> {
    const { registry, log } = this.#delivery
    const turn = this.#turn
    this.#sink.open(this)
    if (this.state !== 'opening') return
    try {
      const watched = registry.join(this)
      if (watched) await watched
      this.cursor = this.#start.after ?? (await log.read(this.#query(null))).through
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.state !== 'opening') return
    this.state = 'catching-up'
    this.begunAt = this.cursor
    this.#hasResumed = this.#start.after !== null
    if (this.#start.after === null) {
      this.#greet(this.cursor)
      // Channels that were added meanwhile may have entries that are neither in front of the cursor nor in the feed.
      if (this.#isCatchingUp() && turn === this.#turn) this.#goLive()
    } else {
      // The hello leaves with the first page, in one system call.
      this.#announceLive = true
      this.#writeDigest(this.#start.digest)
    }
    this.#readOn()
  }

  /**
   * Reads one page after the cursor and writes it; when it reaches the head, takes the rest from the feed and is live,
   * in the same turn as the check that nothing else is left. Called by the queue of catch-ups.
   */
  async catchUp(): Promise<void> {
    if (this.state !== 'catching-up' || this.#watched) return
    const turn = ++this.#turn
    let page: LogPage
    try {
      page = await this.#delivery.log.read(this.#query(this.cursor))
    } catch (error) {
      this.#fail(error)
      return
    }
    if (!this.#isCatchingUp() || turn !== this.#turn) return
    if (!this.#isGreeted) this.#greet(isForeign(page) ? ZERO : this.cursor)
    if (this.#isCatchingUp()) this.#writePage(page)
    if (this.#isCatchingUp() && page.reachedHead) this.#goLive()
    // Not before the writes: a connection that falls behind in them takes its place again when it has drained.
    this.#readOn()
  }

  /** Writes what the fan-out has for this connection. */
  deliver(lane: Lane): void {
    if (this.state !== 'live') {
      this.skipEphemeral(lane.entries)
      return
    }
    if (lane.fits(this.cursor)) {
      if (lane.last !== undefined) this.cursor = lane.last
      this.#delivery.counters.delivered += lane.entries.length
      this.#write(lane.run)
      this.#closeAfter(lane.entries)
      return
    }
    const entries = this.#wanted(lane.entries)
    if (lane.last !== undefined && lane.last > this.cursor) this.cursor = lane.last
    if (entries.length === 0) return
    this.#delivery.counters.delivered += entries.length
    this.#write(this.frames.run(entries))
    this.#closeAfter(entries)
  }

  /** Remembers which channels had events without history while this connection was not live. */
  skipEphemeral(entries: readonly Entry[]): void {
    if (this.state === 'closed') return
    for (const entry of entries) {
      if (entry.position !== null || this.isOneOf(entry.except)) continue
      this.#skipped ??= new Map()
      if (!this.#skipped.has(entry.channel)) this.#skipped.set(entry.channel, this.cursor)
      this.#delivery.counters.ephemeralSkipped++
    }
  }

  /**
   * The log admitted a loss in a channel of this connection: reading again names it. Where the loss was found late, and
   * lies behind the cursor of a connection that was there, no page would.
   */
  reread(gap: Gap): void {
    if (isLoss(gap) && gap.through <= this.cursor) this.#passed.push(gap)
    // Whoever is not live reads the log anyway before it goes live: the feed no longer covers what was lost.
    this.fallBack()
  }

  /** Reads the log for what the fan-out does not bring. Nothing happens to a connection that is not live. */
  fallBack(): void {
    if (this.state !== 'live') return
    const { recorder, clock } = this.#delivery
    recorder.turned(this, { at: clock.now(), what: 'behind' }, true)
    this.state = 'catching-up'
    this.#announceLive = true
    this.#readOn()
  }

  /** Goes on with another credential; the end of the old one no longer counts. */
  renew({ expiresAt, credential }: Pick<ConnectionRequest, 'expiresAt' | 'credential'>): void {
    this.expiresAt = expiresAt
    this.credential = credential
    this.#saidExpiring = false
  }

  /**
   * Follows other topics from its cursor on. No channel may be ahead of the cursor or behind it, so the connection is
   * no longer live: once the log announces what was added, it reads all its channels from where it stands.
   */
  async follow(topics: readonly ChannelName[]): Promise<void> {
    if (this.state === 'closed') return
    const before = this.channels
    const after = [...this.#own, ...topics]
    const added = after.filter((channel) => !before.includes(channel))
    const removed = before.filter((channel) => !after.includes(channel))
    this.topics = topics
    this.channels = after
    for (const channel of removed) this.#skipped?.delete(channel)
    // An earlier change may still be waiting for a channel that stays.
    const watched = Promise.all([this.#watched, this.#delivery.registry.change(this, added, removed)])
    this.#watched = watched
    this.#turn++
    this.#tell('followed', { channels: added })
    if (this.state === 'live') this.state = 'catching-up'
    this.#announceLive = true
    try {
      await watched
    } catch (error) {
      this.#fail(error)
      throw error
    }
    // A later change goes on from here.
    if (this.#watched !== watched) return
    this.#watched = undefined
    this.#readOn()
  }

  /** Says "still here" when nothing was written since `quietSince`; closes a connection that takes nothing. */
  pulse(nowMs: number, quietSince: number, checkpoint: Checkpoints): void {
    if (this.expiresAt !== undefined) this.#checkExpiry(nowMs, this.expiresAt)
    if (this.state === 'behind') this.#checkStall(nowMs)
    else if (this.#takesWords() && this.#lastWriteAt <= quietSince) {
      const run = this.state === 'live' ? checkpoint.after(this.cursor, this.frames) : undefined
      if (run) this.cursor = checkpoint.position as Position
      const words = run ?? this.frames.heartbeat(nowMs)
      if (words) this.#write(words)
    }
  }

  /** Ends the stream with a word of farewell. `retryMs` tells an EventSource when to come back. */
  close(reason: CloseReason, retryMs?: number): void {
    if (this.state === 'closed') return
    const bye: Bye = { reason, reconnect: CLOSE_REASONS[reason].reconnect }
    const retry = retryMs === undefined ? {} : { retryMs }
    const text = this.frames.dialect.control({ type: 'fanline.bye', data: bye, ...retry })
    if (text !== '') this.#sink.write(encodeRun(text))
    this.#leave(reason)
    const { clock, ending, options } = this.#delivery
    // A client that takes nothing would keep its socket, and what waits in it, for ever.
    ending.set(
      this,
      clock.after(options.delivery.stallTimeoutMs, () => this.destroy()),
    )
    this.#sink.end()
  }

  /** Ends the stream of a client that takes nothing: a farewell could not reach it. */
  cut(reason: CloseReason): void {
    this.#leave(reason)
    this.#sink.destroy()
  }

  /** Cuts the connection; what was not sent is lost to this client until it comes back. */
  destroy(): void {
    this.#sink.destroy()
  }

  /** The socket has room again. */
  drained(): void {
    if (this.state !== 'behind') return
    this.state = 'catching-up'
    this.#readOn()
  }

  /** The client is gone, or everything was sent after {@link close}. */
  closed(): void {
    this.#leave('left')
    this.#delivery.ended(this)
  }

  /** True when the list names this connection or its user. */
  isOneOf(ids: readonly string[]): boolean {
    return ids.length > 0 && (ids.includes(this.id) || (this.user !== undefined && ids.includes(this.user)))
  }

  /** Bytes that wait in this process for the client. */
  bufferedBytes(): number {
    return this.#sink.bufferedBytes()
  }

  /** @param position where the client would go on, should it be cut before anything else arrives */
  #greet(position: Position): void {
    const { options, retryMs } = this.#delivery
    const data: Hello = {
      connection: this.id,
      user: this.user ?? null,
      channels: this.topics,
      resumed: this.#start.after !== null,
      heartbeatMs: options.delivery.heartbeatMs,
    }
    this.#isGreeted = true
    this.#tell('opened', { channels: this.topics, isResumed: data.resumed })
    const text = this.frames.dialect.control({ type: 'fanline.hello', data, position, retryMs: retryMs() })
    if (text === '') this.#sink.flush()
    else this.#write(encodeRun(text))
  }

  #writePage(page: LogPage): void {
    const { counters } = this.#delivery
    const { losses = [], expects } = this.#start
    const found = [...this.#passed, ...page.gaps.filter((gap) => !expects.includes(gap.reason))]
    const gaps = [...losses, ...found.filter((gap) => this.#isNews(gap))]
    this.#passed = []
    const entries = this.#permitted(page.entries)
    this.cursor = page.through
    this.#start = AT_HEAD
    counters.delivered += entries.length
    counters.replayed += entries.length
    const notices = gaps.length > 0 ? this.#gaps(gaps) : ''
    if (notices !== '') this.#write(encodeRun(notices + this.#text(entries)))
    else if (entries.length > 0) this.#write(this.frames.page(entries))
    this.#closeAfter(entries)
  }

  /** Should the hello fill the socket, the log has all that the digest stands for. */
  #writeDigest(digest: StoredEntry | undefined): void {
    if (!digest) return
    this.#greet(this.cursor)
    if (!this.#isCatchingUp()) return
    const { counters } = this.#delivery
    counters.delivered++
    counters.replayed++
    this.cursor = digest.position
    this.#write(encodeRun(this.frames.dialect.entry(digest)))
    this.#closeAfter([digest])
  }

  /** Ends a stream whose last entry was among those just written. */
  #closeAfter(entries: readonly Entry[]): void {
    if (this.#isLast && entries.some(this.#isLast)) this.close('ended')
  }

  /**
   * Takes the rest from the feed and is live, in the same turn as the check that nothing else is left. Not when the
   * feed no longer reaches back to the cursor. From now on the fan-out delivers.
   */
  #goLive(): void {
    const { feed, counters } = this.#delivery
    if (!feed.covers(this.cursor)) return
    const entries = this.#wanted(
      feed.after(this.cursor).filter((entry) => this.channels.includes(entry.channel)),
    )
    this.cursor = Math.max(this.cursor, feed.complete, entries.at(-1)?.position ?? ZERO) as Position
    let text = this.#text(entries)
    if (this.#skipped) text += this.#gaps(this.#skippedGaps())
    if (this.#announceLive) {
      const data: Checkpoint = { live: true }
      text += this.frames.dialect.control({ type: 'fanline.checkpoint', data, position: this.cursor })
      counters.caughtUp++
    }
    counters.delivered += entries.length
    if (this.#announceLive) this.#tell('live')
    this.#announceLive = false
    this.state = 'live'
    if (text !== '') this.#write(encodeRun(text))
    this.#closeAfter(entries)
  }

  /** Takes a place in the queue of catch-ups, should there be anything to catch up with. */
  #readOn(): void {
    if (this.#isCatchingUp() && !this.#watched) this.#delivery.catchUps.add(this)
  }

  /** True when the hub may say something of its own: after the hello, while the socket is not full. */
  #takesWords(): boolean {
    return this.#isGreeted && (this.state === 'live' || this.state === 'catching-up')
  }

  /** A method, because every write may change the state. */
  #isCatchingUp(): boolean {
    return this.state === 'catching-up'
  }

  #write(run: Run): void {
    this.#lastWriteAt = this.#delivery.coarseNow()
    if (this.#sink.write(run) || this.state === 'closed') return
    const wasLive = this.state === 'live'
    this.state = 'behind'
    this.#announceLive = true
    this.#delivery.counters.fellBehind++
    this.#tell('behind', {}, wasLive)
    this.#stalledAt = this.#delivery.clock.now()
    this.#stalledProgress = this.#sink.progress()
  }

  /** What of these is new to this connection, and meant for it, once. */
  #wanted(entries: readonly Entry[]): readonly Entry[] {
    const fresh = entries.filter(({ position }) => position === null || position > this.cursor)
    return distinct(this.#permitted(fresh))
  }

  /** Most events except nobody, and then the list is used as it is. */
  #permitted(entries: readonly Entry[]): readonly Entry[] {
    if (entries.every(({ except }) => except.length === 0)) return entries
    return entries.filter(({ except }) => !this.isOneOf(except))
  }

  #text(entries: readonly Entry[]): string {
    let text = ''
    for (const entry of entries) text += this.frames.of(entry)
    return text
  }

  #gaps(gaps: readonly Gap[]): string {
    const { counters } = this.#delivery
    counters.gaps += gaps.length
    this.#announceLive = true
    let text = ''
    for (const { channel, after, through, reason } of gaps) {
      counters.gapsBy[reason] = (counters.gapsBy[reason] ?? 0) + 1
      const data: GapNotice = { channel, from: String(after), to: String(through), reason }
      this.#tell('gap', { channels: [channel], reason, gap: { after, through } })
      text += this.frames.dialect.control({ type: 'fanline.gap', data })
    }
    return text
  }

  /** Who came back with a cursor may have passed on another connection what was found only after that cursor. */
  #mayHavePassed({ through, foundAt = through }: Gap): boolean {
    return (this.#hasResumed ? foundAt : through) > this.begunAt
  }

  /** A loss may be found on several ways; it is told once, and not to whom it does not concern. */
  #isNews(gap: Gap): boolean {
    if (!isLoss(gap)) return true
    if (!this.#mayHavePassed(gap)) return false
    const name = `${gap.channel} ${gap.through}`
    if (this.#told.has(name)) return false
    this.#told.add(name)
    return true
  }

  #skippedGaps(): readonly Gap[] {
    const gaps: Gap[] = []
    for (const [channel, after] of this.#skipped ?? []) {
      gaps.push({ channel, after, through: this.cursor, reason: 'ephemeral' })
    }
    this.#skipped = undefined
    return gaps
  }

  #query(after: Position | null): LogQuery {
    const { pageEntries, pageBytes } = this.#delivery
    return {
      channels: this.channels,
      after,
      maxEntries: pageEntries,
      maxBytes: pageBytes,
      mayBeShared: true,
    }
  }

  #checkExpiry(nowMs: number, expiresAt: number): void {
    if (nowMs >= expiresAt) {
      this.close('expired')
    } else if (nowMs >= expiresAt - EXPIRING_MS && !this.#saidExpiring && this.#takesWords()) {
      this.#saidExpiring = true
      const data: Expiring = { at: new Date(expiresAt).toISOString() }
      const text = this.frames.dialect.control({ type: 'fanline.expiring', data })
      if (text !== '') this.#write(encodeRun(text))
    }
  }

  #checkStall(nowMs: number): void {
    const progress = this.#sink.progress()
    if (progress !== this.#stalledProgress) {
      this.#stalledProgress = progress
      this.#stalledAt = nowMs
    } else if (nowMs - this.#stalledAt >= this.#delivery.options.delivery.stallTimeoutMs) {
      this.cut('stalled')
    }
  }

  #fail(error: unknown): void {
    if (this.state === 'closed') return
    this.#delivery.report(toProblem(error), { connection: this.id })
    this.close('log-failed')
  }

  #leave(reason: EndReason): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.#skipped = undefined
    const { registry, counters, clock, durations } = this.#delivery
    registry.leave(this)
    durations.add((clock.now() - this.connectedAt) / 1000)
    counters.closed++
    counters.closedBy[reason] = (counters.closedBy[reason] ?? 0) + 1
    this.#release?.()
    this.#tell('closed', { reason })
  }

  #tell(what: Happening['what'], more: Partial<Happening> = {}, wasLive = this.state === 'live'): void {
    const { happenings, recorder, clock } = this.#delivery
    const happening = { at: clock.now(), what, connection: this.id, user: this.user, ...more }
    recorder.turned(this, happening, wasLive)
    if (happenings.areWatched) happenings.tell(happening)
  }
}

/** Moves idle cursors on, so that they do not age out of the history. */
export interface Checkpoints {
  /** Everything up to here has been handed to all live connections; undefined while a fan-out runs. */
  readonly position: Position | undefined
  /** The checkpoint for a connection that stands at `cursor`; undefined when it would say nothing new. */
  after(cursor: Position, frames: Frames): Run | undefined
}

/** True when the log has lost what it had announced. */
function isLoss({ reason }: Gap): boolean {
  return reason === 'rollback' || reason === 'restarted'
}

/** True when the log does not know the cursor: a client must not come back with it, when one day it may fit. */
function isForeign(page: LogPage): boolean {
  return page.gaps.some(({ reason }) => reason === 'bad-cursor')
}
