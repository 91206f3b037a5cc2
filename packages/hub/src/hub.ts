import {
  type ChannelName,
  CLOSE_REASONS,
  type CloseReason,
  connectionChannel,
  ProblemError,
  type Publication,
  parseChannel,
  parsePublication,
  parseUser,
  toProblem,
  type UserId,
  userChannel,
  utf8Length,
} from '@fanline/protocol'
import { CatchUps } from './catch-ups.ts'
import type { Clock } from './clock.ts'
import { Connection, type Delivery } from './connection.ts'
import { type ConnectionInfo, describe } from './connection-info.ts'
import type { Counters } from './counters.ts'
import { AT_HEAD, type Cursor } from './cursor.ts'
import type { Dialect } from './dialect.ts'
import type { EventMap, PublishInput } from './event-map.ts'
import { FanOut } from './fan-out.ts'
import { Feed } from './feed.ts'
import { Frames } from './frames.ts'
import { type History, type HistoryQuery, readHistory } from './history.ts'
import type { Draft, Entry, Gap, Log, LogStats } from './log.ts'
import { type HubOptions, type HubOptionsInput, parseHubOptions } from './options.ts'
import { Pulse } from './pulse.ts'
import { Registry } from './registry.ts'
import type { Sink } from './sink.ts'

/** Sizes that have one good value in production, and small ones in the simulator, where every edge is to be met. */
export interface Tuning {
  /** The newest entries that a catch-up can take without reading the log again. */
  readonly feedEntries: number
  /** Characters of data in them. */
  readonly feedLength: number
  /** Encoded text that is kept for who comes a moment later, in characters. */
  readonly framesLength: number
  /** A page fills what a loopback socket takes at once; more would only wait in this process. */
  readonly pageEntries: number
  readonly pageBytes: number
}

const TUNING: Tuning = {
  feedEntries: 4096,
  feedLength: 4 * 1024 * 1024,
  framesLength: 8 * 1024 * 1024,
  pageEntries: 512,
  pageBytes: 64 * 1024,
}

/** What became of a publish. */
export interface PublishReceipt {
  /** The event's id; null for an ephemeral event and for a send to one connection. */
  readonly id: string | null
  /** Open connections that match; for events without history only those that were live. */
  readonly delivered: number
  /** True when its key was seen before, and this is the first answer again. */
  readonly duplicate?: true
}

/** Who asks for a stream, and for what. */
export interface SubscribeRequest {
  readonly user?: string | undefined
  /** Topics. Everyone's channel and the user's own come by themselves. */
  readonly channels?: readonly string[] | undefined
  readonly cursor?: Cursor | undefined
  /** When the stream ends, in milliseconds since 1970; never when absent. */
  readonly expiresAt?: number | undefined
}

/** Figures of a hub since it began, and what is open now. */
export interface HubStats extends Readonly<Counters> {
  /** Open streams. */
  readonly connections: number
  readonly users: number
  /** Channels that somebody follows now. */
  readonly channels: number
  /** Open streams whose socket is full. */
  readonly behind: number
  /** The id of the newest event that passed this hub. */
  readonly head: string
  /** What the log holds, if it can tell. */
  readonly log: LogStats | null
}

/** Some open connections. */
export interface ConnectionFilter {
  readonly user?: string
  readonly channel?: string
  readonly connection?: string
}

