import { type ChannelName, connectionOf, type UserId } from '@fanline/protocol'
import type { Log } from './log.ts'

/** What a registry needs to know of a connection. */
export interface Follower {
  readonly id: string
  readonly user: UserId | undefined
  readonly channels: readonly ChannelName[]
  /** Where its client is, if that is known. */
  readonly address: string | undefined
}

interface Following<C> {
  readonly connections: Set<C>
  /** Who wants it announced without being connected. */
  holds: number
  /** Resolves when the log announces this channel; undefined once it does. */
  watched: Promise<void> | undefined
}

const NOBODY: ReadonlySet<never> = new Set()

/** The name under which those who come from an address are counted; no channel can have it. */
export function addressName(address: string): string {
  return `${ADDRESS_PREFIX}${address}`
}

const ADDRESS_PREFIX = '@address:'

/** Who is connected, and who follows what. The log is asked for a channel while somebody follows it. */
export class Registry<C extends Follower> {
  readonly #log: Log
  readonly #following = new Map<ChannelName, Following<C>>()
  readonly #connections = new Map<string, C>()
  readonly #users = new Map<UserId, number>()
  readonly #addresses = new Map<string, number>()
  readonly #changed: (name: string) => void

  constructor(log: Log) {
    this.#log = log
    const { peers } = log
    this.#changed = peers ? (name) => peers.changed(name) : nothing
  }

  /** Open connections. */
  get size(): number {
    return this.#connections.size
  }

  /** Users with at least one connection. */
  get users(): number {
    return this.#users.size
  }

  /** Channels that somebody follows. */
  get channels(): number {
    return this.#following.size
  }

  get(id: string): C | undefined {
    return this.#connections.get(id)
  }

  all(): IterableIterator<C> {
    return this.#connections.values()
  }

  followers(channel: ChannelName): ReadonlySet<C> {
    return this.#following.get(channel)?.connections ?? this.#addressed(channel)
  }

  /** How many connections a user has. */
  countOf(user: UserId): number {
    return this.#users.get(user) ?? 0
  }

  /** Users with at least one connection, and how many each has. */
  get countsByUser(): ReadonlyMap<UserId, number> {
    return this.#users
  }

  /** Topics that somebody follows, and how many connections do. */
  *countsByTopic(): Generator<readonly [string, number]> {
    for (const [name, { connections }] of this.#following) {
      // Names that begin with `@` are the hub's own.
      if (connections.size > 0 && !name.startsWith('@')) yield [name, connections.size]
    }
  }

  /** How many connections come from an address. */
  countAt(address: string): number {
    return this.#addresses.get(address) ?? 0
  }

  /** Every name that has a {@link countUnder}. */
  *names(): Generator<string> {
    yield* this.#following.keys()
    for (const address of this.#addresses.keys()) yield addressName(address)
  }

  /** How many connections follow a channel, or come from an address. */
  countUnder(name: string): number {
    if (name.startsWith(ADDRESS_PREFIX)) return this.countAt(name.slice(ADDRESS_PREFIX.length))
    return this.followers(name as ChannelName).size
  }

  /**
   * Adds a connection and watches its channels. The answer is undefined when all of them are announced already.
   * @throws what the log throws; the connection is in the registry all the same, until `leave`
   */
  join(connection: C): Promise<void> | undefined {
    this.#connections.set(connection.id, connection)
    if (connection.user !== undefined) add(this.#users, connection.user, 1)
    if (connection.address !== undefined) this.#countAddress(connection.address, 1)
    return this.#followAll(connection, connection.channels)
  }

  /** Makes a connection follow `added` channels, and no longer those `removed`. Answers what {@link join} does. */
  change(
    connection: C,
    added: readonly ChannelName[],
    removed: readonly ChannelName[],
  ): Promise<void> | undefined {
    const watched = this.#followAll(connection, added)
    for (const channel of removed) this.#unfollow(channel, connection)
    return watched
  }

  /** Has a channel announced, also while nobody follows it, until {@link release}. Answers what {@link join} does. */
  hold(channel: ChannelName): Promise<void> | undefined {
    const following = this.#watch(channel)
    following.holds++
    return following.watched
  }

  release(channel: ChannelName): void {
    const following = this.#following.get(channel)
    if (!following) return
    following.holds--
    this.#unwatchUnused(channel, following)
  }

  leave(connection: C): void {
    if (!this.#connections.delete(connection.id)) return
    if (connection.user !== undefined) add(this.#users, connection.user, -1)
    if (connection.address !== undefined) this.#countAddress(connection.address, -1)
    for (const channel of connection.channels) this.#unfollow(channel, connection)
  }

  #followAll(connection: C, channels: readonly ChannelName[]): Promise<void> | undefined {
    let waiting: Promise<void>[] | undefined
    for (const channel of channels) {
      const watched = this.#follow(channel, connection)
      if (watched) {
        waiting ??= []
        waiting.push(watched)
      }
    }
    return waiting && Promise.all(waiting).then(nothing)
  }

  /** One connection is addressed by a channel of its own that nobody has to follow. */
  #addressed(channel: ChannelName): ReadonlySet<C> {
    const id = connectionOf(channel)
    const connection = id === undefined ? undefined : this.#connections.get(id)
    return connection ? new Set([connection]) : NOBODY
  }

  #countAddress(address: string, by: number): void {
    add(this.#addresses, address, by)
    this.#changed(addressName(address))
  }

  #unfollow(channel: ChannelName, connection: C): void {
    const following = this.#following.get(channel)
    if (!following) return
    following.connections.delete(connection)
    this.#changed(channel)
    this.#unwatchUnused(channel, following)
  }

  #unwatchUnused(channel: ChannelName, { connections, holds }: Following<C>): void {
    if (connections.size > 0 || holds > 0) return
    this.#following.delete(channel)
    this.#log.unwatch(channel)
  }

  #follow(channel: ChannelName, connection: C): Promise<void> | undefined {
    this.#changed(channel)
    const following = this.#watch(channel)
    following.connections.add(connection)
    return following.watched
  }

  #watch(channel: ChannelName): Following<C> {
    const known = this.#following.get(channel)
    if (known) return known
    const following: Following<C> = { connections: new Set(), holds: 0, watched: undefined }
    this.#following.set(channel, following)
    following.watched = this.#log.watch(channel).then(() => {
      following.watched = undefined
    })
    return following
  }
}

/** Changes a count; nobody counts what is not there. */
function add<K>(counts: Map<K, number>, key: K, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}

function nothing(): void {
  // There is nobody to tell, or nothing to hand over.
}
