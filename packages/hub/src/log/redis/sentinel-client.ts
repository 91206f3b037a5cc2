import { EventEmitter } from 'node:events'
import type { ClonableRedisClient, RedisClient } from './client.ts'
import { batches } from './subscriptions.ts'

/** Where a Sentinel listens. */
export interface SentinelAddress {
  readonly host: string
  readonly port: number
}

/** Whom to ask, and for what. */
export interface SentinelClientOptions {
  /** A client of `@redis/client` that is not connected: how to speak to the servers, whatever their address. */
  readonly client: ClonableRedisClient
  /** At least one; the first that answers is believed. */
  readonly sentinels: readonly SentinelAddress[]
  /** What the Sentinels call the master. */
  readonly master: string
  /** How to speak to the Sentinels where they ask for a credential, such as `{ password }`. */
  readonly sentinelOptions?: Readonly<Record<string, unknown>> | undefined
}

/** How long a Sentinel may take, in milliseconds. */
const SENTINEL_MS = 1000

/**
 * A client for {@link redisLog} whose server is the master that Sentinels name. They are asked again before each
 * connection, and who is no master is not spoken to, so that a failover is a connection that was lost and made again.
 */
export function sentinelClient(options: SentinelClientOptions): ClonableRedisClient {
  return new SentinelClient(options, {})
}

/** One that was left by itself cannot be left once more. */
type Server = RedisClient & { readonly isOpen?: boolean }

interface Socket {
  readonly reconnectStrategy?: (retries: number) => number
}

class SentinelClient implements ClonableRedisClient {
  readonly options: { readonly socket: Socket }
  readonly #given: SentinelClientOptions
  readonly #overrides: Record<string, unknown>
  readonly #events = new EventEmitter()
  readonly #heard = new Map<string, (message: string, channel: string) => void>()
  #server: Server | undefined
  /** Tells attempts to connect apart: only the newest goes on. */
  #attempt = 0
  #isReady = false

  constructor(given: SentinelClientOptions, overrides: Record<string, unknown>) {
    this.#given = given
    this.#overrides = overrides
    this.options = {
      socket: { ...given.client.options?.socket, ...(overrides.socket as Socket | undefined) },
    }
  }

  get isReady(): boolean {
    return this.#isReady
  }

  duplicate(overrides: Record<string, unknown> = {}): ClonableRedisClient {
    return new SentinelClient(this.#given, { ...this.#overrides, ...overrides })
  }

  on(event: string, listener: (...args: unknown[]) => void): this {
    this.#events.on(event, listener)
    return this
  }

  /** Resolves when a master was reached; goes on trying until then. */
  async connect(): Promise<void> {
    const attempt = ++this.#attempt
    for (let retries = 0; attempt === this.#attempt; retries++) {
      try {
        if (await this.#reachMaster(attempt)) return
      } catch (error) {
        this.#events.emit('error', error)
      }
      const delayMs = this.options.socket.reconnectStrategy?.(retries) ?? 100
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }

  async close(): Promise<void> {
    const server = this.#leave()
    await server?.close()
    this.#events.emit('end')
  }

  destroy(): void {
    leave(this.#leave())
    this.#events.emit('end')
  }

  async sendCommand(args: string[]): Promise<unknown> {
    if (!this.#isReady) throw new Error('There is no connection to a master.')
    return this.#server!.sendCommand(args)
  }

  async subscribe(
    channels: string[],
    listener: (message: string, channel: string) => void,
  ): Promise<unknown> {
    if (!this.#isReady) {
      // Asked for with all others as soon as there is a connection.
      for (const channel of channels) this.#heard.set(channel, listener)
      return new Promise((resolve) => this.#events.once('ready', resolve))
    }
    await this.#server!.subscribe(channels, listener)
    for (const channel of channels) this.#heard.set(channel, listener)
    return undefined
  }

  /** What is not given up when this rejects is asked for again on the next connection, as by a client of one server. */
  async unsubscribe(channels: string[]): Promise<unknown> {
    if (this.#isReady) await this.#server!.unsubscribe(channels)
    for (const channel of channels) this.#heard.delete(channel)
    return undefined
  }

  /** False when it was given up meanwhile. */
  async #reachMaster(attempt: number): Promise<boolean> {
    const socket = { ...this.options.socket, ...(await this.#findMaster()), reconnectStrategy: false }
    const server: Server = this.#given.client.duplicate({ ...this.#overrides, url: undefined, socket })
    server.on('error', (error) => this.#lost(server, error))
    try {
      await server.connect()
      // What a Sentinel says may be a moment old.
      const role = await server.sendCommand(['INFO', 'replication'])
      if (!/^role:master/m.test(String(role))) throw new Error('What the Sentinel named is no master.')
      const asked = new Set<string>()
      const missing = (): string[] => [...this.#heard.keys()].filter((channel) => !asked.has(channel))
      // Also what is asked for meanwhile: when nothing is missing, the connection is there in the same turn.
      for (let channels = missing(); channels.length > 0; channels = missing()) {
        for (const names of batches(channels)) {
          await server.subscribe(names, (message, channel) => this.#heard.get(channel)?.(message, channel))
          for (const name of names) asked.add(name)
        }
      }
      if (!server.isReady) throw new Error('The connection was lost at once.')
    } catch (error) {
      leave(server)
      throw error
    }
    if (attempt !== this.#attempt) {
      leave(server)
      return false
    }
    this.#server = server
    this.#isReady = true
    this.#events.emit('ready')
    return true
  }

  async #findMaster(): Promise<SentinelAddress> {
    const { client, sentinels, master, sentinelOptions } = this.#given
    const failures: unknown[] = []
    for (const address of sentinels) {
      const socket = { ...client.options?.socket, ...address, reconnectStrategy: false }
      const timeouts = { connectTimeout: SENTINEL_MS, socketTimeout: SENTINEL_MS }
      const sentinel: Server = client.duplicate({
        url: undefined,
        username: undefined,
        password: undefined,
        database: undefined,
        ...sentinelOptions,
        socket: { ...socket, ...timeouts },
      })
      // It is told where the question fails.
      sentinel.on('error', () => undefined)
      try {
        await sentinel.connect()
        const found = await sentinel.sendCommand(['SENTINEL', 'get-master-addr-by-name', master])
        if (Array.isArray(found)) return { host: String(found[0]), port: Number(found[1]) }
        failures.push(new Error(`A Sentinel knows no master "${master}".`))
      } catch (error) {
        failures.push(error)
      } finally {
        leave(sentinel)
      }
    }
    throw new AggregateError(failures, `No Sentinel names a master "${master}".`)
  }

  #lost(server: Server, error: unknown): void {
    if (server !== this.#server) return
    leave(this.#leave())
    this.#events.emit('error', error)
    this.#events.emit('reconnecting')
    void this.connect()
  }

  #leave(): Server | undefined {
    const server = this.#server
    this.#server = undefined
    this.#isReady = false
    this.#attempt++
    return server
  }
}

function leave(server: Server | undefined): void {
  if (server?.isOpen) server.destroy()
}
