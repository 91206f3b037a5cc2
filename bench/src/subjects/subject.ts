import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { JWT_SECRET } from '../load/token.ts'
import { freePort } from './free-port.ts'
import { RedisServer } from './redis-server.ts'

/**
 * Who is measured. The servers share a minimal HTTP surface: `GET /v1/events/CHANNEL?user=NAME`,
 * `POST /v1/publish` with `{ channel | user, data }`, and `/readyz`.
 *
 * - `control`: bare node:http and hand-written frames; what the work costs without a product
 * - `better-sse`: node:http with the better-sse library
 * - `eventsource`: no server, the npm package of that name in place of the client
 * - `fanline`: the product, as `npm start` runs it
 * - `fanline-jwt`: the product where everybody needs a token
 * - `fanline-redis`: the product with its log on a Redis of its own
 * - `fanline-workers`: the product as two workers, on the one core that every server has here
 */
export type SubjectName =
  | 'control'
  | 'better-sse'
  | 'eventsource'
  | 'fanline'
  | 'fanline-jwt'
  | 'fanline-redis'
  | 'fanline-workers'

/** Every subject, the control first. */
export const subjectNames: readonly SubjectName[] = [
  'control',
  'better-sse',
  'eventsource',
  'fanline',
  'fanline-jwt',
  'fanline-redis',
  'fanline-workers',
]

const READY_WITHIN_MS = 15_000

const API_KEY = 'the-key-of-the-benchmark-long-enough-to-be-taken'

interface Program {
  readonly file: URL
  readonly verb: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Needs a Redis, which runs unpinned and is not counted as the server. */
  readonly redis?: true
}

const fanline = new URL('../../../packages/server/bin/fanline.js', import.meta.url)

const programs: Readonly<Partial<Record<SubjectName, Program>>> = {
  control: { file: new URL('./control.js', import.meta.url), verb: [] },
  'better-sse': { file: new URL('./better-sse.js', import.meta.url), verb: [] },
  fanline: { file: fanline, verb: ['dev'] },
  'fanline-jwt': {
    file: fanline,
    verb: ['start'],
    // A limit that is not reached, so that publishes are counted all the same.
    env: { FANLINE_JWT_SECRET: JWT_SECRET, FANLINE_LIMITS_PUBLISHES_PER_SECOND_PER_USER: '1000000' },
  },
  'fanline-redis': { file: fanline, verb: ['dev'], redis: true },
  'fanline-workers': {
    file: fanline,
    verb: ['start', '--workers', '2'],
    env: { FANLINE_API_KEY: API_KEY },
  },
}

/** What a request must have in its head for a subject that asks for a credential everywhere. */
export function credentialFor(name: SubjectName): Readonly<Record<string, string>> {
  return name === 'fanline-workers' ? { Authorization: `Bearer ${API_KEY}` } : {}
}

/** A server process pinned to one core, ready for load. It does not outlive the process that started it. */
export class Subject {
  readonly pid: number
  readonly port: number
  readonly #process: ChildProcess
  readonly #redis: RedisServer | undefined
  readonly #kill = (): void => {
    this.#process.kill('SIGKILL')
    this.#redis?.signal('SIGKILL')
  }

  private constructor(child: ChildProcess, port: number, redis: RedisServer | undefined) {
    if (child.pid === undefined) throw new Error('a subject could not be started: is taskset installed?')
    this.pid = child.pid
    this.port = port
    this.#process = child
    this.#redis = redis
    process.once('exit', this.#kill)
  }

  /**
   * Starts a subject on a free port and waits until its `/readyz` says 200.
   * @throws with the end of what it wrote to stderr, if it ends or stays silent; for what is no server
   */
  static async start(
    name: keyof typeof programs,
    core: number,
    extra: readonly string[] = [],
  ): Promise<Subject> {
    const program = programs[name]
    if (!program) throw new Error(`${name} is no server`)
    const { file, verb, env, redis: needsRedis } = program
    const redis = needsRedis && (await RedisServer.start())
    const port = await freePort()
    const log = redis ? ['--redis', redis.url] : []
    const command = [process.execPath, fileURLToPath(file), ...verb, '--port', String(port), ...log, ...extra]
    const child = spawn('taskset', ['-c', String(core), ...command], {
      cwd: fileURLToPath(new URL('../../../', import.meta.url)),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let complaint = ''
    child.stderr?.on('data', (text) => {
      complaint = (complaint + text).slice(-2000)
    })
    child.on('error', (error) => {
      complaint += String(error)
    })
    const subject = new Subject(child, port, redis)
    const deadline = performance.now() + READY_WITHIN_MS
    while (!(await answersReady(port))) {
      if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
        await subject.stop()
        throw new Error(`${name} did not become ready: ${complaint || 'it said nothing'}`)
      }
      await pause(50)
    }
    return subject
  }

  /** The port of its Redis; 0 when it has none. */
  get redisPort(): number {
    return this.#redis?.port ?? 0
  }

  /** Ends the process at once: it has nothing to save, and a drain would only take time. */
  async stop(): Promise<void> {
    process.off('exit', this.#kill)
    await this.#redis?.stop()
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#kill()
    await ended
  }
}

async function answersReady(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
    await answer.arrayBuffer()
    return answer.status === 200
  } catch (error) {
    // Refused as long as nobody listens; fetch reports that as a TypeError with a cause.
    if (error instanceof TypeError) return false
    throw error
  }
}
