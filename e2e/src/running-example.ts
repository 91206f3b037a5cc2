import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'

/** The longest that an example may take to end, in milliseconds. */
const END_LIMIT_MS = 10_000

/** One of `examples/`, as its README says to start it: a process of its own. */
export class RunningExample {
  readonly origin: string
  readonly port: number
  readonly #child: ChildProcess

  private constructor(port: number, child: ChildProcess) {
    this.port = port
    this.origin = `http://localhost:${port}`
    this.#child = child
  }

  /**
   * Starts it, on a free port if none is given, and waits until it says where it listens.
   * @throws Error with what it printed, when it ends before
   */
  static async start(name: string, env: NodeJS.ProcessEnv = {}, given?: number): Promise<RunningExample> {
    const port = given ?? (await freePort())
    const child = spawn(process.execPath, ['server.mjs'], {
      cwd: fileURLToPath(new URL(`../../examples/${name}`, import.meta.url)),
      env: { ...process.env, ...env, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const complaints = text(child.stderr)
    const gone = once(child, 'close').then(async ([code]) => {
      throw new Error(`The example ${name} ended with ${code}:\n${await complaints}`)
    })
    const [line] = await Promise.race([once(child.stdout.setEncoding('utf8'), 'data'), gone])
    gone.catch(() => undefined) // from here on it may end
    if (line !== `http://localhost:${port}\n`) throw new Error(`The example ${name} printed ${line}`)
    return new RunningExample(port, child)
  }

  /** Asks it to end, and resolves with its exit code; null when it did not end by itself. */
  async terminate(): Promise<number | null> {
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const impatience = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS)
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    clearTimeout(impatience)
    return code
  }
}
