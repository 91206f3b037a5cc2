import { availableParallelism, freemem, loadavg, totalmem } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { VERSION } from './version.ts'

/** How long one measurement of load takes, in milliseconds. */
const WINDOW_MS = 5000

/** The histogram measures a timer that should fire after this time, and so counts it in. */
const RESOLUTION_MS = 20

/** What this process and its machine are doing. */
export interface SystemReport {
  readonly version: string
  readonly node: string
  readonly pid: number
  /** ISO 8601. */
  readonly startedAt: string
  readonly uptimeMs: number
  readonly cpu: {
    readonly userMs: number
    readonly systemMs: number
    readonly percentOfOneCore: number | null
  }
  readonly memory: {
    readonly rssBytes: number
    readonly heapUsedBytes: number
    readonly heapTotalBytes: number
    readonly externalBytes: number
  }
  readonly eventLoop: {
    /** How late timers fire; null before the first measurement. */
    readonly lagMeanMs: number | null
    readonly lagMaxMs: number | null
    /** The part of the time in which it had something to do, 0 to 1. */
    readonly utilization: number | null
  }
  readonly host: {
    readonly cpus: number
    /** Over 1, 5 and 15 minutes. */
    readonly load: readonly number[]
    readonly memoryBytes: number
    readonly freeMemoryBytes: number
  }
}

interface Measurement {
  readonly percentOfOneCore: number
  readonly lagMeanMs: number
  readonly lagMaxMs: number
  readonly utilization: number
}

/** Measures load in windows of five seconds, so that a report tells of now and costs nothing to ask for. */
export class SystemView {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  readonly #timer: NodeJS.Timeout
  #cpu = process.cpuUsage()
  #utilization = performance.eventLoopUtilization()
  #windowBegan = performance.now()
  #last: Measurement | undefined

  constructor() {
    this.#delay.enable()
    this.#timer = setInterval(() => this.#measure(), WINDOW_MS).unref()
  }

  report(): SystemReport {
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    const last = this.#last
    return {
      version: VERSION,
      node: process.versions.node,
      pid: process.pid,
      startedAt: new Date(performance.timeOrigin).toISOString(),
      uptimeMs: Math.round(performance.now()),
      cpu: {
        userMs: Math.round(user / 1000),
        systemMs: Math.round(system / 1000),
        percentOfOneCore: last?.percentOfOneCore ?? null,
      },
      memory: { rssBytes: rss, heapUsedBytes: heapUsed, heapTotalBytes: heapTotal, externalBytes: external },
      eventLoop: {
        lagMeanMs: last?.lagMeanMs ?? null,
        lagMaxMs: last?.lagMaxMs ?? null,
        utilization: last?.utilization ?? null,
      },
      host: {
        cpus: availableParallelism(),
        load: loadavg().map((load) => rounded(load, 2)),
        memoryBytes: totalmem(),
        freeMemoryBytes: freemem(),
      },
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#delay.disable()
  }

  #measure(): void {
    const now = performance.now()
    const { user, system } = process.cpuUsage(this.#cpu)
    const utilization = performance.eventLoopUtilization()
    this.#last = {
      percentOfOneCore: rounded((user + system) / 10 / (now - this.#windowBegan), 1),
      lagMeanMs: lagMs(this.#delay.mean),
      lagMaxMs: lagMs(this.#delay.max),
      utilization: rounded(performance.eventLoopUtilization(utilization, this.#utilization).utilization, 3),
    }
    this.#windowBegan = now
    this.#cpu = process.cpuUsage()
    this.#utilization = utilization
    this.#delay.reset()
  }
}

function lagMs(nanoseconds: number): number {
  return rounded(Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS), 1)
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
