import {
  ALL_CHANNEL,
  type ChannelName,
  CLOSE_REASONS,
  type CloseReason,
  connectionChannel,
  type EventDefinitions,
  type EventMap,
  type Position,
  ProblemError,
  type Publication,
  type PublishInput,
  type PublishReceipt,
  parseChannel,
  parsePublication,
  parseUser,
  STREAM_TYPE,
  toProblem,
  type UserId,
  userChannel,
  utf8Length,
} from '@fanline/protocol'
import { Admissions } from './admissions.ts'
import type { Access, Credential } from './authenticator.ts'
import { CatchUps } from './catch-ups.ts'
import { type ChannelStream, type ChannelStreamOptions, ChannelStreams } from './channel-streams.ts'
import type { Clock } from './clock.ts'
import { Cluster } from './cluster.ts'
import { Connection, type Delivery } from './connection.ts'
import {
  type ConnectionFilter,
  type ConnectionInfo,
  type ConnectionRenewal,
  describe,
} from './connection-info.ts'
import type { Counters } from './counters.ts'
import { AT_HEAD, type Cursor } from './cursor.ts'
import type { Dialect } from './dialect.ts'
import { checkEvent, mustBeDefinitions } from './event-check.ts'
import { FanOut } from './fan-out.ts'
import { Feed } from './feed.ts'
import { Frames } from './frames.ts'
import { Happenings } from './happenings.ts'
import { CONNECTION_BOUNDS, DELIVERY_BOUNDS, Histogram, type HubDurations } from './histogram.ts'
import { type History, type HistoryQuery, readHistory } from './history.ts'
import type { HubStats } from './hub-stats.ts'
import { type Draft, type Entry, type Gap, type Log, type LogHealth, REVOCATIONS_CHANNEL } from './log.ts'
import { type HubOptions, type HubOptionsInput, parseHubOptions } from './options.ts'
import { type Past, type PastQuery, readPast } from './past.ts'
import { PublishRates } from './publish-rates.ts'
import { Pulse } from './pulse.ts'
import { type By, FlightRecorder } from './recorder.ts'
import { addressName, Registry } from './registry.ts'
import { RevocationKeeper } from './revocation-keeper.ts'
import type { Revocation, RevocationRequest } from './revocations.ts'
import type { Sink } from './sink.ts'
import type { StreamSource } from './stream-producer.ts'
import type { HubTrace } from './trace.ts'
import type { PublishOrigin, Tracer } from './tracer.ts'
import { Turns } from './turns.ts'

/** Sizes that have one good value in production, and small ones in the simulator, where every edge is to be met. */
export interface Tuning {
  /** The newest entries that a catch-up can take without reading the log again. */
  readonly feedEntries: number
  /** Characters of data in them. */
  readonly feedLength: number
  /**
   * From here on a flush gets hardly cheaper by more, in characters: the kernel takes five times as long to copy so much
   * as to be called. Whoever publishes more waits until the next flush begins.
   */
  readonly flushLength: number
  /** So much of what others publish may wait for a flush, in characters; connections read the log for more. */
  readonly waitingLength: number
  /** Encoded text that is kept for who comes a moment later, in characters. */
  readonly framesLength: number
  /** A page fills what a loopback socket takes at once; more would only wait in this process. */
  readonly pageEntries: number
  readonly pageBytes: number
  /** Events, and turns of connections, that the flight recorder remembers; about 100 bytes each, beside their texts. */
  readonly recordedItems: number
}

const TUNING: Tuning = {
  feedEntries: 4096,
  feedLength: 4 * 1024 * 1024,
  flushLength: 64 * 1024,
  waitingLength: 64 * 1024 * 1024,
  framesLength: 8 * 1024 * 1024,
  pageEntries: 512,
  pageBytes: 64 * 1024,
  recordedItems: 20_000,
}

/** Streams that are open on other hubs. */
interface Elsewhere {
  readonly ofUser: number
  readonly atAddress: number
}

const NOWHERE: Elsewhere = { ofUser: 0, atAddress: 0 }

