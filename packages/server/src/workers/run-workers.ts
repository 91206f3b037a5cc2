import cluster, { type Worker } from 'node:cluster'
import { LogOwner } from '@fanline/hub/worker-log'
import type { Config } from '../config/server-options.ts'
import { configuredLog } from '../configured-log.ts'
import { Failure } from '../failure.ts'
import type { Logger } from '../logger.ts'
import type { FromWorker, Ports, ToWorker } from './message.ts'
import { MetricsGatherer } from './metrics-gatherer.ts'
import { WORKER_VARIABLE } from './team.ts'
import { passOnUntaken } from './untaken-connections.ts'

/** A worker that dies is replaced at once; one whose predecessor died at its start, after so many milliseconds. */
const AGAIN_MS = 1000

/** A worker that lives for less has died at its start, in milliseconds. */
const START_MS = 5000

/** What workers are given to end beyond the time of a shutdown, in milliseconds. */
const GRACE_MS = 1000

/** Workers that answer. */
export interface RunningWorkers {
  readonly ports: Ports
  /** Ends them in order, and closes the log. */
  close(): Promise<void>
}

/**
 * Starts processes that share the port, and the log of this one unless they have one on Redis. Resolves when all of them
 * answer; from then on one that dies is replaced.
 * @throws Failure when the log cannot be opened, or a worker does not start
 */
export async function runWorkers(config: Config, logger: Logger): Promise<RunningWorkers> {
  // With Redis each worker is a node of its own.
  const onProblem = (problem: Error): void => logger.error({ err: problem }, 'the log met a problem')
  const owner = config.redis === '' ? new LogOwner(await configuredLog(config), { onProblem }) : undefined
  await owner?.ready.catch((error) => {
    throw new Failure(error instanceof Error ? error.message : String(error))
  })
  const workers = new Workers(config, logger, owner)
  try {
    const ports = await workers.start()
    return { ports, close: () => workers.close() }
  } catch (error) {
    await workers.close()
    throw error
  }
}

class Workers {
  readonly #config: Config
  readonly #logger: Logger
  readonly #owner: LogOwner | undefined
  readonly #metrics = new MetricsGatherer()
  readonly #alive = new Set<Worker>()
  #isClosing = false
  #isStarted = false

  constructor(config: Config, logger: Logger, owner: LogOwner | undefined) {
    this.#config = config
    this.#logger = logger
    this.#owner = owner
    cluster.setupPrimary({ serialization: 'advanced' })
    if (config.tls.cert !== '') process.on('SIGHUP', this.#renew)
  }

  /** The certificate is read again by those who show it. */
  readonly #renew = (): void => {
    for (const worker of this.#alive) worker.process.kill('SIGHUP')
  }

  async start(): Promise<Ports> {
    const numbers = Array.from({ length: this.#config.workers }, (_, i) => String(i + 1))
    const ports = await Promise.all(numbers.map((number) => this.#fork(number)))
    this.#isStarted = true
    return ports[0]!
  }

  async close(): Promise<void> {
    this.#isClosing = true
    const deadline = setTimeout(() => {
      for (const worker of this.#alive) worker.process.kill('SIGKILL')
    }, this.#config.shutdown.drainMs + GRACE_MS)
    await Promise.all(
      [...this.#alive].map((worker) => {
        // Not once() of node:events, which would give up when the pipe to the worker breaks before it has ended.
        const ended = new Promise((resolve) => worker.once('exit', resolve))
        tell(worker, { say: 'close' })
        return ended
      }),
    )
    clearTimeout(deadline)
    process.off('SIGHUP', this.#renew)
    await this.#owner?.close()
  }

  /** Resolves when the worker answers. @throws Failure when it ends before */
  #fork(number: string): Promise<Ports> {
    const worker = cluster.fork({ [WORKER_VARIABLE]: number })
    passOnUntaken(worker)
    const startedAt = performance.now()
    this.#alive.add(worker)
    let hearLog: ((words: never) => void) | undefined
    const leave = this.#owner?.join(
      {
        send: (words) => tell(worker, { say: 'log', words }),
        receive: (listener) => {
          hearLog = listener
        },
      },
      {
        onStuck: () => {
          this.#logger.error({ worker: number }, 'a worker no longer reads what it is sent, and is ended')
          worker.process.kill('SIGKILL')
        },
      },
    )
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.say === 'log') hearLog?.(message.words as never)
        else if (message.say === 'listening') resolve(message.ports)
        else if (message.say === 'failed') reject(new Failure(message.why, message.exitCode))
        else if (message.say === 'scrape') void this.#scrapeFor(worker, message.number)
        else this.#metrics.hear(message.number, message.metrics)
      })
      // What it was doing ends with it; the pipe to it may say so before.
      worker.on('error', (error) =>
        this.#logger.debug({ err: error, worker: number }, 'a worker cannot be told'),
      )
      worker.once('exit', (code, signal) => {
        this.#alive.delete(worker)
        leave?.()
        reject(new Failure(`A worker ended at its start, with ${signal ?? `exit code ${code}`}.`))
        if (this.#isClosing || !this.#isStarted) return
        this.#logger.error({ worker: number, pid: worker.process.pid, code, signal }, 'a worker died')
        const delayMs = performance.now() - startedAt < START_MS ? AGAIN_MS : 0
        setTimeout(() => this.#replace(number), delayMs)
      })
    })
  }

  #replace(number: string): void {
    if (this.#isClosing) return
    this.#fork(number).then(
      () => this.#logger.info({ worker: number }, 'another worker took its place'),
      () => undefined, // it will be replaced, too
    )
  }

  async #scrapeFor(asker: Worker, number: number): Promise<void> {
    const others = [...this.#alive].filter((worker) => worker !== asker)
    const ask = others.map((worker) => (own: number) => tell(worker, { say: 'scrape', number: own }))
    tell(asker, { say: 'scraped', number, others: await this.#metrics.gather(ask) })
  }
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message)
}
