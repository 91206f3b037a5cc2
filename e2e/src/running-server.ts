import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'

const PROGRAM = fileURLToPath(new URL('../../packages/server/bin/fanline.js', import.meta.url))

/** The longest that a server may take until it is ready, in milliseconds. */
const START_LIMIT_MS = 60_000

/** `fanline` in a process of its own. */
export interface RunningServer {
  readonly origin: string
  readonly port: number
  readonly pid: number
  /** Ends the process as a signal does, and waits until it is gone. Resolves with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** How a server is started. */
export interface RunningServerOptions {
  /** A free one when absent. */
  readonly port?: number | undefined
  /** Files of a certificate that nobody has signed. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined
  readonly env?: Readonly<Record<string, string>>
  /** The file of another program than the one that was built, and the Node that runs it. */
  readonly program?: string
  readonly node?: string
}

/**
 * Starts the built program and waits until it is ready.
 * @param args the verb, and its flags
 * @throws Error with what the program printed, when it ends or is not ready in time
 */
export async function startServer(
  args: readonly string[],
  { port, env = {}, certificate, program = PROGRAM, node = process.execPath }: RunningServerOptions = {},
): Promise<RunningServer> {
  const chosen = port ?? (await freePort())
  const origin = `${certificate ? 'https' : 'http'}://localhost:${chosen}`
  const tls = certificate ? ['--tls-cert', certificate.cert, '--tls-key', certificate.key] : []
  const child = spawn(node, [program, ...args, ...tls, '--port', String(chosen)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  await untilReady(child, origin)
  return {
    origin,
    port: chosen,
    pid: child.pid!,
    async stop(signal = 'SIGINT') {
      if (!isGone(child)) {
        const gone = once(child, 'exit')
        child.kill(signal)
        await gone
      }
      return child.exitCode
    },
  }
}

/**
 * Waits until a server is ready that this process starts.
 * @throws Error with what it printed, when it ends or is not ready in time
 */
export async function untilReady(child: ChildProcess, origin: string): Promise<void> {
  let printed = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed = `${printed}${text}`.slice(-20_000)
    })
  }
  const deadline = Date.now() + START_LIMIT_MS
  while (!(await isReady(origin))) {
    if (isGone(child) || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`fanline is not ready. It printed:\n${printed}`)
    }
    await delay(50)
  }
}

async function isReady(origin: string): Promise<boolean> {
  const ask = origin.startsWith('https:') ? secureRequest : request
  try {
    const answer = ask(`${origin}/readyz`, { rejectUnauthorized: false, agent: false }).end()
    const [response] = (await once(answer, 'response')) as [IncomingMessage]
    response.resume()
    return response.statusCode === 200
  } catch {
    return false // it does not listen yet
  }
}

function isGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
