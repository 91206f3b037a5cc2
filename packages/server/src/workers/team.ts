import cluster from 'node:cluster'
import { hostname } from 'node:os'
import type { Log } from '@fanline/hub'
import { type Wire, workerLog } from '@fanline/hub/worker-log'
import type { FailureExitCode } from '../failure.ts'
import type { FromWorker, MetricsOfProcess, Ports, ToWorker } from './message.ts'

/** The variable by which a worker is told which one it is. */
export const WORKER_VARIABLE = 'WORKER_OF_FANLINE'

/** What a process that is one of several workers has of the others. */
export interface Team {
  /** Which worker this is, from 1 on; one that takes its place has the same number. */
  readonly worker: string
  /** Resolves when the worker is to end. */
  readonly asksToClose: Promise<string>
  /** The log of the process that has started the workers; `nodeName` is what this one is called by the others. */
  log(nodeName: string | undefined): Log
  /** Says that this worker answers. */
  listening(ports: Ports): void
  /** Says why this worker cannot start, and ends its process. */
  failed(why: string, exitCode: FailureExitCode): void
  /** The metrics of all other workers that answer in time. */
  scrapeOthers(): Promise<readonly MetricsOfProcess[]>
  /** Others ask for the metrics of this worker. */
  onScrape(scrape: () => Promise<MetricsOfProcess>): void
  /** The certificate is to be read again. */
  onRenew(renew: () => void): void
  /** Ends the process of this worker, which has closed, when all that it said was heard. */
  leave(): void
}

/** The team of this process; undefined when it was started by itself. */
export function ownTeam(): Team | undefined {
  const worker = process.env[WORKER_VARIABLE]
  return cluster.isWorker && worker !== undefined ? new WorkerTeam(worker) : undefined
}

class WorkerTeam implements Team {
  readonly worker: string
  readonly asksToClose: Promise<string>
  readonly #scrapes = new Map<number, (others: readonly MetricsOfProcess[]) => void>()
  #hearLog: ((words: never) => void) | undefined
  #scrape: () => Promise<MetricsOfProcess> = async () => []
  #renew: () => void = () => undefined
  #asked = 0

  constructor(worker: string) {
    this.worker = worker
    // A terminal sends them to all processes: the one that started the workers says what is to be done.
    for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined)
    this.asksToClose = new Promise((resolve) => {
      process.on('SIGTERM', () => resolve('SIGTERM'))
    })
    process.on('message', (message: ToWorker) => void this.#hear(message))
  }

  log(nodeName = `${hostname()}:${process.pid}`): Log {
    const wire: Wire = {
      send: (words) => this.#say({ say: 'log', words }),
      receive: (listener) => {
        this.#hearLog = listener
      },
    }
    return workerLog({ wire, nodeName })
  }

  listening(ports: Ports): void {
    this.#say({ say: 'listening', ports })
  }

  failed(why: string, exitCode: FailureExitCode): void {
    process.send?.({ say: 'failed', why, exitCode } satisfies FromWorker, () => process.exit(exitCode))
  }

  scrapeOthers(): Promise<readonly MetricsOfProcess[]> {
    return new Promise((resolve) => {
      const number = ++this.#asked
      this.#scrapes.set(number, resolve)
      this.#say({ say: 'scrape', number })
    })
  }

  onScrape(scrape: () => Promise<MetricsOfProcess>): void {
    this.#scrape = scrape
  }

  onRenew(renew: () => void): void {
    this.#renew = renew
  }

  leave(): void {
    // Not process.disconnect(), after which nobody hears what was said last, such as that a connection was not taken.
    cluster.worker?.kill()
  }

  async #hear(message: ToWorker): Promise<void> {
    switch (message.say) {
      case 'log':
        this.#hearLog?.(message.words as never)
        break
      case 'scrape':
        this.#say({ say: 'metrics', number: message.number, metrics: await this.#scrape() })
        break
      case 'renew':
        this.#renew()
        break
      case 'scraped':
        this.#scrapes.get(message.number)?.(message.others)
        this.#scrapes.delete(message.number)
    }
  }

  /** Without the process that has started it a worker ends: node:cluster sees to that. */
  #say(message: FromWorker): void {
    if (process.connected) process.send?.(message)
  }
}
