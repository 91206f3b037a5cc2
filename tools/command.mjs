// Running other programs: what they print, how long they may take, and that nothing of them stays behind.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

/** The folder of the repository, without a trailing slash. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '')

/** Something went wrong that the reader can understand without a stack trace. */
export class Failure extends Error {}

/** Writes one line. */
export function say(line = '') {
  process.stdout.write(`${line}\n`)
}

/** Awaits a step of a program; a {@link Failure} ends the program with its message and exit code 1. */
export async function orExit(step) {
  try {
    return await step
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    process.stderr.write(`\n${error.message}\n`)
    process.exit(1)
  }
}

/**
 * Runs a program to its end, without stdin, and resolves with what it printed and its exit code (`null`: a
 * signal ended it). It gets its own process group, which ends with it, with us, or after `timeoutMs` (then
 * `late` is true): neither a test that hangs nor a browser it left behind outlives the run. Rejects with a
 * {@link Failure} when the program cannot be started.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, show?: boolean, timeoutMs?: number }} [options]
 *   `show: false` keeps the output to the caller.
 * @returns {Promise<{ code: number | null, output: string, late: boolean }>}
 */
export function run(command, args, { cwd = root, env = process.env, show = true, timeoutMs } = {}) {
  return new Promise((resolve, reject) => {
    const grouped = process.platform !== 'win32'
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: grouped })
    let output = ''
    let late = false

    const kill = (signal) => {
      try {
        if (grouped) process.kill(-child.pid, signal)
        else child.kill(signal)
      } catch (error) {
        if (error.code !== 'ESRCH' && error.code !== 'EPERM') throw error // nobody is left, as we wish
      }
    }
    const interrupted = (signal) => {
      kill('SIGKILL')
      process.exit(128 + constants.signals[signal])
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, interrupted)

    const timers = []
    if (timeoutMs !== undefined) {
      const expire = () => {
        late = true
        kill('SIGTERM') // node's test runner then still names the tests that hang
        timers.push(setTimeout(kill, 5_000, 'SIGKILL'))
      }
      timers.push(setTimeout(expire, timeoutMs))
    }

    for (const pipe of [child.stdout, child.stderr]) {
      pipe.setEncoding('utf8').on('data', (text) => {
        output += text
        if (show) process.stdout.write(text)
      })
    }
    const settle = () => {
      for (const signal of signals) process.off(signal, interrupted)
      for (const timer of timers) clearTimeout(timer)
    }
    child.on('error', (error) => {
      settle()
      reject(new Failure(`cannot run ${command}: ${error.message}`))
    })
    child.on('exit', () => {
      if (grouped) kill('SIGKILL')
      // Who left the group can still hold the pipes open; we have heard enough.
      timers.push(setTimeout(() => [child.stdout, child.stderr].map((pipe) => pipe.destroy()), 1_000))
    })
    child.on('close', (code) => {
      settle()
      resolve({ code, output, late })
    })
  })
}

/**
 * Runs a program whose output matters only when it fails, and shows one line with the seconds it takes.
 * Rejects with a {@link Failure} that holds all it printed, then what `explain(output)` makes of it.
 *
 * @param {string} label
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Parameters<typeof run>[2] & { explain?: (output: string) => string }} [options]
 */
export async function runQuietly(label, command, args, { explain = () => '', ...options } = {}) {
  const start = performance.now()
  const seconds = () => `${Math.round((performance.now() - start) / 1000)} s`
  const terminal = process.stdout.isTTY === true
  process.stdout.write(`${label} … `)
  const ticking = terminal && setInterval(() => process.stdout.write(`\r${label} … ${seconds()}`), 500)
  try {
    const { code, output } = await run(command, args, { ...options, show: false })
    if (code !== 0) throw new Failure([output.trim(), `${label}: failed`, explain(output)].join('\n').trim())
  } finally {
    clearInterval(ticking)
    say(terminal ? `\r${label} … ${seconds()}` : seconds())
  }
}
