import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'

const PROGRAM = fileURLToPath(new URL('../../packages/server/bin/fanline.js', import.meta.url))

/** The longest that the program may take until it is ready, in milliseconds. */
const START_LIMIT_MS = 20_000

/** `fanline dev` in a process of its own, as a newcomer runs it. */
export interface DevServer {
  readonly origin: string
  readonly port: number
  /** Ends the process as Ctrl-C would, and waits until it is gone. */
  stop(): Promise<void>
}

/**
 * Starts the built program and waits until it is ready.
 * @param port a free one when absent
 * @param flags more flags of `fanline dev`
 * @throws Error with what the program printed, when it ends or is not ready in time
 */
export async function startDevServer(port?: number, flags: readonly string[] = []): Promise<DevServer> {
  const chosen = port ?? (await freePort())
  const origin = `http://localhost:${chosen}`
  const child = spawn(process.execPath, [PROGRAM, 'dev', '--port', String(chosen), ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'development' },
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed = `${printed}${text}`.slice(-20_000)
    })
  }
  const deadline = Date.now() + START_LIMIT_MS
  while (!(await isReady(origin))) {
    if (isGone(child) || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`fanline dev is not ready. It printed:\n${printed}`)
    }
    await delay(50)
  }
  return {
    origin,
    port: chosen,
    async stop() {
      if (isGone(child)) return
      const gone = once(child, 'exit')
      child.kill('SIGINT')
      await gone
    },
  }
}

async function isReady(origin: string): Promise<boolean> {
  try {
    return (await fetch(`${origin}/readyz`)).ok
  } catch {
    return false // it does not listen yet
  }
}

function isGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
