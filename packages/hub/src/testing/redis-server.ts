import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type RedisClientType } from '@redis/client'
import { freePort } from './free-port.ts'

/** How a server keeps what it holds. */
export type RedisPersistence = 'none' | 'snapshots' | 'aof'

const FLAGS: Readonly<Record<RedisPersistence, readonly string[]>> = {
  none: ['--save', '', '--appendonly', 'no'],
  snapshots: ['--save', '', '--appendonly', 'no', '--dbfilename', 'dump.rdb'],
  aof: ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'],
}

/** A real redis-server on a free port of 127.0.0.1, with a directory of its own. */
export class RedisServer {
  readonly port: number
  readonly #flags: readonly string[]
  readonly #directory: string = mkdtempSync(join(tmpdir(), 'fanline-redis-'))
  #process: ChildProcess | undefined

  private constructor(port: number, flags: readonly string[]) {
    this.port = port
    this.#flags = flags
  }

  /** @param flags more of redis-server's own, such as `--replicaof` */
  static async start(
    persistence: RedisPersistence = 'none',
    flags: readonly string[] = [],
  ): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), [...FLAGS[persistence], ...flags])
    await server.run()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Of the process, for who measures it. */
  get pid(): number {
    return this.#process!.pid!
  }

  /** A client that speaks to it until the test is over. */
  async commands(test: { after(end: () => void): void }): Promise<RedisClientType> {
    const client = createClient({ url: this.url }) as unknown as RedisClientType
    client.on('error', () => undefined) // a server that ends says so to who asks
    await client.connect()
    test.after(() => client.destroy())
    return client
  }

  /** Starts it, also again on what it has left on its disk. Resolves when it takes connections. */
  async run(): Promise<void> {
    const args = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--dir',
      this.#directory,
      ...this.#flags,
    ]
    const process = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#process = process
    let log = ''
    for await (const chunk of process.stdout!.setEncoding('utf8')) {
      log += chunk
      if (log.includes('Ready to accept connections')) break
    }
    if (!log.includes('Ready to accept connections')) throw new Error(`redis-server did not start:\n${log}`)
    // What it says from now on nobody reads; a full pipe would stop it.
    process.stdout!.resume()
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal)
  }

  /** Ends it without a word, as a crash does. */
  async kill(): Promise<void> {
    const process = this.#process
    if (!process || process.exitCode !== null || process.signalCode !== null) return
    process.kill('SIGKILL')
    await once(process, 'exit')
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
