import {
  type ChannelName,
  type CloseReason,
  connectionOf,
  type Position,
  PROBLEMS,
  type ProblemCode,
  ProblemError,
  parsePosition,
  parseUser,
  toProblem,
  userChannel,
} from '@fanline/protocol'
import type { Clock } from './clock.ts'
import type { Connection } from './connection.ts'
import {
  type ConnectionFilter,
  type ConnectionInfo,
  type ConnectionRenewal,
  parseConnectionInfo,
} from './connection-info.ts'
import type { Happening, Happenings } from './happenings.ts'
import { addUp, type HubStats, parseHubStats } from './hub-stats.ts'
import { Lookout, lookElsewhere, parseTold } from './lookout.ts'
import { mergePages, type OnlineUser, pageOfUsers, parseUserPage, type UserPage } from './online-users.ts'
import type { PeerNode, PeerSelf, Peers } from './peers.ts'
import type { PublishRates, Taken } from './publish-rates.ts'
import { parseQuestion, type Question } from './question.ts'
import type { Registry } from './registry.ts'
import { parseTicketGrant, type TicketExchange, type TicketGrant } from './ticket-grant.ts'
import { type EventTrace, type HubTrace, mergeTraces, parseHubTrace } from './trace.ts'

/** How long a caller waits for other hubs' figures once its own work is done, in milliseconds. */
const PATIENCE_MS = 250

/** A list of connections ends after so many characters, and goes on in the next page. */
const MAX_PAGE_LENGTH = 1024 * 1024

/** What a cluster can ask of its own hub. */
export interface OwnHub {
  readonly rates: PublishRates
  stats(): HubStats
  connections(filter: ConnectionFilter): Iterable<ConnectionInfo>
  connection(id: string): ConnectionInfo | undefined
  disconnect(filter: ConnectionFilter, reason?: CloseReason): number
  renew(id: string, renewal: ConnectionRenewal): boolean
  follow(id: string, channels: readonly string[]): Promise<boolean>
  trace(position: Position, channels: readonly string[], limit: number): HubTrace
  readonly happenings: Happenings
}

/** What a cluster is made of. */
export interface ClusterParts {
  readonly hub: OwnHub
  readonly registry: Registry<Connection>
  readonly peers: Peers | undefined
  readonly clock: Clock
}

/** Which hubs did not answer in time, by name: what they have is missing. Absent where no other hub can use the log. */
export interface Silence {
  readonly silent?: readonly string[]
}

/** Figures of all hubs together. */
export interface ClusterStats extends HubStats, Silence {
  /** Those of each hub. Absent where no other hub can use the log. */
  readonly nodes?: readonly { readonly node: string; readonly stats: HubStats }[]
}

/** A connection, and the hub it is open on. */
export interface PlacedConnection extends ConnectionInfo {
  /** Absent where no other hub can use the log. */
  readonly node?: string
}

/** Some connections of all hubs: hub by hub, oldest first. */
export interface ConnectionPage extends Silence {
  readonly connections: readonly PlacedConnection[]
  /** The `after` of the next page; null at the end. */
  readonly next: string | null
}

/** Where a user is connected. */
export interface Presence {
  readonly user: string
  readonly online: boolean
  /** Open streams on all hubs. */
  readonly connections: number
  /** The hubs they are on. Absent where no other hub can use the log. */
  readonly nodes?: readonly { readonly node: string; readonly connections: number }[]
}

/** Some users who are online, in the order of their ids. */
export interface OnlineUsers extends Silence {
  readonly users: readonly OnlineUser[]
  /** The `after` of the next page; null at the end. */
  readonly next: string | null
}

/** Some topics that somebody follows, in the order of their names. */
export interface FollowedChannels extends Silence {
  readonly channels: readonly { readonly channel: string; readonly connections: number }[]
  /** The `after` of the next page; null at the end. */
  readonly next: string | null
}

/** Which of several things in order, and how many of them. */
export interface PageQuery {
  /** The `next` of the page before; from the beginning when absent. */
  readonly after?: string | undefined
  /** At most so many; 1,000 when absent, and at most. */
  readonly limit?: number | undefined
}

interface Asking {
  /** Only the hub with this id. */
  readonly only?: string
  /** The first answer that is not null is enough. */
  readonly wantsOne?: boolean
}

interface Asked<T> {
  readonly answers: readonly { readonly node: PeerNode; readonly answer: T }[]
  readonly silent: readonly PeerNode[]
}

/**
 * The hubs that share a log, as one: what this hub knows, and what the others say. Where no other hub can use the log,
 * all that is asked is answered by this one.
 */
