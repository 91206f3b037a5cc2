import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { inTime } from './deadline.ts'

/** What a test asks of the process with the hub. */
export type Order =
  /** Events `0 xxx…`, `1 xxx…` on channel `a`, counted from a first number. */
  | { readonly do: 'publish'; readonly first: number; readonly count: number; readonly bytes: number }
  | { readonly do: 'report' }
  | { readonly do: 'end' }

/** How that process stands; its garbage was collected when a report was asked for. */
export interface Report {
  /** In bytes, as `heapUsed`. */
  readonly rss: number
  readonly heapUsed: number
  /** Sockets, timers and the like that are open. */
  readonly handles: number
  readonly behind: number
  readonly connections: number
  readonly channels: number
  readonly gaps: number
  /** The longest that one publish took, in milliseconds. */
  readonly slowestPublishMs: number
}

const DEADLINE_MS = 60_000

/** A hub in a process of its own; every request to it is a stream of user `u` on channel `a`. */
export class ForkedHub {
  readonly port: number
  readonly #process: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#process = child
    this.port = port
  }

  static async start(caches: 'usual-caches' | 'small-caches' = 'usual-caches'): Promise<ForkedHub> {
    const child = fork(fileURLToPath(new URL('./forked-hub-process.js', import.meta.url)), [caches], {
      // With little room for what is new, memory is what is held, not what was not collected yet.
      execArgv: ['--max-semi-space-size=4'],
    })
    return new ForkedHub(child, await answerOf<number>(child))
  }

  async ask(order: Order): Promise<Report> {
    const answer = answerOf<Report>(this.#process)
    this.#process.send(order)
    return answer
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.send({ do: 'end' } satisfies Order)
    await ended
  }
}

function answerOf<T>(child: ChildProcess): Promise<T> {
  const answer = new Promise<T>((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`The hub's process ended with ${code}.`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as T)
    })
  })
  return inTime(answer, () => "an answer of the hub's process", DEADLINE_MS)
}
