/** A log on Redis or Valkey, shared by any number of hubs. Needs the package `@redis/client`. */
import { hostname } from 'node:os'
import { type ChannelName, connectionOf, type Position, ProblemError } from '@fanline/protocol'
import { type Clock, systemClock } from '../clock.ts'
import type { Draft, Entry, Gap, Log, LogHealth, LogListener, LogPage, LogQuery, Receipt } from '../log.ts'
import { type HubOptions, parseHubOptions } from '../options.ts'
import { PageCache } from './page-cache.ts'
import { Canary, LOST_MS } from './redis/canary.ts'
import { type ClonableRedisClient, endClient, isRefusal, type RedisClient } from './redis/client.ts'
import type { Durability, RedisAck } from './redis/durability.ts'
import { LiveFeed } from './redis/live-feed.ts'
import { encodePayload } from './redis/message.ts'
import { type Hole, pageOf, type RawPage } from './redis/page.ts'
import { RedisPeers } from './redis/peers.ts'
import { APPEND, READ, REMOVE, TOUCH } from './redis/script.ts'
import { serverRun } from './redis/server-run.ts'
import { Session } from './redis/session.ts'
import { Sightings } from './redis/sightings.ts'
import { Subscriptions } from './redis/subscriptions.ts'

export type { ClonableRedisClient, RedisClient } from './redis/client.ts'
export type { RedisAck } from './redis/durability.ts'
export {
  type SentinelAddress,
  type SentinelClientOptions,
  sentinelClient,
} from './redis/sentinel-client.ts'

/** How often a node asks where the log stands, and proves that it hears what is announced; milliseconds. */
const TICK_MS = 1000

/** After so long without a word a connection is made anew, in milliseconds. */
const SILENCE_MS = 5000

/** The least time that trim marks are kept: a client that was away for longer may hear of a loss that is none. */
const MARKS_MS = 7 * 86_400_000

/** How long to wait before a log that could not be begun is begun again, in milliseconds. */
const AGAIN_MS = 200

/** Drafts of one call, and entries of one channel in one read: Redis does nothing else meanwhile. */
const DRAFTS_PER_CALL = 512

/** How a log on Redis keeps its promises. */
export interface RedisLogOptions {
  /**
   * A client of `@redis/client`, or a {@link sentinelClient}, that is not connected yet; the log makes two of its kind,
   * and closes them.
   */
  readonly client: ClonableRedisClient
  /** What stands before all keys; logs with different prefixes share nothing. `fanline` when absent. */
  readonly prefix?: string | undefined
  /** What this hub is called in answers about all of them; host and process when absent. */
  readonly nodeName?: string | undefined
  readonly history?: Partial<HubOptions['history']> | undefined
  readonly idempotency?: Partial<HubOptions['idempotency']> | undefined
  /** `memory` when absent: Redis has it; `replica`: another server has it, too; `aof`: it is on the disk. */
  readonly ack?: RedisAck | undefined
  /** For tests; Redis' own clock counts when absent. */
  readonly clock?: Clock | undefined
}

/**
 * A log on Redis. One script orders, stores, announces and tells duplicates; what a node did not hear it reads; what
 * Redis itself lost is told as a gap. `history.totalBytes` is not applied: Redis has `maxmemory`.
 * @throws ProblemError `option-invalid`
 */
export function redisLog(options: RedisLogOptions): Log {
  return new RedisLog(options)
}

interface Append {
  readonly drafts: readonly Draft[]
  resolve(receipts: Receipt[]): void
  reject(error: unknown): void
}

class RedisLog implements Log {
  readonly peers: RedisPeers
  readonly #prefix: string
  readonly #node: string = crypto.randomUUID()
  readonly #history: HubOptions['history']
  readonly #idempotency: HubOptions['idempotency']
  readonly #givenClock: Clock | undefined
  readonly #ack: RedisAck
  readonly #session: Session
  readonly #subscriber: RedisClient
  readonly #subscriptions: Subscriptions
  readonly #feed: LiveFeed
  readonly #pages = new PageCache()
  #listener: LogListener | undefined
  readonly #sightings = new Sightings()
  /** Who is heard on the live channels; undefined while that is not known. */
  #heardRun: string | undefined
  #nextHead: Promise<LogPage> | undefined
  #lastHead: Promise<void> = Promise.resolve()
  #queue: Append[] = []
  #isAppending = false
  #cancelTick: () => void = () => undefined
  #durability: Durability | undefined
  readonly #canary = new Canary()
  /** When the first tick was sent that has no answer yet. */
  #unansweredSince = Number.POSITIVE_INFINITY

