import type { RedisClient } from '@fanline/hub/redis-log'
import type { SimClock } from '../sim-clock.ts'
import type { FromServer, Request, SimRedisConnection, SimRedisServer } from './redis-server.ts'

/** What the log asks of its clients. */
interface ClientOptions {
  readonly socket?: { readonly reconnectStrategy?: (retries: number) => number }
  readonly disableOfflineQueue?: boolean
}

/** What runs in one process. */
interface Process {
  readonly clients: SimRedisClient[]
  /** Nothing of it reaches the server. */
  isCutOff: boolean
}

/**
 * `@redis/client` as the log uses it: it connects again by itself, subscribes again before it says that it is ready,
 * rejects what was under way when its connection broke, and asks for no channel of which it has not been told yet that it
 * is given up.
 */
export class SimRedisClient implements RedisClient {
  readonly options: ClientOptions
  readonly #server: SimRedisServer
  readonly #clock: SimClock
  readonly #process: Process
  readonly #listeners = new Map<string, ((...args: unknown[]) => void)[]>()
  /** Who hears what: from the answer to a SUBSCRIBE on to the answer to an UNSUBSCRIBE. */
  readonly #subscriptions = new Map<string, (message: string, channel: string) => void>()
  #connection: SimRedisConnection | undefined
  #isReady = false
  #isWanted = false
  #waiting: Request[] = []
  #connected: (() => void)[] = []
  #retries = 0

  constructor(
    server: SimRedisServer,
    clock: SimClock,
    options: ClientOptions = {},
    process: Process = { clients: [], isCutOff: false },
  ) {
    this.#server = server
    this.#clock = clock
    this.options = options
    this.#process = process
    process.clients.push(this)
  }

  get isReady(): boolean {
    return this.#isReady
  }

  duplicate(overrides: ClientOptions = {}): SimRedisClient {
    return new SimRedisClient(this.#server, this.#clock, { ...this.options, ...overrides }, this.#process)
  }

  on(event: string, listener: (...args: unknown[]) => void): this {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener])
    return this
  }

  connect(): Promise<unknown> {
    this.#isWanted = true
    return new Promise<void>((resolve) => {
      this.#connected.push(resolve)
      this.#connect()
    })
  }

  sendCommand(args: string[]): Promise<unknown> {
    return this.#ask(args)
  }

  async subscribe(
    channels: string[],
    listener: (message: string, channel: string) => void,
  ): Promise<unknown> {
    const unknown = channels.filter((channel) => !this.#subscriptions.has(channel))
    if (unknown.length === 0) return
    return this.#ask(['SUBSCRIBE', ...unknown], () => {
      for (const channel of unknown) this.#subscriptions.set(channel, listener)
    })
  }

  unsubscribe(channels: string[]): Promise<unknown> {
    return this.#ask(['UNSUBSCRIBE', ...channels], () => {
      for (const channel of channels) this.#subscriptions.delete(channel)
    })
  }

  async close(): Promise<void> {
    this.destroy()
  }

  destroy(): void {
    this.#isWanted = false
    this.#connection?.cut()
  }

  /** The process of this client, and of all that were made of it, ends. */
  kill(): void {
    for (const client of this.#process.clients) client.#abandon()
  }

  /** The process of this client loses the network. */
  cutOff(): void {
    this.#process.isCutOff = true
    for (const client of this.#process.clients) client.#connection?.cut()
  }

  /** The process of this client has its network again. */
  mend(): void {
    this.#process.isCutOff = false
  }

  #abandon(): void {
    this.#isWanted = false
    this.#listeners.clear()
    this.#connection?.abandon()
  }

  /** @param answered runs in the moment in which the answer is read, before anything that comes behind it */
  #ask(args: string[], answered: () => void = () => undefined): Promise<unknown> {
    return new Promise((done, reject) => {
      const resolve = (value: unknown): void => {
        answered()
        done(value)
      }
      const request = { args, resolve, reject }
      if (this.#isReady) this.#connection!.send(request)
      else if (this.options.disableOfflineQueue) reject(new Error('The client is offline'))
      else this.#waiting.push(request)
    })
  }

  #connect(): void {
    if (!this.#isWanted || this.#connection) return
    if (!this.#server.isUp || this.#process.isCutOff) {
      this.#retry()
      return
    }
    this.#connection = this.#server.accept(
      (item) => this.#hear(item),
      () => this.#broke(),
    )
    const names = [...this.#subscriptions.keys()]
    const args = names.length > 0 ? ['SUBSCRIBE', ...names] : ['PING']
    this.#connection.send({ args, resolve: () => this.#becomeReady(), reject: () => undefined })
  }

  #becomeReady(): void {
    this.#isReady = true
    this.#retries = 0
    for (const request of this.#waiting.splice(0)) this.#connection!.send(request)
    this.#emit('ready')
    for (const resolve of this.#connected.splice(0)) resolve()
  }

  #hear(item: FromServer): void {
    if (item.kind === 'message') this.#subscriptions.get(item.channel)?.(item.text, item.channel)
  }

  #broke(): void {
    this.#connection = undefined
    this.#isReady = false
    if (!this.#isWanted) return
    this.#emit('error', new Error('Socket closed unexpectedly'))
    this.#emit('reconnecting')
    this.#retry()
  }

  #retry(): void {
    const delayMs = this.options.socket?.reconnectStrategy?.(this.#retries++) ?? 50
    this.#clock.after(delayMs, () => this.#connect())
  }

  #emit(event: string, ...args: unknown[]): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(...args)
  }
}
