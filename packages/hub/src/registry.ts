import { type ChannelName, connectionOf, type UserId } from '@fanline/protocol'
import type { Log } from './log.ts'

/** What a registry needs to know of a connection. */
export interface Follower {
  readonly id: string
  readonly user: UserId | undefined
  readonly channels: readonly ChannelName[]
}

interface Following<C> {
  readonly connections: Set<C>
  /** Resolves when the log announces this channel; undefined once it does. */
  watched: Promise<void> | undefined
}

const NOBODY: ReadonlySet<never> = new Set()

/** Who is connected, and who follows what. The log is asked for a channel while somebody follows it. */
export class Registry<C extends Follower> {
  readonly #log: Log
  readonly #following = new Map<ChannelName, Following<C>>()
  readonly #connections = new Map<string, C>()
  readonly #users = new Map<UserId, number>()

  constructor(log: Log) {
    this.#log = log
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

  /**
   * Adds a connection and watches its channels. The answer is undefined when all of them are announced already.
   * @throws what the log throws; the connection is in the registry all the same, until `leave`
   */
  join(connection: C): Promise<void> | undefined {
    this.#connections.set(connection.id, connection)
    if (connection.user !== undefined) this.#users.set(connection.user, this.countOf(connection.user) + 1)
    let waiting: Promise<void>[] | undefined
    for (const channel of connection.channels) {
      const watched = this.#follow(channel, connection)
      if (watched) {
        waiting ??= []
        waiting.push(watched)
      }
    }
    return waiting && Promise.all(waiting).then(nothing)
  }

  leave(connection: C): void {
    if (!this.#connections.delete(connection.id)) return
    if (connection.user !== undefined) {
      const left = this.countOf(connection.user) - 1
      if (left > 0) this.#users.set(connection.user, left)
      else this.#users.delete(connection.user)
    }
    for (const channel of connection.channels) {
      const following = this.#following.get(channel)
      if (!following) continue
      following.connections.delete(connection)
      if (following.connections.size === 0) {
        this.#following.delete(channel)
        this.#log.unwatch(channel)
      }
    }
  }

  /** One connection is addressed by a channel of its own that nobody has to follow. */
  #addressed(channel: ChannelName): ReadonlySet<C> {
    const id = connectionOf(channel)
    const connection = id === undefined ? undefined : this.#connections.get(id)
    return connection ? new Set([connection]) : NOBODY
  }

  #follow(channel: ChannelName, connection: C): Promise<void> | undefined {
    const known = this.#following.get(channel)
    if (known) {
      known.connections.add(connection)
      return known.watched
    }
    const following: Following<C> = { connections: new Set([connection]), watched: undefined }
    this.#following.set(channel, following)
    following.watched = this.#log.watch(channel).then(() => {
      following.watched = undefined
    })
    return following.watched
  }
}

function nothing(): void {
  // Promise.all answers a list; nobody wants it.
}