  constructor({
    client,
    prefix = 'fanline',
    nodeName = `${hostname()}:${process.pid}`,
    history,
    idempotency,
    ack = 'memory',
    clock,
  }: RedisLogOptions) {
    this.#ack = ack
    const options = parseHubOptions({ history: history ?? {}, idempotency: idempotency ?? {} })
    this.#prefix = `{${prefix}}`
    this.#history = options.history
    this.#idempotency = options.idempotency
    this.#givenClock = clock
    // A tick passes each connection every second: one that is quiet for longer leads nowhere.
    const socket = {
      ...client.options?.socket,
      socketTimeout: SILENCE_MS,
      reconnectStrategy: reconnectDelayMs,
    }
    // What was not sent before the connection was lost must not be sent to another server after it.
    const commands = client.duplicate({ socket, disableOfflineQueue: true })
    // RESP3 takes other commands on a connection that listens, too.
    this.#subscriber = client.duplicate({ socket, RESP: 3 })
    for (const connection of [commands, this.#subscriber]) {
      // It connects again by itself; what failed meanwhile was told to who asked.
      connection.on('error', () => undefined)
    }
    this.#session = new Session(commands, () => {
      this.peers.reconnected()
      void this.#touch()
    })
    this.#subscriptions = new Subscriptions(this.#subscriber, (text, channel) => this.#hear(text, channel))
    this.peers = new RedisPeers({
      session: this.#session,
      subscriptions: this.#subscriptions,
      prefix: this.#prefix,
      own: { id: this.#node, name: nodeName },
    })
    this.#feed = new LiveFeed({
      listener: { entries: (batch) => this.#announce(batch), gap: (gap) => this.#lost(gap) },
      read: (channels, after) => this.#readTold(channels, after),
    })
    this.#deafen()
    for (const event of ['error', 'reconnecting', 'end']) this.#subscriber.on(event, () => this.#deafen())
    this.#subscriber.on('ready', () => void this.#listen())
  }

  async open(listener: LogListener): Promise<void> {
    this.#listener = listener
    await Promise.all([this.#session.open(), this.#subscriber.connect()])
    // The server may go away at any moment: it is begun anew until all of it was done.
    while (!(await this.#begin())) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    this.#canary.begin()
    this.#cancelTick = systemClock.every(TICK_MS, () => void this.#touch())
  }

  /** False when the server went away meanwhile. @throws ProblemError when trying again would not help */
  async #begin(): Promise<boolean> {
    try {
      const own = [`${this.#prefix}:x`, this.#tickChannel]
      await Promise.all(own.map((channel) => this.#subscriptions.add(channel)))
      this.#durability = await this.#session.durability(this.#ack)
      const page = await this.#readRaw([], null, 1)
      this.#feed.begin(page)
      return true
    } catch (error) {
      const isOptionWrong = error instanceof ProblemError && error.code === 'option-invalid'
      if (isOptionWrong || isRefusal(error) || !this.#listener) throw error
      return false
    }
  }

  append(drafts: readonly Draft[]): Promise<readonly Receipt[]> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ drafts, resolve, reject })
      if (!this.#isAppending) void this.#appendAll()
    })
  }

  read(query: LogQuery): Promise<LogPage> {
    if (query.after === null) return this.#readHead(query)
    return this.#pages.get(query, async () => {
      const raw = await this.#readRaw(query.channels, query.after, query.maxEntries)
      return pageOf(raw, query)
    })
  }

  async watch(channel: ChannelName): Promise<void> {
    if (connectionOf(channel) !== undefined) return
    this.#feed.follow(channel)
    await this.#subscriptions.addInTime(this.#liveChannel(channel))
    this.#pages.forget(channel)
  }

  unwatch(channel: ChannelName): void {
    this.#feed.unfollow(channel)
    this.#subscriptions.remove(this.#liveChannel(channel))
  }

  async removeRevocations(positions: readonly Position[]): Promise<void> {
    for (let start = 0; start < positions.length; start += DRAFTS_PER_CALL) {
      const some = positions.slice(start, start + DRAFTS_PER_CALL)
      await this.#session.call(REMOVE, this.#prefix, some.map(String))
    }
  }

  health(): LogHealth {
    const problem = this.#problem
    return {
      isReady: problem === undefined,
      ...(problem === undefined ? {} : { problem }),
      canary: this.#canary.state(),
      promise: this.#durability?.promise ?? 'Redis was not reached yet.',
      warnings: this.#durability?.warnings ?? [],
    }
  }

  async close(): Promise<void> {
    this.#cancelTick()
    this.#feed.close()
    this.#listener = undefined
    await this.peers.close()
    await this.#session.close()
    await endClient(this.#subscriber)
  }

  get #problem(): string | undefined {
    if (this.#session.run === undefined) return 'There is no connection to Redis.'
    const { silentMs } = this.#canary
    if (silentMs < LOST_MS) return undefined
    return `What this node sends itself through Redis has not come back for ${Math.floor(silentMs / 1000)} s.`
  }

  get #tickChannel(): string {
    return `${this.#prefix}:n:${this.#node}`
  }

  #liveChannel(channel: ChannelName): string {
    return `${this.#prefix}:l:${channel}`
  }

  /** What waits while one call is under way leaves together in the next. */
  async #appendAll(): Promise<void> {
    this.#isAppending = true
    while (this.#queue.length > 0) {
      // Requests that came with this one are read in the same turn; what is stored together is delivered together.
      await new Promise<void>((resolve) => systemClock.defer(resolve))
      const calls = this.#takeCalls()
      try {
        const receipts = await this.#appendOnce(calls.flatMap(({ drafts }) => drafts))
        let start = 0
        for (const { drafts, resolve } of calls) {
          resolve(receipts.slice(start, start + drafts.length))
          start += drafts.length
        }
      } catch (error) {
        for (const { reject } of calls) reject(error)
      }
    }
    this.#isAppending = false
  }

  #takeCalls(): Append[] {
    let count = 0
    for (let drafts = 0; count < this.#queue.length; count++) {
      drafts += this.#queue[count]!.drafts.length
      if (count > 0 && drafts > DRAFTS_PER_CALL) break
    }
    return this.#queue.splice(0, count)
  }

  async #appendOnce(drafts: readonly Draft[]): Promise<Receipt[]> {
    const { maxEvents, maxAgeMs, maxBytes } = this.#history
    const args = [this.#floor, this.#now, `${maxEvents}`, `${maxAgeMs}`, `${maxBytes}`]
    args.push(`${this.#idempotency.windowMs}`, `${this.#marksMs}`)
    for (const draft of drafts) {
      args.push(draft.key ?? '', draft.ephemeral ? '1' : '', encodePayload(draft), `${draft.channels.length}`)
      args.push(...draft.channels)
    }
    const wait = this.#durability?.wait
    const { run, answer } = await this.#session.call(APPEND, this.#prefix, args)
    const [born, ...answers] = answer as string[]
    if (wait) await this.#session.wait(wait.command, wait.replicas)
    const receipts = drafts.map((_, i): Receipt => {
      const position = answers[2 * i]!
      return {
        position: position === '' ? null : (Number(position) as Position),
        duplicate: answers[2 * i + 1] === '1',
      }
    })
    this.#feed.bornAt(born!)
    for (const { position } of receipts) if (position !== null) this.#sightings.saw(run, position)
    return receipts
  }

  /** Who asks where the log stands while another asks shares the next call: it begins after they have asked. */
  #readHead(query: LogQuery): Promise<LogPage> {
    this.#nextHead ??= this.#lastHead.then(() => {
      this.#nextHead = undefined
      const page = this.#askHead(query)
      this.#lastHead = page.then(nothing, nothing)
      return page
    })
    return this.#nextHead
  }

  async #askHead(query: LogQuery): Promise<LogPage> {
    const raw = await this.#readRaw([], null, 1)
    return pageOf(raw, query)
  }

  /**
   * For the feed, which tells everybody here of a loss once: the log has to know of it by then, for those who have not
   * read up to it. So what this node has seen is told first.
   * @throws ProblemError `log-unavailable` when that was not possible
   */
  async #readTold(channels: readonly ChannelName[], after: Position): Promise<RawPage> {
    if (!this.#sightings.areToldTo(this.#session.run ?? '')) await this.#touch()
    const { run } = this.#session
    if (run !== undefined && this.#sightings.areToldTo(run)) {
      const page = await this.#readRaw(channels, after, DRAFTS_PER_CALL)
      if (page.run === run) return page
    }
    throw new ProblemError('log-unavailable', 'Redis was not told yet what this node has seen.')
  }

  async #readRaw(
    channels: readonly ChannelName[],
    after: Position | null,
    entries: number,
  ): Promise<RawPage> {
    const args = [this.#floor, this.#now, `${after ?? 0}`, `${entries + 1}`, `${this.#history.maxAgeMs}`]
    const reply = await this.#session.call(READ, this.#prefix, [...args, `${this.#marksMs}`, ...channels])
    const { run, answer } = reply
    const [head, born, holes, ...rest] = answer as [string, string, string[], ...(string | string[])[]]
    this.#sightings.saw(run, Number(head) as Position)
    // A channel that gave all it was asked for may have more.
    const full = channels
      .map((_, i) => rest[2 * i + 1] as string[])
      .filter((found) => found.length > 3 * entries)
    return {
      run,
      head: Number(head) as Position,
      born: Number(born) as Position,
      through: Math.min(Number(head), ...full.map((found) => Number(found.at(-3)))) as Position,
      holes: holesOf(holes),
      channels: channels.map((name, i) => ({
        name,
        trimmed: Number(rest[2 * i]) as Position,
        entries: rest[2 * i + 1] as string[],
      })),
    }
  }

  /** Says what this node has seen, and asks for the head in front of everybody's ears. */
  async #touch(): Promise<void> {
    if (!this.#listener) return
    // To its socket timeout the connection looks alive: it is written to.
    if (performance.now() - this.#unansweredSince > SILENCE_MS) this.#session.connectAnew()
    const word = this.#canary.next()
    const { run: current } = this.#session
    if (current === undefined) return
    const seen = this.#sightings.untold(current)
    this.#unansweredSince = Math.min(this.#unansweredSince, performance.now())
    try {
      const args = [this.#floor, this.#now, this.#node, `${this.#marksMs}`, word, ...seen]
      const { run, answer } = await this.#session.call(TOUCH, this.#prefix, args)
      const [head, born] = answer as [string, string]
      this.#feed.bornAt(born)
      this.#sightings.told(seen, run, Number(head) as Position)
    } catch {
      // Without a connection there is nobody to tell; the next tick asks again.
    } finally {
      this.#unansweredSince = Number.POSITIVE_INFINITY
    }
  }

  /** A live message: whatever was published there. */
  #hear(text: string, channel: string): void {
    if (channel === this.#tickChannel) this.#hearTick(text)
    else if (this.peers.hears(channel)) this.peers.hear(text, channel)
    else if (text.startsWith('[')) this.#feed.hear(text)
    else this.#feed.hearOfLoss(text)
  }

  #hearTick(text: string): void {
    const [head = '', born = '', word = '', run] = text.split(' ')
    if (this.#heardRun !== undefined && run !== this.#heardRun) {
      // It came by a replica of the server that is written to: what is told there may be late or missing.
      if (this.#canary.isUnderWay(word)) this.#listenAnew()
    } else if (this.#canary.heard(word)) {
      this.#feed.bornAt(born)
      this.#feed.complete(Number(head) as Position)
    }
  }

  #lost(gap: Gap): void {
    this.#pages.clear()
    this.#listener?.gap(gap)
  }

  #announce(batch: readonly Entry[]): void {
    const newest = batch.at(-1)?.position
    if (newest != null && this.#heardRun !== undefined) this.#sightings.saw(this.#heardRun, newest)
    this.#listener?.entries(batch)
  }

  #deafen(): void {
    this.#heardRun = undefined
    this.#feed.cut()
  }

  /** Finds out who is heard before anything of it is passed on. */
  async #listen(): Promise<void> {
    try {
      this.#heardRun = await serverRun(this.#subscriber)
    } catch {
      // The connection was lost again; it says `ready` anew when it is there.
      return
    }
    this.#feed.heal()
  }

  #listenAnew(): void {
    if (!this.#listener) return
    // Says that it has ended, and so everything that comes now waits.
    this.#subscriber.destroy()
    // It goes on trying, and says `ready` when it is there.
    this.#subscriber.connect().catch(() => undefined)
  }

  get #floor(): string {
    return String(this.#sightings.floor)
  }

  get #now(): string {
    return this.#givenClock ? `${this.#givenClock.now()}` : ''
  }

  get #marksMs(): number {
    return Math.max(MARKS_MS, 10 * this.#history.maxAgeMs)
  }
}

/** @param answer "AFTER THROUGH" and where the log stood when that was found, one after the other */
function holesOf(answer: readonly string[]): Hole[] {
  const holes: Hole[] = []
  for (let i = 0; i < answer.length; i += 2) {
    const [after, through] = answer[i]!.split(' ').map(Number) as [Position, Position]
    holes.push({ after, through, foundAt: Number(answer[i + 1]) as Position })
  }
  return holes
}

/** Longer each time, to two seconds, and never at the same moment as everybody else. */
function reconnectDelayMs(retries: number): number {
  return Math.min(2000, 50 * 2 ** Math.min(retries, 6)) * (0.5 + Math.random())
}

function nothing(): void {
  // Who asked hears what came of it.
}