/** What a hub needs from its surroundings. */
export interface HubParts {
  readonly log: Log
  readonly clock: Clock
  readonly options?: HubOptionsInput
  readonly tuning?: Partial<Tuning>
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
  readonly #tuning: Tuning
  readonly #log: Log
  readonly #registry: Registry<Connection>
  readonly #feed: Feed
  readonly #fanOut: FanOut
  readonly #pulse: Pulse
  readonly #delivery: Delivery
  readonly #counters: Counters = {
    published: 0,
    delivered: 0,
    replayed: 0,
    gaps: 0,
    ephemeralSkipped: 0,
    fellBehind: 0,
    opened: 0,
    closed: 0,
  }
  readonly #frames = new Map<Dialect, Frames>()
  /** Rejects when the log cannot be opened; every publish and stream waits for it once. */
  readonly #ready: Promise<void>
  #opened = false
  #closed: Promise<void> | undefined
  #everyoneLeft: (() => void) | undefined

  constructor(parts: HubParts) {
    const { log, clock } = parts
    this.options = parseHubOptions(parts.options)
    this.clock = clock
    this.#tuning = { ...TUNING, ...parts.tuning }
    this.#log = log
    this.#registry = new Registry<Connection>(log)
    this.#feed = new Feed(this.#tuning.feedEntries, this.#tuning.feedLength)
    this.#fanOut = new FanOut(clock, this.#registry, this.#feed)
    this.#pulse = new Pulse(clock, this.#registry, this.#fanOut, this.options.delivery.heartbeatMs)
    this.#delivery = {
      clock,
      log,
      feed: this.#feed,
      registry: this.#registry,
      catchUps: new CatchUps(clock),
      counters: this.#counters,
      options: this.options,
      pageEntries: this.#tuning.pageEntries,
      pageBytes: this.#tuning.pageBytes,
      ending: new Map(),
      coarseNow: () => this.#pulse.now,
      retryMs: () => this.retryMs(),
      ended: (connection) => this.#ended(connection),
      report: parts.report,
    }
    this.#ready = log
      .open({ entries: (batch) => this.#announced(batch), gap: (gap) => this.#gapAdmitted(gap) })
      .then(() => log.read({ channels: [], after: null, maxEntries: 1, maxBytes: 1 }))
      .then(
        ({ through }) => {
          // What is before the head will not be announced.
          this.#feed.forget(through)
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

  /** A reconnection time in milliseconds, spread so that clients do not come back together. */
  retryMs(): number {
    return Math.round(this.options.delivery.retryMs * (0.5 + this.clock.random()))
  }

  /** An error as the problem to answer with. What no caller can have caused is reported before its text is lost. */
  problemOf(error: unknown): ProblemError {
    const problem = toProblem(error)
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
   * Publishes what was checked already. Calls made one after the other, without waiting, keep their order.
   * @throws ProblemError `data-too-large`, `shutting-down` or `log-unavailable`
   */
  async accept(publication: Publication): Promise<PublishReceipt> {
    this.#refuseWhenClosing()
    if (!this.#opened) await this.#becomeReady()
    const { dataBytes, channelsPerPublish } = this.options.limits
    const { channels, connection, event, except, key } = publication
    // Three bytes are the most that a UTF-16 unit takes, so most data needs no counting.
    if (event.data.length * 3 > dataBytes && utf8Length(event.data) > dataBytes) {
      throw new ProblemError('data-too-large', `At most ${dataBytes} bytes.`)
    }
    if (channels.length > channelsPerPublish) {
      throw new ProblemError('too-many-channels', `At most ${channelsPerPublish}.`)
    }
    const ephemeral = publication.ephemeral || connection !== undefined
    const targets = connection === undefined ? channels : [connectionChannel(connection)]
    // The log tells events apart by their identity: the same publication accepted twice is two events.
    const draft: Draft = { channels: targets, event: { ...event }, except, key, ephemeral }
    const [receipt] = await this.#log.append([draft])
    if (!receipt) throw new ProblemError('internal', 'The log gave no receipt.')
    if (!receipt.duplicate) this.#counters.published++
    const id = receipt.position === null ? null : String(receipt.position)
    const delivered = this.#matching(targets, except, ephemeral)
    return receipt.duplicate ? { id, delivered, duplicate: true } : { id, delivered }
  }

  /**
   * Opens a connection on a sink. The connection has been greeted when the answer resolves, and lives on.
   * @throws ProblemError for a bad name, `too-many-channels`, `too-many-connections` or `shutting-down`
   */
  async connect(request: SubscribeRequest, sink: Sink, dialect: Dialect): Promise<Connection> {
    this.#refuseWhenClosing()
    if (!this.#opened) await this.#becomeReady()
    const { connections, channelsPerConnection } = this.options.limits
    const topics = [...new Set((request.channels ?? []).map(parseChannel))]
    if (topics.length > channelsPerConnection) {
      throw new ProblemError('too-many-channels', `At most ${channelsPerConnection} on one stream.`)
    }
    if (this.#registry.size >= connections) throw new ProblemError('too-many-connections')
    const connection = new Connection(this.#delivery, sink, this.#framesOf(dialect), {
      id: crypto.randomUUID(),
      number: ++this.#counters.opened,
      user: request.user === undefined ? undefined : parseUser(request.user),
      topics,
      cursor: request.cursor ?? AT_HEAD,
      expiresAt: request.expiresAt,
    })
    await connection.open()
    return connection
  }

  /**
   * Reads a channel's history, oldest first.
   * @param query.after exclusive; from the beginning when absent
   * @param query.limit 1 to 1,000; 100 when absent
   * @throws ProblemError `channel-invalid`, `after-invalid`, `limit-invalid` or `log-unavailable`
   */
  async history(channel: string, query: HistoryQuery = {}): Promise<History> {
    return readHistory(this.#log, parseChannel(channel), query)
  }

  /** Figures since the hub began, and what is open now. */
  stats(): HubStats {
    let behind = 0
    for (const connection of this.#registry.all()) if (connection.state === 'behind') behind++
    return {
      connections: this.#registry.size,
      users: this.#registry.users,
      channels: this.#registry.channels,
      behind,
      head: String(this.#feed.end),
      log: this.#log.stats?.() ?? null,
      ...this.#counters,
    }
  }

  /** Open connections, oldest first; all of them, or those that match every part of the filter. */
  *connections(filter: ConnectionFilter = {}): Generator<ConnectionInfo> {
    for (const connection of this.#matchingConnections(filter)) yield describe(connection)
  }

  /** True while somebody follows the topic. */
  isFollowed(channel: string): boolean {
    return this.#registry.followers(parseChannel(channel)).size > 0
  }

  /** Ends connections with a `fanline.bye`, and answers how many. At least one part of the filter must be named. */
  disconnect(filter: ConnectionFilter, reason: CloseReason = 'kicked'): number {
    if (!Object.hasOwn(CLOSE_REASONS, reason))
      throw new ProblemError('bad-request', `No close reason "${reason}".`)
    if (filter.user === undefined && filter.channel === undefined && filter.connection === undefined) {
      throw new ProblemError('bad-request', 'Name a user, a channel or a connection.')
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
    await this.#log.close()
  }

  /** Waits for the log; a hub may be closed meanwhile. */
  async #becomeReady(): Promise<void> {
    await this.#ready
    this.#refuseWhenClosing()
  }

  #refuseWhenClosing(): void {
    if (this.#closed) throw new ProblemError('shutting-down')
  }

  #announced(batch: readonly Entry[]): void {
    this.#feed.push(batch)
    this.#fanOut.push(batch)
  }

  #gapAdmitted(gap: Gap): void {
    this.#feed.forget(gap.through)
    for (const connection of this.#registry.followers(gap.channel)) connection.reread()
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

  *#matchingConnections({ user, channel, connection: id }: ConnectionFilter): Generator<Connection> {
    for (const connection of this.#candidates(user, channel, id)) {
      if (id !== undefined && connection.id !== id) continue
      if (user !== undefined && connection.user !== user) continue
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
