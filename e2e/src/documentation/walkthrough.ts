import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { startDevServer } from '../dev-server.ts'
import { freePort } from '../free-port.ts'
import { type RunningServer, untilReady } from '../running-server.ts'
import { Expectation } from './expectation.ts'
import { type Fence, type Page, ROOT } from './page.ts'

/** The longest that a command may take, or what it prints may be awaited; in milliseconds. */
const PATIENCE_MS = 20_000

/** Where a page says that `fanline dev` listens, and where an application of the page does. */
const SERVER_PORT = '4000'
const APP_PORT = /\b3000\b/g

/** What starts an application, by the role of its fence. */
const RUNTIMES: Readonly<Record<string, readonly [program: string, ...args: string[]]>> = {
  app: [process.execPath],
  bun: [join(ROOT, '.cache/runtimes/node_modules/@oven/bun-linux-x64/bin/bun')],
  deno: [
    join(ROOT, '.cache/runtimes/node_modules/@deno/linux-x64-glibc/deno'),
    ...['run', '--allow-net', '--allow-env', '--no-lock'],
  ],
}

/** Finds a program of the workspace, as npx does in half a second. */
const NPX = `#!/bin/sh
name=$1
shift
exec '${join(ROOT, 'node_modules/.bin')}'/"$name" "$@"
`

/** Serves the handlers of a file as Next.js would: a function for each method. */
const ROUTE_SERVER = `
import { serve } from '@hono/node-server'
import * as route from './route.mjs'

const none = () => new Response(null, { status: 405 })
serve({ fetch: (request) => (route[request.method] ?? none)(request), port: 3000 })
`

/**
 * Does what a page tells its reader to do, and compares what the page shows. A page that speaks of port 4000, or of the
 * program, has a `fanline dev` of its own.
 * The second word of a fence says what a block is:
 *
 * - `serve`: a server in place of the one before; a comment says where it listens, as `localhost:8080`
 * - `run`: commands that come to an end, with exit code 0; or a program in JavaScript that does
 * - `listen`: a command for another terminal, which runs on; or such a program
 * - `app`: an application, started with node in place of the one before; it listens on port 3000; `bun` and `deno`: the
 *   same on these
 * - `route`: handlers that are exported by their methods, in place of an application
 * - `output`: what the last `run` prints
 * - `heard`: what the last `listen` prints next
 *
 * Empty lines and heartbeats are not compared.
 */
export class Walkthrough {
  readonly #page: Page
  readonly #expectation = new Expectation()
  /** Where its reader stands: inside the workspace, where our packages are found. */
  readonly #folder = newFolder()
  readonly #children = new Set<ChildProcess>()
  readonly #ports: Ports
  #app: ChildProcess | undefined
  #serverPort = SERVER_PORT
  #stopServer: () => Promise<unknown>
  #output = ''
  #listener: Listener | undefined

