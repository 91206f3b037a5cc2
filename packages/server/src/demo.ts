import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Hub } from '@fanline/hub'

/** What the demo page needs from the server beyond the public API. */
export interface Demo {
  /**
   * Starts a task that publishes `progress` events (`{ task, done, total, step }`) for about eight seconds, to its own
   * channel and to `demo.tasks`, which every demo page follows. When 20 run already, no new one starts and the newest
   * one's channel is given.
   */
  startTask(): { channel: string }
  /** Ends the tasks and the load events. */
  close(): void
}

/** Data of the `load` events of `demo.load`: this process since the event before. */
export interface Load {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Of one core. */
  readonly cpuPercent: number
  /** Resident set, in millions of bytes. */
  readonly memoryMb: number
  readonly connections: number
  /** How late the timer of this measurement fired, in milliseconds. */
  readonly lagMs: number
}

/** How fast the demo goes. */
export interface DemoOptions {
  /** Between two `progress` events, in milliseconds. */
  readonly stepMs?: number
  /** Between two `load` events, in milliseconds. */
  readonly loadMs?: number
}

const LOAD_CHANNEL = 'demo.load'
const TASKS_CHANNEL = 'demo.tasks'
const MAX_TASKS = 20
const ROWS = 1_200
const ROWS_PER_STEP = 30

/** Publishes what the demo page shows: tasks on demand, and the server's load while somebody follows `demo.load`. */
export function startDemo(hub: Hub, { stepMs = 200, loadMs = 1_000 }: DemoOptions = {}): Demo {
  const closing = new AbortController()
  setMaxListeners(MAX_TASKS, closing.signal) // one delay of each task waits for it
  const tasks = new Set<string>()
  const stopLoad = publishLoad(hub, loadMs)
  return {
    startTask() {
      const newest = [...tasks].at(-1)
      if (newest && tasks.size >= MAX_TASKS) return { channel: newest }
      const channel = `task.${randomUUID().slice(0, 8)}`
      tasks.add(channel)
      void runTask(hub, channel, stepMs, closing.signal).finally(() => tasks.delete(channel))
      return { channel }
    },
    close() {
      closing.abort()
      stopLoad()
    },
  }
}

/** Stands for work that takes a while. A demo must not bring the hub down, so a failed publish only ends the task. */
async function runTask(hub: Hub, task: string, stepMs: number, signal: AbortSignal): Promise<void> {
  try {
    for (let done = 0; done <= ROWS; done += ROWS_PER_STEP) {
      const data = { task, done, total: ROWS, step: stepAt(done) }
      await hub.publish({ channels: [task, TASKS_CHANNEL], event: 'progress', data })
      if (done < ROWS) await delay(stepMs, undefined, { signal, ref: false })
    }
  } catch {
    return // closed, or the log took nothing: the bar stays where it is
  }
}

function stepAt(done: number): string {
  if (done === ROWS) return `Imported ${ROWS.toLocaleString('en')} rows`
  if (done < ROWS * 0.2) return 'Reading customers.csv'
  if (done < ROWS * 0.8) return `Row ${done.toLocaleString('en')} of ${ROWS.toLocaleString('en')}`
  return 'Building the index'
}

function publishLoad(hub: Hub, loadMs: number): () => void {
  let cpu = process.cpuUsage()
  let measuredAt = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    const elapsedMs = now - measuredAt
    const used = process.cpuUsage(cpu)
    cpu = process.cpuUsage()
    measuredAt = now
    if (!hub.isFollowed(LOAD_CHANNEL)) return
    const data: Load = {
      at: Date.now(),
      cpuPercent: tenths((used.user + used.system) / 10 / elapsedMs),
      memoryMb: tenths(process.memoryUsage.rss() / 1e6),
      connections: hub.stats().connections,
      lagMs: tenths(Math.max(0, elapsedMs - loadMs)),
    }
    hub.publish({ channel: LOAD_CHANNEL, event: 'load', data, ephemeral: true }).catch(() => undefined) // a hole in the chart
  }, loadMs)
  timer.unref()
  return () => clearInterval(timer)
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10
}