/** How long a request waits for a log that is being opened, in milliseconds. */
const OPENING_MS = 5000

/** Who asks for a stream, and for what. */
export interface SubscribeRequest {
  readonly user?: string | undefined
  /** Topics. Everyone's channel and the user's own come by themselves. */
  readonly channels?: readonly string[] | undefined
  readonly cursor?: Cursor | undefined
  /** The stream ends after an entry for which this is true; it lives on when absent. */
  readonly isLast?: ((entry: Entry) => boolean) | undefined
  /** When the stream ends, in milliseconds since 1970; never when absent. */
  readonly expiresAt?: number | undefined
  /** By what its client was let in; an application's own check when absent. */
  readonly credential?: Credential | undefined
  /** False keeps what is for everyone away from it; true when absent. */
  readonly followsAll?: boolean | undefined
  /** Where its client is, for `limits.connectionsPerAddress`; not counted when absent. */
  readonly address?: string | undefined
  /** Called when the stream has opened; what it answers is called when it has ended. */
  readonly hold?: (() => () => void) | undefined
  /** True when what its client was let in by was taken back while it waited; asked right before the stream opens. */
  readonly isWithdrawn?: (() => boolean) | undefined
}

/** What a hub needs from its surroundings. */
export interface HubParts {
  readonly log: Log
  readonly clock: Clock
  /** The only events that may be published; any may be when absent. */
  readonly events?: EventDefinitions | undefined
  readonly options?: HubOptionsInput
  readonly tuning?: Partial<Tuning>
  /** Follows events from their publish to their delivery; nobody does when absent. */
  readonly tracer?: Tracer | undefined
  /** Hears of failures that no caller waits for. */
  readonly report: (problem: ProblemError, about: { connection?: string }) => void
}

/**
 * Takes publishes, hands them to the log, and carries what the log announces to the connections that follow it.
 * Knows no HTTP: a connection is opened on a sink.
 */