export class Cluster implements PeerSelf, TicketExchange {
  readonly #hub: OwnHub
  readonly #registry: Registry<Connection>
  readonly #peers: Peers | undefined
  readonly #clock: Clock
  readonly #lookout: Lookout
  #ownTicket: (ticket: string) => TicketGrant | undefined = () => undefined

  constructor({ hub, registry, peers, clock }: ClusterParts) {
    this.#hub = hub
    this.#registry = registry
    this.#peers = peers
    this.#clock = clock
    this.#lookout = new Lookout(clock, hub.happenings)
  }

  /** Begins to speak with the others; the hub does so when its log is open. */
  async open(): Promise<void> {
    await this.#peers?.open(this)
  }

  /** All live hubs, this one first, as was known a moment ago. Empty where no other hub can use the log. */
  nodes(): readonly PeerNode[] {
    return this.#peers?.nodes() ?? []
  }

  /** Figures of all hubs: sums, and those of each. A user or channel counts once on each hub. */
  async stats(): Promise<ClusterStats> {
    const own = this.#hub.stats()
    if (!this.#peers) return own
    const { answers, silent } = await this.#ask({ ask: 'stats' }, parseHubStats)
    const others = answers.map(({ node, answer }) => ({ node: node.name, stats: answer }))
    const sums = addUp(
      own,
      others.map(({ stats }) => stats),
    )
    return { ...sums, nodes: [{ node: this.#peers.own.name, stats: own }, ...others], ...named(silent) }
  }

  /**
   * Open connections of all hubs that match every part of the filter.
   * @throws ProblemError `after-invalid` or `limit-invalid`
   */
  async connections(filter: ConnectionFilter = {}, query: PageQuery = {}): Promise<ConnectionPage> {
    const limit = limitOf(query)
    const start = parseAfter(query.after)
    const own = this.#peers?.own
    if (!own) {
      const { connections, hasMore } = this.#ownConnections(filter, start.number, limit)
      return { connections, next: hasMore ? String(connections.at(-1)?.number) : null }
    }
    const found: PlacedConnection[] = []
    const silent: PeerNode[] = []
    for (const node of [...this.nodes()].sort((a, b) => (a.id < b.id ? -1 : 1))) {
      if (node.id < start.node) continue
      const after = node.id === start.node ? start.number : 0
      const question: Question = { ask: 'connections', filter, after, limit: limit - found.length }
      const said =
        node.id === own.id
          ? { answers: [{ answer: this.#ownConnections(filter, after, question.limit) }], silent: [] }
          : await this.#ask(question, parseConnectionList, { only: node.id })
      silent.push(...said.silent)
      for (const { answer } of said.answers) {
        found.push(...answer.connections.map((connection) => ({ ...connection, node: node.name })))
        if (!answer.hasMore) continue
        return {
          connections: found,
          next: `${node.id}.${answer.connections.at(-1)?.number}`,
          ...named(silent),
        }
      }
      // What is next may be on any hub behind this one.
      if (found.length === limit) return { connections: found, next: `${node.id}.${LAST}`, ...named(silent) }
    }
    return { connections: found, next: null, ...named(silent) }
  }

  /** One open connection, wherever it is. */
  async connection(id: string): Promise<ConnectionInfo | undefined> {
    const own = this.#hub.connection(id)
    if (own || !this.#peers) return own
    const { answers } = await this.#ask({ ask: 'connection', id }, parseConnection, { wantsOne: true })
    return answers.find(({ answer }) => answer !== null)?.answer ?? undefined
  }

  /**
   * Ends connections on all hubs with a `fanline.bye`, and answers how many. At least one part of the filter must be named.
   * @throws ProblemError `bad-request`
   */
  async disconnect(
    filter: ConnectionFilter,
    reason: CloseReason = 'kicked',
  ): Promise<{ readonly closed: number } & Silence> {
    const closed = this.#hub.disconnect(filter, reason)
    if (!this.#peers || (filter.connection !== undefined && closed > 0)) return { closed }
    const { answers, silent } = await this.#ask({ ask: 'disconnect', filter, reason }, parseCount)
    return { closed: closed + sum(answers.map(({ answer }) => answer)), ...named(silent) }
  }

  /** Lets a connection live on with another credential, wherever it is. Answers false when no hub has it. */
  async renew(id: string, renewal: ConnectionRenewal): Promise<boolean> {
    if (this.#hub.renew(id, renewal)) return true
    return this.#change({ ask: 'renew', id, renewal })
  }

  /**
   * Makes a connection follow other topics, wherever it is. Answers false when no hub has it.
   * @throws ProblemError as {@link OwnHub.follow} does
   */
  async follow(id: string, channels: readonly string[]): Promise<boolean> {
    if (await this.#hub.follow(id, channels)) return true
    return this.#change({ ask: 'follow', id, channels })
  }

  /**
   * Whether a user is online, with how many streams, and on which hubs.
   * @throws ProblemError `user-invalid`, or `log-unavailable` when nobody knows of the others
   */
  async presence(user: string): Promise<Presence> {
    const name = userChannel(parseUser(user))
    const own = this.#registry.countUnder(name)
    if (!this.#peers) return { user, online: own > 0, connections: own }
    const others = await this.#peers.count([name])
    const all = [
      { node: this.#peers.own.name, connections: own },
      ...others.map(({ node, counts }) => ({ node: node.name, connections: counts.get(name) ?? 0 })),
    ]
    const nodes = all.filter(({ connections }) => connections > 0)
    return {
      user,
      online: nodes.length > 0,
      connections: sum(nodes.map(({ connections }) => connections)),
      nodes,
    }
  }

  /** All users who are online on any hub, and how many streams each has. */
  async connectionsByUser(): Promise<ReadonlyMap<string, number>> {
    if (!this.#peers) return this.#registry.countsByUser
    const counts = new Map<string, number>()
    for (let after: string | null = ''; after !== null; ) {
      const page: OnlineUsers = await this.users({ after })
      for (const { user, connections } of page.users) counts.set(user, connections)
      after = page.next
    }
    return counts
  }

  /**
   * Users who are online on any hub, in the order of their ids: those who follow a channel, or all.
   * @param query.after exclusive
   * @throws ProblemError `limit-invalid`
   */
  async users(query: PageQuery & { readonly channel?: string | undefined } = {}): Promise<OnlineUsers> {
    const limit = limitOf(query)
    const { channel = null, after = '' } = query
    const own = this.#ownUsers(channel, after, limit)
    const { answers, silent } = await this.#ask({ ask: 'users', channel, after, limit }, parseUserPage)
    const { users, hasMore } = mergePages([own, ...answers.map(({ answer }) => answer)], limit)
    const next = hasMore ? (users.at(-1)?.user ?? null) : null
    return { users, next, ...(this.#peers ? named(silent) : {}) }
  }

  /**
   * Topics that somebody follows on any hub, in the order of their names, and how many streams follow each.
   * @param query.after exclusive
   * @throws ProblemError `limit-invalid`
   */
  async channels(query: PageQuery = {}): Promise<FollowedChannels> {
    const limit = limitOf(query)
    const { after = '' } = query
    const { answers, silent } = await this.#ask({ ask: 'channels', after, limit }, parseUserPage)
    const pages = [this.#ownChannels(after, limit), ...answers.map(({ answer }) => answer)]
    const { users, hasMore } = mergePages(pages, limit)
    const channels = users.map(({ user: channel, connections }) => ({ channel, connections }))
    const next = hasMore ? (channels.at(-1)?.channel ?? null) : null
    return { channels, next, ...(this.#peers ? named(silent) : {}) }
  }

  /**
   * What became of an event: who published it, and how far it has come on each hub.
   * @param limit how many connections of each hub are named at most, 1 to 1,000; 100 when absent
   * @throws ProblemError `limit-invalid`, or `event-not-remembered` when it has no id, or is too old
   */
  async trace(id: string, limit?: number | undefined): Promise<EventTrace> {
    const most = limitOf({ limit: limit ?? 100 })
    const position = parsePosition(id)
    if (position === undefined) throw new ProblemError('event-not-remembered')
    const trace = await this.#trace(position, [], most)
    // Where nobody followed it then, somebody may have read it since: each hub must know where it is to be found.
    return this.#peers ? this.#trace(position, trace.channels, most) : trace
  }

  /**
   * Hears of what happens on all hubs from now on, of others half a second later; the answer ends it.
   * @param heard must not throw
   * @param missed is told of how many that happened on others nothing is known, at least; must not throw
   */
  watch(heard: (happening: Happening) => void, missed: (count: number) => void): () => void {
    const { happenings } = this.#hub
    if (!this.#peers) return happenings.watch(heard)
    const node = this.#peers.own.name
    const stop = happenings.watch((happening) => heard({ ...happening, node }))
    const question: Question = { ask: 'happenings', watcher: crypto.randomUUID() }
    const ask = async () => (await this.#ask(question, parseTold)).answers
    const stopOthers = lookElsewhere(this.#clock, ask, heard, missed)
    return () => {
      stop()
      stopOthers()
    }
  }

  /** Ends what waits for others that look. */
  close(): void {
    this.#lookout.close()
  }

  /**
   * How many streams of other hubs follow the targets of a publish; one that follows two of them counts twice. Undefined
   * where there are no other hubs. Never rejects: what is not known counts as none. Pass it to {@link soon}.
   */
  followersElsewhere(channels: readonly ChannelName[]): Promise<number> | undefined {
    if (!this.#peers) return undefined
    const id = channels.length === 1 ? connectionOf(channels[0]!) : undefined
    if (id === undefined) return this.#countUnder(this.#peers, channels).then(sum)
    // A connection that is here is nowhere else.
    if (this.#registry.get(id)) return Promise.resolve(0)
    return this.connection(id).then((info) => (info ? 1 : 0))
  }

  /** How many streams other hubs have under each of some names, as they say if they say it soon; otherwise none. */
  async countElsewhere(names: readonly string[]): Promise<readonly number[]> {
    const none = names.map(() => 0)
    return this.#peers ? this.soon(this.#countUnder(this.#peers, names), none) : none
  }

  /** What the others say, if they say it soon: nobody waits for figures of a log that no longer answers. */
  async soon<T>(figure: Promise<T>, otherwise: T): Promise<T> {
    let cancel: (() => void) | undefined
    const late = new Promise<T>((resolve) => {
      cancel = this.#clock.after(PATIENCE_MS, () => resolve(otherwise))
    })
    return Promise.race([figure, late]).finally(cancel)
  }

  shareTickets(find: (ticket: string) => TicketGrant | undefined): void {
    this.#ownTicket = find
  }

  async findTicket(ticket: string): Promise<TicketGrant | undefined> {
    const { answers } = await this.#ask({ ask: 'ticket', ticket }, parseTicketGrant, { wantsOne: true })
    return answers.find(({ answer }) => answer !== null)?.answer ?? undefined
  }

  names(): Iterable<string> {
    return this.#registry.names()
  }

  count(name: string): number {
    return this.#registry.countUnder(name)
  }

  takenElsewhere(taken: Taken): void {
    this.#hub.rates.takenElsewhere(taken)
  }

  async answer(asked: unknown): Promise<unknown> {
    const question = parseQuestion(asked)
    if (!question) return undefined
    try {
      return { said: await this.#reply(question) }
    } catch (error) {
      const { code, detail } = toProblem(error)
      return { problem: { code, detail } }
    }
  }

  #reply(question: Question): unknown {
    switch (question.ask) {
      case 'stats':
        return this.#hub.stats()
      case 'connections':
        return this.#ownConnections(question.filter, question.after, question.limit)
      case 'connection':
        return this.#hub.connection(question.id) ?? null
      case 'disconnect':
        return this.#hub.disconnect(question.filter, question.reason as CloseReason)
      case 'renew':
        return this.#hub.renew(question.id, question.renewal) || null
      case 'follow':
        return this.#hub.follow(question.id, question.channels).then((isDone) => isDone || null)
      case 'users':
        return this.#ownUsers(question.channel, question.after, question.limit)
      case 'channels':
        return this.#ownChannels(question.after, question.limit)
      case 'happenings':
        return this.#lookout.tell(question.watcher)
      case 'trace':
        return this.#hub.trace(question.position as Position, question.channels, question.limit)
      case 'ticket':
        return this.#ownTicket(question.ticket) ?? null
    }
  }

  /** @throws ProblemError `event-not-remembered` */
  async #trace(position: Position, channels: readonly string[], limit: number): Promise<EventTrace> {
    const own = this.#hub.trace(position, channels, limit)
    const id = String(position)
    const { answers, silent } = await this.#ask({ ask: 'trace', position, channels, limit }, parseHubTrace)
    const all = [
      { ...(this.#peers && { node: this.#peers.own.name }), trace: own },
      ...answers.map(({ node, answer }) => ({ node: node.name, trace: answer })),
    ]
    const silence = this.#peers ? named(silent) : {}
    const merged = mergeTraces(id, all)
    if (!merged) throw new ProblemError('event-not-remembered', silenceText(silence))
    return { ...merged, ...silence }
  }

  /** What the others say; who says what cannot be, or has a problem, counts as silent. */
  async #ask<T>(
    question: Question,
    read: (said: unknown) => T | undefined,
    { only, wantsOne = false }: Asking = {},
  ): Promise<Asked<T>> {
    if (!this.#peers) return { answers: [], silent: [] }
    const isEnough = wantsOne ? (answer: unknown) => Object(answer).said != null : undefined
    const { answers, silent } = await this.#peers.ask(question, { only, isEnough })
    const understood: { node: PeerNode; answer: T }[] = []
    const others = [...silent]
    for (const { node, answer: envelope } of answers) {
      const answer = read(Object(envelope).said)
      if (answer === undefined) others.push(node)
      else understood.push({ node, answer })
    }
    return { answers: understood, silent: others }
  }

  /** Has something done where a connection is. @throws ProblemError that was met there */
  async #change(question: Question): Promise<boolean> {
    if (!this.#peers) return false
    const isEnough = (answer: unknown): boolean =>
      problemOf(answer) !== undefined || Object(answer).said === true
    const { answers } = await this.#peers.ask(question, { isEnough })
    if (answers.some(({ answer }) => Object(answer).said === true)) return true
    for (const { answer } of answers) {
      const problem = problemOf(answer)
      if (problem) throw problem
    }
    return false
  }

  #ownConnections(filter: ConnectionFilter, after: number, limit: number): ConnectionList {
    const connections: ConnectionInfo[] = []
    let length = 0
    for (const info of this.#hub.connections(filter)) {
      if (info.number <= after) continue
      if (connections.length === limit || length > MAX_PAGE_LENGTH) return { connections, hasMore: true }
      connections.push(info)
      length += sum(info.channels.map((channel) => channel.length)) + 300
    }
    return { connections, hasMore: false }
  }

  #ownUsers(channel: string | null, after: string, limit: number): UserPage {
    if (channel === null) return pageOfUsers(this.#registry.countsByUser, after, limit)
    const counts = new Map<string, number>()
    for (const { user } of this.#registry.followers(channel as ChannelName)) {
      if (user !== undefined) counts.set(user, (counts.get(user) ?? 0) + 1)
    }
    return pageOfUsers(counts, after, limit)
  }

  /** Pages of topics are put together as those of users are. */
  #ownChannels(after: string, limit: number): UserPage {
    return pageOfUsers(this.#registry.countsByTopic(), after, limit)
  }

  /** How many connections other hubs have under each of some names; none when nobody can say. */
  async #countUnder(peers: Peers, names: readonly string[]): Promise<number[]> {
    try {
      const found = await peers.count(names)
      return names.map((name) => sum(found.map(({ counts }) => counts.get(name) ?? 0)))
    } catch {
      // The log cannot be reached; whoever writes or reads it hears of that.
      return names.map(() => 0)
    }
  }
}

interface ConnectionList {
  readonly connections: readonly ConnectionInfo[]
  readonly hasMore: boolean
}

/** Behind the number of any connection. */
const LAST = Number.MAX_SAFE_INTEGER

/** Where a page of connections begins: after the number of a connection, which a hub alone gives without its own id. */
function parseAfter(after = '0'): { readonly node: string; readonly number: number } {
  const [, node = '', number] = /^(?:([\da-f-]{36})\.)?(\d{1,16})$/.exec(after) ?? []
  if (number === undefined) throw new ProblemError('after-invalid', 'It is the next of the page before.')
  return { node, number: Number(number) }
}

function limitOf({ limit = 1000 }: PageQuery): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw new ProblemError('limit-invalid')
  return limit
}

function parseConnectionList(said: unknown): ConnectionList | undefined {
  const { connections, hasMore } = Object(said)
  if (!Array.isArray(connections) || typeof hasMore !== 'boolean') return undefined
  const known = connections.map(parseConnectionInfo)
  if (known.includes(undefined)) return undefined
  return { connections: known as ConnectionInfo[], hasMore: hasMore && known.length > 0 }
}

function parseConnection(said: unknown): ConnectionInfo | null | undefined {
  return said === null ? null : parseConnectionInfo(said)
}

function parseCount(said: unknown): number | undefined {
  return Number.isSafeInteger(said) ? (said as number) : undefined
}

/** The problem that another hub met; undefined when it met none. */
function problemOf(answer: unknown): ProblemError | undefined {
  const { code, detail } = Object(Object(answer).problem)
  if (!Object.hasOwn(PROBLEMS, String(code))) return undefined
  return new ProblemError(code as ProblemCode, typeof detail === 'string' ? detail : undefined)
}

function named(silent: readonly PeerNode[]): Silence {
  return { silent: silent.map(({ name }) => name) }
}

/** Where what was not found may be all the same; undefined when all have answered. */
export function silenceText({ silent = [] }: Silence): string | undefined {
  return silent.length === 0 ? undefined : `These hubs did not answer: ${silent.join(', ')}.`
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0)
}
