import { createHash } from 'node:crypto'
import type { Random } from '../random.ts'
import type { SimClock } from '../sim-clock.ts'
import { type CompiledScript, compileLua } from './lua.ts'
import { RedisStore } from './redis-store.ts'

/** The same few scripts in every run. */
const compiled = new Map<string, CompiledScript>()

/** What a connection carries from the server. */
export type FromServer =
  | { readonly kind: 'reply'; readonly request: Request; readonly value: unknown }
  | { readonly kind: 'message'; readonly channel: string; readonly text: string }

/** A command on its way. */
export interface Request {
  readonly args: readonly string[]
  resolve(value: unknown): void
  reject(error: Error): void
}

/**
 * A Redis under the seed's control: it runs the shipped scripts, each in one step, and may be cut off, stopped, killed
 * with less than it had, emptied, or replaced by a replica with another clock.
 */
export class SimRedisServer {
  readonly #random: Random
  readonly #clock: SimClock
  readonly #violate: (what: string) => void
  readonly #store: RedisStore
  readonly #connections = new Set<SimRedisConnection>()
  #scripts = new Map<string, CompiledScript>()
  #snapshot: ReturnType<RedisStore['snapshot']>
  #run = 1
  #isUp = true
  #slowUntil = 0
  /** How far its clock is off, in milliseconds. */
  #skewMs = 0

  constructor(random: Random, clock: SimClock, violate: (what: string) => void) {
    this.#random = random
    this.#clock = clock
    this.#violate = violate
    this.#store = new RedisStore(
      () => clock.now() + this.#skewMs,
      (channel, text) => {
        for (const connection of this.#connections) connection.tell(channel, text)
      },
    )
    this.#snapshot = this.#store.snapshot()
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** A new connection; it ends with the server. */
  accept(receive: (item: FromServer) => void, closed: () => void): SimRedisConnection {
    const connection = new SimRedisConnection({
      clock: this.#clock,
      random: this.#random,
      execute: (args) => this.#execute(args),
      receive,
      closed: () => {
        this.#connections.delete(connection)
        closed()
      },
    })
    this.#connections.add(connection)
    // Not everybody finds its way back at once.
    if (this.#clock.now() < this.#slowUntil && this.#random.oneIn(4)) connection.stall(4000)
    return connection
  }

  connections(): readonly SimRedisConnection[] {
    return [...this.#connections]
  }

  /** What a snapshot file, or a replica, has from now on. */
  keep(): void {
    this.#snapshot = this.#store.snapshot()
  }

  /** The process ends, and comes back later with all it had, or with what was kept. */
  crash(downMs: number, keeps: 'everything' | 'snapshot'): void {
    this.#isUp = false
    this.#run++
    this.#scripts = new Map()
    if (keeps === 'snapshot') this.#store.restore(this.#snapshot)
    for (const connection of this.connections()) connection.cut()
    this.#clock.after(downMs, () => {
      this.#isUp = true
      this.#slowUntil = this.#clock.now() + 3000
    })
  }

  /** All keys are gone; nothing else changes. */
  flushAll(): void {
    this.#store.restore(new Map())
  }

  setClock(skewMs: number): void {
    this.#skewMs = skewMs
  }

  #execute([name, ...args]: readonly string[]): unknown {
    switch (name) {
      case 'PING':
      case 'SUBSCRIBE':
      case 'UNSUBSCRIBE':
        return 'OK'
      case 'INFO':
        return args[0] === 'server'
          ? `redis_version:7.0.15\r\nrun_id:run${this.#run}\r\n`
          : `master_replid:id${this.#run}\r\n`
      case 'CONFIG':
        return [args[1], args[1] === 'maxmemory-policy' ? 'noeviction' : 'no']
      case 'EVALSHA': {
        const script = this.#scripts.get(args[0]!)
        return script ? this.#eval(script, args) : new Error('NOSCRIPT No matching script.')
      }
      case 'EVAL':
        return this.#eval(this.#load(args[0]!), args)
    }
    this.#violate(`the simulated Redis was asked for ${name}`)
    return new Error(`ERR unknown command ${name}`)
  }