  private constructor(page: Page, server: RunningServer | undefined, ports: Ports) {
    this.#page = page
    this.#ports = ports
    this.#stopServer = async () => server?.stop()
    mkdirSync(join(this.#folder, 'bin'))
    writeFileSync(join(this.#folder, 'bin/npx'), NPX, { mode: 0o755 })
  }

  /** True when the page has something to do. */
  static isFor(page: Page): boolean {
    return page.fences.some(({ role }) => role === 'run' || role === 'listen' || role in RUNTIMES)
  }

  /** Why nobody can do here what the page says: a runtime that is not installed; false when they can. */
  static hindranceTo(page: Page): string | false {
    const missing = page.fences.find(({ role }) => role in RUNTIMES && !existsSync(RUNTIMES[role]![0]))
    return missing ? `${missing.role} is not installed` : false
  }

  /** @throws Error that names the line of the page which is not true */
  static async through(page: Page): Promise<void> {
    const server = needsServer(page) ? await startDevServer() : undefined
    const ports = { server: server?.port ?? (await freePort()), app: await freePort() }
    const walkthrough = new Walkthrough(page, server, ports)
    try {
      for (const fence of page.fences) await walkthrough.#step(fence)
    } finally {
      for (const child of walkthrough.#children) kill(child)
      await walkthrough.#stopServer()
      rmSync(walkthrough.#folder, { recursive: true })
    }
  }

  async #step(fence: Fence): Promise<void> {
    switch (fence.role) {
      case 'serve':
        await this.#serve(fence)
        break
      case 'run':
        this.#output = await this.#run(fence)
        break
      case 'listen':
        this.#listener = await this.#listen(fence)
        break
      case 'app':
      case 'bun':
      case 'deno':
        await this.#start(fence, RUNTIMES[fence.role]!, fence.text)
        break
      case 'route':
        writeFileSync(join(this.#folder, 'route.mjs'), fence.text)
        await this.#start(fence, RUNTIMES.app!, ROUTE_SERVER)
        break
      case 'output':
        this.#compare(fence)
        break
      case 'heard':
        await this.#hear(fence)
        break
      case '':
        break
      default:
        throw this.#wrong(fence, `there is no role "${fence.role}"`)
    }
  }

  async #serve(fence: Fence): Promise<void> {
    const [, port] = /\blocalhost:(\d+)/.exec(fence.text) ?? []
    if (port === undefined) throw this.#wrong(fence, 'does not say where it listens, as localhost:8080')
    await this.#stopServer()
    this.#serverPort = port
    const child = this.#spawn('bash', ['-euc', fence.text], { FANLINE_PORT: String(this.#ports.server) })
    const gone = once(child, 'exit')
    this.#stopServer = () => {
      kill(child)
      return gone
    }
    await untilReady(child, `http://localhost:${this.#ports.server}`).catch((error: Error) => {
      throw this.#wrong(fence, error.message)
    })
  }

  async #run(fence: Fence): Promise<string> {
    const child = this.#begin(fence)
    const [output, complaints] = [textOf(child.stdout!), textOf(child.stderr!)]
    const late = setTimeout(kill, PATIENCE_MS, child)
    const [code] = await once(child, 'close')
    clearTimeout(late)
    if (code !== 0) throw this.#wrong(fence, `ended with ${code}\n${await output}${await complaints}`)
    return output
  }

  async #listen(fence: Fence): Promise<Listener> {
    const listener = new Listener(this.#begin(fence))
    await listener.until(
      () => listener.lines.length > 0 || undefined,
      () => this.#wrong(fence, 'heard nothing'),
    )
    return listener
  }

  #begin(fence: Fence): ChildProcess {
    const text = this.#fill(fence.text)
    if (fence.language !== 'js')
      return this.#spawn('bash', ['-euc', fence.role === 'listen' ? `exec ${text}` : text])
    const file = join(this.#folder, `line-${fence.line}.mjs`)
    writeFileSync(file, text)
    return this.#spawn(process.execPath, [file])
  }

  async #start(fence: Fence, [program, ...args]: readonly string[], text: string): Promise<void> {
    if (this.#app) {
      const gone = once(this.#app, 'exit')
      kill(this.#app)
      await gone
    }
    const file = join(this.#folder, 'app.mjs')
    writeFileSync(file, this.#fill(text))
    this.#app = this.#spawn(program!, [...args, file])
    await this.#answering(this.#app, fence)
  }

  async #answering(child: ChildProcess, fence: Fence): Promise<void> {
    const complaints = textOf(child.stderr!)
    const deadline = Date.now() + PATIENCE_MS
    while (!(await answers(this.#ports.app))) {
      if (child.exitCode !== null)
        throw this.#wrong(fence, `ended with ${child.exitCode}\n${await complaints}`)
      if (Date.now() > deadline) throw this.#wrong(fence, 'does not listen')
      await delay(50)
    }
  }

  #compare(fence: Fence): void {
    const lines = linesOf(this.#output)
    if (this.#expectation.fit(linesOf(fence.text), lines) === lines.length) return
    throw this.#wrong(fence, `the page shows\n${fence.text}\n\nand this was printed:\n${this.#output}`)
  }

  async #hear(fence: Fence): Promise<void> {
    const listener = this.#listener
    if (!listener) throw this.#wrong(fence, 'nobody listens')
    const shown = linesOf(fence.text)
    const fitting = await listener.until(
      () => this.#expectation.fit(shown, listener.lines),
      () =>
        this.#wrong(
          fence,
          `the page shows\n${fence.text}\n\nand this was heard:\n${listener.lines.join('\n')}`,
        ),
    )
    listener.take(fitting)
  }

  #fill(text: string): string {
    return this.#expectation
      .fill(text)
      .replaceAll(new RegExp(`\\b${this.#serverPort}\\b`, 'g'), String(this.#ports.server))
      .replace(APP_PORT, String(this.#ports.app))
  }

  #spawn(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn(command, args, {
      cwd: this.#folder,
      env: {
        ...process.env,
        NO_COLOR: '1',
        PATH: `${join(this.#folder, 'bin')}:${process.env.PATH}`,
        DENO_DIR: join(ROOT, '.cache/deno'), // where its tests have it, too
        FANLINE_URL: `http://localhost:${this.#ports.server}`,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a group of its own, which ends with the page
    })
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    return child
  }

  #wrong({ line }: Fence, what: string): Error {
    return new Error(`${this.#page.path}:${line}: ${what}`)
  }
}

/** Where the server and the application of a page listen while it is tested. */
interface Ports {
  readonly server: number
  readonly app: number
}

/** What a command that runs on has printed so far. */
class Listener {
  readonly #child: ChildProcess
  #text = ''
  #taken = 0

  constructor(child: ChildProcess) {
    this.#child = child
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text
    })
    child.stderr!.resume()
  }

  /** Whole lines that were not taken yet. */
  get lines(): readonly string[] {
    const whole = this.#text.slice(0, this.#text.lastIndexOf('\n') + 1)
    return linesOf(whole).slice(this.#taken)
  }

  take(count: number): void {
    this.#taken += count
  }

  /** Waits until there is a value, which is looked for whenever something was printed. */
  async until<T>(look: () => T | undefined, late: () => Error): Promise<T> {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    for (;;) {
      const value = look()
      if (value !== undefined) return value
      await once(this.#child.stdout!, 'data', { signal }).catch(() => {
        throw late()
      })
    }
  }
}

/** True when the page speaks of the server, or of the program, before it starts one of its own. */
function needsServer({ fences }: Page): boolean {
  const done = fences.filter(({ role }) => role !== '')
  const own = done.findIndex(({ role }) => role === 'serve')
  return (own === -1 ? done : done.slice(0, own)).some(
    ({ text }) => text.includes(SERVER_PORT) || text.includes('npx fanline'),
  )
}

function newFolder(): string {
  const cache = join(ROOT, '.cache')
  mkdirSync(cache, { recursive: true })
  return mkdtempSync(join(cache, 'documentation-'))
}

function kill({ pid }: ChildProcess): void {
  try {
    process.kill(-pid!, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

function answers(port: number): Promise<boolean> {
  const socket = createConnection(port, 'localhost')
  return new Promise<boolean>((resolve) => {
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
  }).finally(() => socket.destroy())
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '' && line !== ':')
}
