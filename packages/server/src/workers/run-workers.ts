import cluster, { type Worker } from 'node:cluster'
import { LogOwner } from '@fanline/hub/worker-log'
import type { Config } from '../config/server-options.ts'
import { closedWell, configuredLog, sayWhatTheLogPromises } from '../configured-log.ts'
import { Failure } from '../failure.ts'
import type { Logger } from '../logger.ts'
import type { FromWorker, Ports, ToWorker } from './message.ts'
import { MetricsGatherer } from './metrics-gatherer.ts'
import { WORKER_VARIABLE } from './team.ts'
import { passOnUntaken } from './untaken-connections.ts'

/** A worker that dies is replaced at once; one that died at its start, or cannot start, after so many milliseconds. */
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
  const owner = config.redis === '' ? await ownedLog(config, logger) : undefined
  const workers = new Workers(config, logger, owner)
  try {
    const ports = await workers.start()
    return { ports, close: () => workers.close() }
  } catch (error) {
    await workers.close()
    throw error
  }
}

/** @throws Failure when the log cannot be opened */
async function ownedLog(config: Config, logger: Logger): Promise<LogOwner> {
  const log = await configuredLog(config)
  const onProblem = (problem: Error): void => logger.error({ err: problem }, 'the log met a problem')
  const owner = new LogOwner(log, { onProblem })
  await owner.ready.catch((error) => {
    throw new Failure(error instanceof Error ? error.message : String(error))
  })
  sayWhatTheLogPromises(log, config, logger)
  return owner
}

/** What a worker says of the log of this process. */
interface LentLog {
  hear(words: never): void
  leave(): void
}

class Workers {
  readonly #config: Config
  readonly #logger: Logger
  readonly #owner: LogOwner | undefined
  readonly #metrics = new MetricsGatherer()
  readonly #alive = new Set<Worker>()
  #isClosing = false

  constructor(config: Config, logger: Logger, owner: LogOwner | undefined) {
    this.#config = config
    this.#logger = logger
    this.#owner = owner
    cluster.setupPrimary({ serialization: 'advanced' })
    if (config.tls.cert !== '') process.on('SIGHUP', this.#renew)
  }

  /** The certificate is read again by those who show it. */
  readonly #renew = (): void => {
    for (const worker of this.#alive) tell(worker, { say: 'renew' })
  }

  async start(): Promise<Ports> {
    const numbers = Array.from({ length: this.#config.workers }, (_, i) => String(i + 1))
    const ports = await Promise.all(numbers.map((number) => this.#fork(number)))
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
        const ended = new Promise((resolve) => worker.process.once('close', resolve))
        // Not a message: one that has just begun to start would not hear it, and is to end as well.
        worker.process.kill('SIGTERM')
        return ended
      }),
    )
    clearTimeout(deadline)
    process.off('SIGHUP', this.#renew)
    if (this.#owner) await closedWell(this.#owner.close())
  }

  /** Resolves when the worker answers; from then on it is replaced when it ends. @throws Failure when it ends before */
  #fork(number: string): Promise<Ports> {
    return new Promise((resolve, reject) => {
      const worker = cluster.fork({ [WORKER_VARIABLE]: number })
      passOnUntaken(worker)
      const startedAt = performance.now()
      const log = this.#lendLog(worker, number)
      let answers = false
      this.#alive.add(worker)
      const leave = (why: string): void => {
        this.#alive.delete(worker)
        log?.leave()
        reject(new Failure(why))
      }
      worker.on('message', (message: FromWorker) => {
        if (message.say === 'log') log?.hear(message.words as never)
        else if (message.say === 'listening') {
          answers = true
          resolve(message.ports)
        } else if (message.say === 'failed') {
          if (answers) this.#logger.error({ worker: number }, message.why)
          reject(new Failure(message.why, message.exitCode))
        } else if (message.say === 'scrape') void this.#scrapeFor(worker, message.number)
        else this.#metrics.hear(message.number, message.metrics)
      })
      worker.on('error', (error) => {
        // Where there is no process, none will end.
        if (worker.process.pid === undefined) leave(`A worker cannot be started: ${error.message}`)
        // What it was doing ends with it; the pipe to it may say so before.
        else this.#logger.debug({ err: error, worker: number }, 'a worker cannot be told')
      })
      // Not 'exit', which may come before what it said last, such as why it cannot start.
      worker.process.once('close', (code, signal) => {
        leave(`A worker ended at its start, with ${signal ?? `exit code ${code}`}.`)
        if (!answers) return
        const hasLeft = worker.exitedAfterDisconnect
        if (!hasLeft) {
          this.#logger.error({ worker: number, pid: worker.process.pid, code, signal }, 'a worker died')
        }
        const isSoon = !hasLeft && performance.now() - startedAt < START_MS
        if (!this.#isClosing) this.#replace(number, isSoon ? AGAIN_MS : 0)
      })
    })
  }

  /** Lets it use the log of this process, if there is one. */
  #lendLog(worker: Worker, number: string): LentLog | undefined {
    let hear: (words: never) => void = () => undefined
    const leave = this.#owner?.join(
      {
        send: (words) => tell(worker, { say: 'log', words }),
        receive: (listener) => {
          hear = listener
        },
      },
      {
        onStuck: () => {
          this.#logger.error({ worker: number }, 'a worker no longer reads what it is sent, and is ended')
          worker.process.kill('SIGKILL')
        },
      },
    )
    return leave && { hear: (words) => hear(words), leave }
  }

  /** Again and again, until there is one. */
  #replace(number: string, delayMs: number): void {
    setTimeout(async () => {
      if (this.#isClosing) return
      try {
        await this.#fork(number)
        this.#logger.info({ worker: number }, 'another worker took its place')
      } catch (error) {
        if (this.#isClosing) return
        this.#logger.error({ worker: number, err: error }, 'a worker could not take its place')
        this.#replace(number, AGAIN_MS)
      }
    }, delayMs)
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