  #load(source: string): CompiledScript {
    const script = compiled.get(source) ?? compileLua(source)
    compiled.set(source, script)
    this.#scripts.set(createHash('sha1').update(source).digest('hex'), script)
    return script
  }

  #eval(script: CompiledScript, [, keyCount, ...rest]: readonly string[]): unknown {
    try {
      const keys = rest.slice(0, Number(keyCount))
      return script(keys, rest.slice(Number(keyCount)), this.#store.call)
    } catch (error) {
      this.#violate(`a script failed: ${(error as Error).stack}`)
      return new Error(`ERR ${(error as Error).message}`)
    }
  }
}

interface ConnectionParts {
  readonly clock: SimClock
  readonly random: Random
  readonly execute: (args: readonly string[]) => unknown
  readonly receive: (item: FromServer) => void
  readonly closed: () => void
}

/** A connection on which everything keeps its order and takes as long as the seed says. */
export class SimRedisConnection {
  readonly #parts: ConnectionParts
  readonly #toServer: Request[] = []
  readonly #toClient: FromServer[] = []
  readonly #subscribed = new Set<string>()
  #isMoving = false
  #isStalled = false
  #isOpen = true

  constructor(parts: ConnectionParts) {
    this.#parts = parts
  }

  send(request: Request): void {
    this.#toServer.push(request)
    this.#move()
  }

  tell(channel: string, text: string): void {
    if (!this.#subscribed.has(channel)) return
    this.#toClient.push({ kind: 'message', channel, text })
    this.#move()
  }

  /** Nothing moves for a while. */
  stall(ms: number): void {
    this.#isStalled = true
    this.#parts.clock.after(ms, () => this.resume())
  }

  resume(): void {
    this.#isStalled = false
    this.#move()
  }

  /** It breaks: what is on its way is lost, whether it was done or not. */
  cut(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const unanswered = [
      ...this.#toClient.flatMap((item) => (item.kind === 'reply' ? [item.request] : [])),
      ...this.#toServer,
    ]
    for (const { reject } of unanswered) reject(new Error('Socket closed unexpectedly'))
    this.#parts.closed()
  }

  /** The process at this end is gone: nobody hears of what becomes of anything. */
  abandon(): void {
    this.#isOpen = false
    this.#parts.closed()
  }

  #move(): void {
    if (this.#isMoving || this.#isStalled || !this.#isOpen) return
    if (this.#toServer.length + this.#toClient.length === 0) return
    this.#isMoving = true
    this.#parts.clock.defer(() => {
      this.#isMoving = false
      if (!this.#isOpen || this.#isStalled) return
      const isForClient =
        this.#toClient.length > 0 && (this.#toServer.length === 0 || this.#parts.random.oneIn(2))
      for (let items = this.#parts.random.between(1, 8); items > 0 && this.#isOpen; items--) {
        if (isForClient) this.#arrive()
        else this.#execute()
      }
      this.#move()
    })
  }

  #arrive(): void {
    const item = this.#toClient.shift()
    if (!item) return
    if (item.kind === 'message') this.#parts.receive(item)
    else if (item.value instanceof Error) item.request.reject(item.value)
    else item.request.resolve(item.value)
  }

  #execute(): void {
    const request = this.#toServer.shift()
    if (!request) return
    const [name, ...channels] = request.args
    if (name === 'SUBSCRIBE') for (const channel of channels) this.#subscribed.add(channel)
    else if (name === 'UNSUBSCRIBE') for (const channel of channels) this.#subscribed.delete(channel)
    const value = this.#parts.execute(request.args)
    this.#toClient.push({ kind: 'reply', request, value })
  }
}