export class Hub<Events extends EventMap = EventMap> {
  readonly options: HubOptions
  readonly clock: Clock
  /** All hubs that share the log, as one. */
  readonly cluster: Cluster
  /** What the hub does and decides, as it happens, for an operator who looks. */
  readonly happenings = new Happenings()
  readonly #tuning: Tuning
  readonly #log: Log
  readonly #events: EventDefinitions | undefined
  readonly #tracer: Tracer | undefined
  readonly #registry: Registry<Connection>
  readonly #feed: Feed
  readonly #recorder: FlightRecorder
  readonly #fanOut: FanOut
  readonly #pulse: Pulse
  readonly #historyTurns: Turns
  readonly #admissions: Admissions
  readonly #delivery: Delivery
  readonly #counters: Counters = {
    published: 0,
    delivered: 0,
    replayed: 0,
    gaps: 0,
    gapsBy: {},
    ephemeralSkipped: 0,
    fellBehind: 0,
    caughtUp: 0,
    opened: 0,
    closed: 0,
    closedBy: {},
    problems: {},
  }
  readonly #durations = {
    delivery: new Histogram(DELIVERY_BOUNDS),
    connection: new Histogram(CONNECTION_BOUNDS),
  }
  readonly #revocations: RevocationKeeper
  readonly #streams: ChannelStreams
  /** How fast each publisher may publish; asked by the routes. */
  readonly rates: PublishRates
  readonly #frames = new Map<Dialect, Frames>()
  /** Rejects when the log cannot be opened; every publish and stream waits for it once. */
  readonly #ready: Promise<void>
  #opened = false
  #closed: Promise<void> | undefined
  #everyoneLeft: (() => void) | undefined

  constructor(parts: HubParts) {
    const { log, clock, tracer } = parts
    this.options = parseHubOptions(parts.options)
    this.clock = clock
    this.#tuning = { ...TUNING, ...parts.tuning }
    this.#log = log
    this.#events = parts.events
    this.#tracer = tracer
    if (parts.events) mustBeDefinitions(parts.events)
    this.#historyTurns = new Turns(clock)
    this.#admissions = new Admissions(clock, this.options.limits.connectionsPerSecond)
    this.#registry = new Registry<Connection>(log)
    this.cluster = new Cluster({ hub: this, registry: this.#registry, peers: log.peers, clock })
    this.#feed = new Feed(this.#tuning.feedEntries, this.#tuning.feedLength)
    this.#recorder = new FlightRecorder(clock, this.#registry, this.#tuning.recordedItems)
    this.#fanOut = new FanOut({
      clock,
      registry: this.#registry,
      feed: this.#feed,
      durations: this.#durations.delivery,
      recorder: this.#recorder,
      tracer,
      flushLength: this.#tuning.flushLength,
      waitingLength: this.#tuning.waitingLength,
    })
    this.rates = new PublishRates(clock, this.options.limits, log.peers?.tellTaken?.bind(log.peers))
    this.#pulse = new Pulse(clock, this.#registry, this.#fanOut, this.options)
    this.#delivery = {
      clock,
      log,
      feed: this.#feed,
      registry: this.#registry,
      catchUps: new CatchUps(clock),
      counters: this.#counters,
      durations: this.#durations.connection,
      happenings: this.happenings,
      recorder: this.#recorder,
      options: this.options,
      pageEntries: this.#tuning.pageEntries,
      pageBytes: this.#tuning.pageBytes,
      ending: new Map(),
      coarseNow: () => this.#pulse.now,
      retryMs: () => this.retryMs(),
      ended: (connection) => this.#ended(connection),
      report: parts.report,
    }
    this.#revocations = new RevocationKeeper({
      log,
      clock,
      pageEntries: this.#tuning.pageEntries,
      pageBytes: this.#tuning.pageBytes,
      onChange: () => this.#endRevoked(),
      report: (problem) => parts.report(problem, {}),
    })
    this.#streams = new ChannelStreams({
      log,
      clock,
      turns: this.#historyTurns,
      watches: this.#registry,
      dataBytes: this.options.limits.dataBytes,
      stored: () => {
        this.#counters.published++
      },
      report: (problem) => parts.report(problem, {}),
    })
    this.#ready = log
      .open({ entries: (batch) => this.#announced(batch), gap: (gap) => this.#gapAdmitted(gap) })
      .then(() => this.cluster.open())
      .then(() => this.#revocations.open())
      .then(
        (head) => {
          // What is before the head will not be announced.
          this.#feed.forget(head)
          this.#opened = true
        },
        (error) => {
          // Why is for the application; a client may not read the names of disks and hosts.
          parts.report(new ProblemError('log-unavailable', String(error), { cause: error }), {})
          throw new ProblemError('log-unavailable', undefined, { cause: error })
        },
      )
    // Whoever waits for it hears of a failure; without anyone waiting it must not end the process.
    this.#ready.catch(() => undefined)
  }

  /** Resolves when the log is open. @throws ProblemError `log-unavailable` */
  get ready(): Promise<void> {
    return this.#ready
  }

  /**
   * Waits for the log, and so for all that was revoked before, but not for ever. Undefined when it is open.
   * @throws ProblemError `log-unavailable` or `shutting-down`
   */
  awaitLog(): Promise<void> | undefined {
    return this.#opened ? undefined : this.#becomeReady()
  }

  /** A reconnection time in milliseconds, spread so that clients do not come back together. */
  retryMs(): number {
    return Math.round(this.options.delivery.retryMs * (0.5 + this.clock.random()))
  }

  /** An error as the problem to answer with, counted. What no caller can have caused is reported before its text is lost. */
  problemOf(error: unknown): ProblemError {
    const problem = toProblem(error)
    const { problems } = this.#counters
    problems[problem.code] = (problems[problem.code] ?? 0) + 1
    if (this.happenings.areWatched) {
      const { code: reason, detail } = problem
      this.happenings.tell({ at: this.clock.now(), what: 'refused', reason, detail })
    }
    if (problem.code === 'internal') this.#delivery.report(problem, {})
    return problem
  }

  /** True once `close` was called. */
  get closing(): boolean {
    return this.#closed !== undefined
  }

  /**
   * Publishes one event. Resolves when the log has stored it.
   * @throws ProblemError with a code of the publish request, `shutting-down`, or `log-unavailable`
   */
  async publish(request: PublishInput<Events>): Promise<PublishReceipt> {
    return this.accept(parsePublication(request))
  }

  /**
   * Publishes what was checked already; while deliveries are late, it waits for them before. Calls made one after the
   * other, without waiting, keep their order; an event whose validator answers with a promise takes its place when it has
   * answered.
   * @param origin the request that it came with, whose trace goes on in the hub's
   * @param by who asks; the application when absent
   * @throws ProblemError `event-type-unknown`, `event-data-invalid`, `data-too-large`, `shutting-down` or
   * `log-unavailable`
   */
  accept(publication: Publication, origin?: PublishOrigin, by?: By): Promise<PublishReceipt> {
    return this.#tracer
      ? this.#tracer.publish(publication, origin, (traceparent) => this.#accept(publication, by, traceparent))
      : this.#accept(publication, by)
  }

  async #accept(publication: Publication, by: By, traceparent?: string): Promise<PublishReceipt> {
    this.#refuseWhenClosing()
    const at = this.clock.now()
    if (!this.#opened) await this.#becomeReady()
    const { dataBytes, channelsPerPublish } = this.options.limits
    const { channels, connection, except, key } = publication
    let { event } = publication
    if (this.#events) {
      const checked = checkEvent(this.#events, event)
      // Without a promise there is no wait, so that publishes keep their order.
      event = checked instanceof Promise ? await checked : checked
      this.#refuseWhenClosing()
    }
    // Three bytes are the most that a UTF-16 unit takes, so most data needs no counting.
    if (event.data.length * 3 > dataBytes && utf8Length(event.data) > dataBytes) {
      throw new ProblemError('data-too-large', `At most ${dataBytes} bytes.`)
    }
    if (channels.length > channelsPerPublish) {
      throw new ProblemError('too-many-channels', `At most ${channelsPerPublish}.`)
    }
    const room = this.#fanOut.room()
    if (room) {
      await room
      this.#refuseWhenClosing()
    }
    const ephemeral = publication.ephemeral || connection !== undefined
    const targets = connection === undefined ? channels : [connectionChannel(connection)]
    // The log tells events apart by their identity: the same publication accepted twice is two events.
    // The trace comes first: added to a copy it would cost 8 µs an event.
    const own = traceparent === undefined ? { ...event } : { traceparent, ...event }
    const draft: Draft = { channels: targets, event: own, except, key, ephemeral }
    const appended = this.#tracer
      ? this.#tracer.append(draft, () => this.#log.append([draft]))
      : this.#log.append([draft])
    const elsewhere = this.cluster.followersElsewhere(targets)
    const [receipt] = await appended
    if (!receipt) throw new ProblemError('internal', 'The log gave no receipt.')
    const { position, duplicate } = receipt
    if (!duplicate) this.#counters.published++
    const id = position === null ? null : String(position)
    const here = this.#matching(targets, except, ephemeral)
    const delivered = elsewhere ? here + (await this.cluster.soon(elsewhere, 0)) : here
    const answer: PublishReceipt = duplicate ? { id, delivered, duplicate: true } : { id, delivered }
    this.#recorder.published(draft, receipt, at, by, delivered)
    if (this.happenings.areWatched) {
      this.happenings.tell({
        at: this.clock.now(),
        what: 'published',
        channels: targets,
        event,
        receipt: answer,
        ...(except.length > 0 && { except }),
      })
    }
    return answer
  }

  /**
   * Opens a connection on a sink. The connection has been greeted when the answer resolves, and lives on.
   * @throws ProblemError for a bad name, `too-many-channels`, `too-many-connections`, `too-many-connects` or
   * `shutting-down`
   */
  async connect(request: SubscribeRequest, sink: Sink, dialect: Dialect): Promise<Connection> {
    this.#refuseWhenClosing()
    if (!this.#opened) await this.#becomeReady()
    const topics = this.#topics(request.channels ?? [])
    const user = request.user === undefined ? undefined : parseUser(request.user)
    const credential = request.credential ?? { kind: 'custom' }
    const elsewhere = this.sharesLog ? await this.#countElsewhere(user, request.address) : NOWHERE
    // After anything that may keep many waiting, and then let all of them go at once.
    const turn = this.#admissions.turn()
    if (turn) await turn
    // It may have been taken back, or the hub closed, while this request waited.
    this.#refuseWhenClosing()
    if (request.isWithdrawn?.() || this.isRevoked({ user, credential }))
      throw new ProblemError('token-revoked')
    this.#mustHaveRoom(user, request.address, elsewhere)
    const connection = new Connection(this.#delivery, sink, this.#framesOf(dialect), {
      id: crypto.randomUUID(),
      number: ++this.#counters.opened,
      user,
      topics,
      followsAll: request.followsAll ?? true,
      cursor: request.cursor ?? AT_HEAD,
      isLast: request.isLast,
      expiresAt: request.expiresAt,
      credential,
      address: request.address,
      hold: request.hold,
    })
    await connection.open()
    return connection
  }

  /**
   * Carries what a source gives, the tokens of an answer or the progress of a task, into a channel, to an end that lasts:
   * `complete`, `cancelled` or `failed`. Resolves when it has begun; one stream runs in a channel at a time.
   * @param source strings, or values that can be written as JSON
   * @throws ProblemError `channel-invalid`, `channel-reserved`, `stream-running`, `shutting-down` or `log-unavailable`
   */
  async stream(
    channel: string,
    source: StreamSource,
    options: ChannelStreamOptions = {},
  ): Promise<ChannelStream> {
    await this.#mustBeOpen()
    return this.#streams.begin(channel, source, options)
  }

  /**
   * Ends the stream of a channel, whichever hub produces it: its signal is aborted. Answers its id; undefined when none
   * runs.
   * @throws ProblemError `channel-invalid`, `channel-reserved`, `shutting-down` or `log-unavailable`
   */
  async cancelStream(channel: string): Promise<string | undefined> {
    await this.#mustBeOpen()
    return this.#streams.cancel(channel)
  }

  /**
   * Where a reader of the stream of a channel begins; undefined when none runs.
   * @param lastId the last event id of who was reading it before
   * @throws ProblemError `channel-invalid`, `channel-reserved`, `shutting-down` or `log-unavailable`
   */
  async joinStream(channel: string, lastId?: string): Promise<Cursor | undefined> {
    await this.#mustBeOpen()
    return this.#streams.join(channel, lastId)
  }

  /** One open connection; undefined when there is none with this id. */
  connection(id: string): ConnectionInfo | undefined {
    const connection = this.#registry.get(id)
    return connection && describe(connection)
  }

  /**
   * Lets an open connection live on with another credential. Answers false when no open connection has this id.
   */
  renew(id: string, renewal: ConnectionRenewal): boolean {
    const connection = this.#registry.get(id)
    connection?.renew(renewal)
    return connection !== undefined
  }

  /**
   * Makes an open connection follow other topics, from where it stands. Answers false when no open connection has this
   * id, and resolves when the log announces all of them.
   * @throws ProblemError for a bad name, `too-many-channels` or `log-unavailable`
   */
  async follow(id: string, channels: readonly string[]): Promise<boolean> {
    const topics = this.#topics(channels)
    const connection = this.#registry.get(id)
    await connection?.follow(topics)
    return connection !== undefined
  }

  /** True when what somebody was let in by was revoked, or taken back by who gave it. */
  isRevoked(access: Pick<Access, 'user' | 'credential' | 'isWithdrawn'>): boolean {
    return access.isWithdrawn?.() === true || this.#revocations.covers(access)
  }

  /**
   * Makes tokens count no more: streams they opened end at once, and new ones are refused while the revocation is in
   * force. It stands in the log, so it lasts as long as the log does.
   * @throws ProblemError `revocation-invalid`, `user-invalid`, `too-many-revocations`, `shutting-down` or `log-unavailable`
   */
  async revoke(request: RevocationRequest): Promise<Revocation> {
    await this.#mustBeOpen()
    return this.#revocations.revoke(request)
  }

  /** Ends a revocation before its time. Answers false when none in force has this id. */
  async liftRevocation(id: string): Promise<boolean> {
    await this.#mustBeOpen()
    return this.#revocations.lift(id)
  }

  /** Revocations in force, oldest first. */
  revocations(): Revocation[] {
    return this.#revocations.all()
  }

  /**
   * Reads a channel's history, oldest first.
   * @param query.after exclusive; from the beginning when absent
   * @param query.limit 1 to 1,000; 100 when absent
   * @throws ProblemError `channel-invalid`, `after-invalid`, `limit-invalid` or `log-unavailable`
   */
  async history(channel: string, query: HistoryQuery = {}): Promise<History> {
    return this.#readHistory(parseChannel(channel), query)
  }

  /**
   * Reads what was sent to one user, oldest first, as {@link history} does for a channel.
   * @throws ProblemError `user-invalid`, `after-invalid`, `limit-invalid` or `log-unavailable`
   */
  async userHistory(user: string, query: HistoryQuery = {}): Promise<History> {
    return this.#readHistory(userChannel(parseUser(user)), query)
  }

  /**
   * Reads a page of what was published in some channels, the hub's own too, as {@link happenings} would have told it.
   * @throws ProblemError `after-invalid`, `channel-invalid`, `channel-reserved`, `user-invalid` or `log-unavailable`
   */
  async past(query: PastQuery): Promise<Past> {
    await this.#historyTurns.next()
    return readPast(this.#log, query)
  }

  /** True when other hubs may use the log, too: then only {@link cluster} knows who else is connected. */
  get sharesLog(): boolean {
    return this.#log.peers !== undefined
  }

  /** How the log is doing; null when it has nothing to say of that. */
  logHealth(): LogHealth | null {
    return this.#log.health?.() ?? null
  }

  /** The position of the newest event that passed this hub. */
  get head(): Position {
    return this.#feed.end
  }

  /**
   * The position of the newest event of the log, also of those that only other hubs have seen.
   * @throws ProblemError `shutting-down` or `log-unavailable`
   */
  async newest(): Promise<Position> {
    await this.#mustBeOpen()
    const page = await this.#log.read({ channels: [ALL_CHANNEL], after: null, maxEntries: 1, maxBytes: 1 })
    return page.through
  }

  /** Figures since the hub began, and what is open now. */
  stats(): HubStats {
    let behind = 0
    let bufferedBytes = 0
    for (const connection of this.#registry.all()) {
      if (connection.state !== 'behind') continue
      behind++
      bufferedBytes += connection.bufferedBytes()
    }
    return {
      connections: this.#registry.size,
      users: this.#registry.users,
      channels: this.#registry.channels,
      behind,
      bufferedBytes,
      lagMs: this.#pulse.lagMs,
      head: String(this.#feed.end),
      log: this.#log.stats?.() ?? null,
      ...this.#counters,
    }
  }

  /** What this hub remembers of an event; {@link cluster} asks the others, too. */
  trace(position: Position, channels: readonly string[], limit: number): HubTrace {
    return this.#recorder.trace(position, channels, limit)
  }

  /** How long deliveries and streams of this hub took. The figures go on changing. */
  durations(): HubDurations {
    return this.#durations
  }

  /** Open connections, oldest first; all of them, or those that match every part of the filter. */
  *connections(filter: ConnectionFilter = {}): Generator<ConnectionInfo> {
    for (const connection of this.#matchingConnections(filter)) yield describe(connection)
  }

  /** How many streams a user has open. */
  connectionsOf(user: string): number {
    return this.#registry.countOf(parseUser(user))
  }

  /** Users with an open stream, and how many each has: a view that changes as they come and go. */
  connectionsByUser(): ReadonlyMap<string, number> {
    return this.#registry.countsByUser
  }

  /** True while somebody follows the topic. */
  isFollowed(channel: string): boolean {
    return this.#registry.followers(parseChannel(channel)).size > 0
  }

  /** Ends connections with a `fanline.bye`, and answers how many. At least one part of the filter must be named. */
  disconnect(filter: ConnectionFilter, reason: CloseReason = 'kicked'): number {
    if (!Object.hasOwn(CLOSE_REASONS, reason))
      throw new ProblemError('bad-request', `No close reason "${reason}".`)
    if (Object.values(filter).every((part) => part === undefined)) {
      throw new ProblemError('bad-request', 'Name a user, a channel, a connection or a key.')
    }
    const connections = [...this.#matchingConnections(filter)]
    for (const connection of connections) connection.close(reason)
    return connections.length
  }

  /**
   * Ends every stream with a `fanline.bye` and a reconnection time spread over the drain window, waits until all bytes
   * have left, cuts what has not drained by then, and closes the log. A second call waits for the first.
   */
  async close({ drainMs = 5000 }: { drainMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#drain(drainMs)
    return this.#closed
  }

  async #drain(drainMs: number): Promise<void> {
    const { clock } = this
    const { ending } = this.#delivery
    this.#admissions.close()
    if (this.#streams.size > 0) await this.#endStreams(drainMs)
    const everyoneLeft = new Promise<void>((resolve) => {
      this.#everyoneLeft = resolve
    })
    const cancel = clock.after(drainMs, () => {
      for (const connection of ending.keys()) connection.destroy()
      this.#everyoneLeft?.()
    })
    for (const connection of [...this.#registry.all()]) {
      const retryMs = Math.round(this.options.delivery.retryMs / 2 + drainMs * clock.random())
      connection.close('drain', retryMs)
    }
    if (ending.size > 0) await everyoneLeft
    cancel()
    this.#pulse.stop()
    this.#revocations.close()
    this.cluster.close()
    void this.#streams.close()
    await this.#log.close()
  }

  /** Those who read them hear of it before they have to leave, unless the log does not take it in time. */
  async #endStreams(patienceMs: number): Promise<void> {
    let cancel: (() => void) | undefined
    const late = new Promise<void>((resolve) => {
      cancel = this.clock.after(patienceMs, resolve)
    })
    await Promise.race([this.#streams.close(), late]).finally(cancel)
    await new Promise<void>((resolve) => this.clock.defer(resolve))
  }

  async #readHistory(channel: ChannelName, query: HistoryQuery): Promise<History> {
    await this.#historyTurns.next()
    return readHistory(this.#log, channel, query)
  }

  /** Waits for the log, but not for ever; a hub may be closed meanwhile. */
  async #becomeReady(): Promise<void> {
    let cancel: (() => void) | undefined
    const late = new Promise<never>((_, reject) => {
      cancel = this.clock.after(OPENING_MS, () =>
        reject(new ProblemError('log-unavailable', 'It is not open yet.')),
      )
    })
    await Promise.race([this.#ready, late]).finally(cancel)
    this.#refuseWhenClosing()
  }

  /** @throws ProblemError `shutting-down` or `log-unavailable` */
  async #mustBeOpen(): Promise<void> {
    this.#refuseWhenClosing()
    if (!this.#opened) await this.#becomeReady()
  }

  #refuseWhenClosing(): void {
    if (this.#closed) throw new ProblemError('shutting-down')
  }

  /** @throws ProblemError `channel-invalid`, `channel-reserved` or `too-many-channels` */
  #topics(channels: readonly string[]): ChannelName[] {
    const { channelsPerConnection } = this.options.limits
    const topics = [...new Set(channels.map(parseChannel))]
    if (topics.length > channelsPerConnection) {
      throw new ProblemError('too-many-channels', `At most ${channelsPerConnection} on one stream.`)
    }
    return topics
  }

  /** What other hubs have of a user and an address, where that is limited. */
  async #countElsewhere(user: UserId | undefined, address: string | undefined): Promise<Elsewhere> {
    const { connectionsPerUser, connectionsPerAddress } = this.options.limits
    const ofUser = user !== undefined && connectionsPerUser > 0 ? [userChannel(user)] : []
    const atAddress = address !== undefined && connectionsPerAddress > 0 ? [addressName(address)] : []
    if (ofUser.length + atAddress.length === 0) return NOWHERE
    const counts = await this.cluster.countElsewhere([...ofUser, ...atAddress])
    this.#refuseWhenClosing()
    return {
      ofUser: ofUser.length > 0 ? counts[0]! : 0,
      atAddress: atAddress.length > 0 ? counts.at(-1)! : 0,
    }
  }

  #mustHaveRoom(user: UserId | undefined, address: string | undefined, elsewhere: Elsewhere): void {
    const { connections, connectionsPerUser, connectionsPerAddress } = this.options.limits
    if (this.#registry.size >= connections) throw new ProblemError('too-many-connections')
    const ofUser = user === undefined ? 0 : this.#registry.countOf(user) + elsewhere.ofUser
    if (connectionsPerUser > 0 && ofUser >= connectionsPerUser) {
      throw new ProblemError('too-many-connections-of-user', `At most ${connectionsPerUser}.`)
    }
    const atAddress = address === undefined ? 0 : this.#registry.countAt(address) + elsewhere.atAddress
    if (connectionsPerAddress > 0 && atAddress >= connectionsPerAddress) {
      throw new ProblemError('too-many-connections-of-address', `At most ${connectionsPerAddress}.`)
    }
  }

  #endRevoked(): void {
    for (const connection of [...this.#registry.all()]) {
      if (this.isRevoked(connection)) connection.close('revoked')
    }
  }

  #announced(batch: readonly Entry[]): void {
    for (const entry of batch) {
      if (entry.channel === REVOCATIONS_CHANNEL) this.#revocations.heard(entry)
      else if (entry.event.type === STREAM_TYPE) this.#streams.heard(entry)
    }
    this.#feed.push(batch)
    this.#fanOut.push(batch)
  }

  #gapAdmitted(gap: Gap): void {
    this.#feed.forget(gap.through)
    if (gap.channel === REVOCATIONS_CHANNEL) void this.#revocations.missed(gap.after)
    void this.#streams.missed(gap)
    for (const connection of this.#registry.followers(gap.channel)) connection.reread(gap)
  }

  #framesOf(dialect: Dialect): Frames {
    let frames = this.#frames.get(dialect)
    if (!frames) {
      frames = new Frames(dialect, this.#tuning.framesLength)
      this.#frames.set(dialect, frames)
    }
    return frames
  }

  #ended(connection: Connection): void {
    const { ending } = this.#delivery
    ending.get(connection)?.()
    ending.delete(connection)
    if (ending.size === 0) this.#everyoneLeft?.()
  }

  /** How many open connections an event is for. The common case, one channel and nobody excepted, counts nothing. */
  #matching(channels: readonly ChannelName[], except: readonly string[], liveOnly: boolean): number {
    if (channels.length === 1 && except.length === 0 && !liveOnly) {
      return this.#registry.followers(channels[0]!).size
    }
    const matching = new Set<Connection>()
    for (const channel of channels) {
      for (const connection of this.#registry.followers(channel)) {
        if (liveOnly && connection.state !== 'live') continue
        if (!connection.isOneOf(except)) matching.add(connection)
      }
    }
    return matching.size
  }

  *#matchingConnections({ user, channel, connection: id, key }: ConnectionFilter): Generator<Connection> {
    for (const connection of this.#candidates(user, channel, id)) {
      if (id !== undefined && connection.id !== id) continue
      if (user !== undefined && connection.user !== user) continue
      if (key !== undefined && !(connection.credential.kind === 'key' && connection.credential.id === key))
        continue
      if (channel !== undefined && !connection.channels.includes(channel as ChannelName)) continue
      yield connection
    }
  }

  /** The smallest set that holds all that match. */
  #candidates(user?: string, channel?: string, id?: string): Iterable<Connection> {
    if (id !== undefined) return this.#registry.followers(connectionChannel(id))
    if (user !== undefined) return this.#registry.followers(userChannel(user as UserId))
    if (channel !== undefined) return this.#registry.followers(channel as ChannelName)
    return this.#registry.all()
  }
}
