import { ProblemError } from '@fanline/protocol'
import { endClient, isRefusal, type RedisClient } from './client.ts'
import { type Durability, durabilityOf, type RedisAck } from './durability.ts'
import type { Script } from './script.ts'
import { serverRun } from './server-run.ts'

/** How long a call waits for a connection that is being made again, in milliseconds. */
const PATIENCE_MS = 2000

/** What a script answered, and the server it ran on: another may stand behind the connection by the time this is read. */
export interface Reply {
  readonly run: string
  readonly answer: unknown
}

/**
 * The connection on which the log is written and read. It knows which server process is behind it: that is asked each
 * time the connection is made, before anything else, so that no script runs under the name of another server.
 */
export class Session {
  readonly #client: RedisClient
  readonly #onReady: () => void
  #run: string | undefined
  #waiting: (() => void)[] = []
  #isClosed = false
  /** Why the server does not say who it is. */
  #refusal: unknown

  /** @param onReady called each time the server behind the connection is known */
  constructor(client: RedisClient, onReady: () => void) {
    this.#client = client
    this.#onReady = onReady
    client.on('ready', () => void this.#learn())
    for (const event of ['reconnecting', 'end']) {
      client.on(event, () => {
        this.#run = undefined
      })
    }
  }

  /** Who stands behind the connection now: a name for a server process in one role; undefined when that is not known. */
  get run(): string | undefined {
    return this.#run
  }

  /**
   * Resolves when the server is known, however long it is away.
   * @throws Error when it does not let this client ask
   */
  async open(): Promise<void> {
    await this.#client.connect()
    while (this.#run === undefined && !this.#isClosed) {
      if (this.#refusal) throw this.#refusal
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /**
   * Runs a script; it hears the name of the server as its second argument.
   * @throws ProblemError `log-unavailable` or `log-full`
   */
  async call(script: Script, prefix: string, args: readonly string[]): Promise<Reply> {
    const run = await this.#known()
    const rest = ['1', `${prefix}:meta`, prefix, run, ...args]
    try {
      return { run, answer: await this.#client.sendCommand(['EVALSHA', script.sha, ...rest]) }
    } catch (error) {
      if (!isReply(error, 'NOSCRIPT')) throw this.#explain(error)
    }
    try {
      // Nothing was run yet, so this is no second time.
      return { run, answer: await this.#client.sendCommand(['EVAL', script.source, ...rest]) }
    } catch (error) {
      throw this.#explain(error)
    }
  }

  /** How the server is set up, and what an append has to wait for. */
  durability(ack: RedisAck): Promise<Durability> {
    return durabilityOf(this.#client, ack)
  }

  /** @throws ProblemError `log-unavailable` when fewer than `replicas` have what was written here */
  async wait(command: readonly string[], replicas: number): Promise<void> {
    const reached = await this.#client.sendCommand([...command]).catch((error) => {
      throw this.#explain(error)
    })
    if (Number(reached) < replicas) {
      throw new ProblemError('log-unavailable', `Stored, but on ${reached} of ${replicas} replicas in time.`)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const resolve of this.#waiting.splice(0)) resolve()
    await endClient(this.#client)
  }

  async #learn(): Promise<void> {
    try {
      this.#run = await serverRun(this.#client)
    } catch (error) {
      // Where the connection was lost again, it says `ready` anew when it is there.
      if (!isRefusal(error)) return
      this.#refusal = error
    }
    for (const resolve of this.#waiting.splice(0)) resolve()
    if (this.#run !== undefined) this.#onReady()
  }

  /**
   * Gives up the connection, and with it every call that waits for an answer, and makes it again: for a server that says
   * nothing any more, or was made a replica and takes no writes. Who stands in its place is known after that.
   */
  connectAnew(): void {
    this.#run = undefined
    if (this.#isClosed) return
    this.#client.destroy()
    // It goes on trying, and says `ready` when it is there.
    this.#client.connect().catch(() => undefined)
  }

  async #known(): Promise<string> {
    if (this.#run !== undefined) return this.#run
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS)
      if (!this.#isClosed) this.#waiting.push(resolve)
      else resolve()
    })
    clearTimeout(timer)
    if (this.#run === undefined) throw new ProblemError('log-unavailable', 'There is no connection to Redis.')
    return this.#run
  }

  #explain(error: unknown): ProblemError {
    if (isReply(error, 'OOM'))
      return new ProblemError('log-full', 'Redis is out of memory.', { cause: error })
    if (isReply(error, 'READONLY')) this.connectAnew()
    return new ProblemError('log-unavailable', 'Redis did not answer, or refused.', { cause: error })
  }
}

function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.startsWith(code)
}
