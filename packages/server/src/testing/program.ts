import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../bin/fanline.js', import.meta.url))

/** How a program under test is started. */
export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Without configuration of its own when absent. */
  readonly directory?: string
  /** The program that runs it; that of the test when absent. */
  readonly node?: string
}

/** `fanline` in a process of its own, as somebody runs it. It ends with its test at the latest. */
export class Program {
  readonly exitCode: Promise<number | null>
  readonly #child: ChildProcess
  #stdout = ''
  #stderr = ''
  #isOver = false
  #heard: (() => void)[] = []

  constructor(
    test: TestContext,
    args: readonly string[],
    { env = {}, directory = tmpdir(), node = process.execPath }: ProgramOptions = {},
  ) {
    const child = spawn(node, [BIN, ...args], {
      cwd: directory,
      env: { ...cleanEnvironment(), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child = child
    // Not 'exit': what it printed last may come after that.
    this.exitCode = once(child, 'close').then(([code]) => {
      this.#isOver = true
      this.#tell()
      return code
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
      this.#tell()
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
      this.#tell()
    })
    test.after(() => child.kill('SIGKILL'))
  }

  get pid(): number {
    return this.#child.pid!
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Resolves when the output matches. @throws Error when the program ends without */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr)
      if (match) return match
      if (this.#isOver) {
        throw new Error(`The program ended without printing ${pattern}:\n${this.#stdout}${this.#stderr}`)
      }
      await new Promise<void>((resolve) => this.#heard.push(resolve))
    }
  }

  /** Gives it a piece of standard input. */
  type(text: string): void {
    this.#child.stdin?.write(text)
  }

  /** Ends its standard input. */
  endInput(): void {
    this.#child.stdin?.end()
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  #tell(): void {
    const heard = this.#heard
    this.#heard = []
    for (const resolve of heard) resolve()
  }
}

/** `fanline dev` on a free port, ready. */
export interface DevProgram {
  readonly program: Program
  readonly port: number
  readonly url: string
}

/** Starts `fanline dev` with more flags. */
export async function startDev(
  test: TestContext,
  flags: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<DevProgram> {
  const program = new Program(test, ['dev', '--port', '0', ...flags], options)
  const [, port] = await program.prints(/localhost:(\d+)\/v1\/publish/)
  return { program, port: Number(port), url: `http://localhost:${port}` }
}

/** The environment of the tests, without what would configure the program. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('FANLINE_') && !['PORT', 'HOST', 'NODE_ENV', 'FORCE_COLOR'].includes(name),
  )
  return Object.fromEntries(entries)
}
