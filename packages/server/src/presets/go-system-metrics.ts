import { cpus, freemem, totalmem } from 'node:os'

const MIB = 1024 * 1024

/** What go-fiber-sse-user-channel tells of its machine and process; a runtime's own words for what only Go has. */
export interface GoSystemMetrics {
  /** RFC 3339, whole seconds. */
  readonly timestamp: string
  readonly system_memory: {
    readonly total_mb: number
    readonly used_mb: number
    readonly used_percent: string
  }
  readonly cpu: { readonly usage_percent: string }
  readonly go_memory: {
    readonly alloc_mb: string
    readonly total_alloc_mb: string
    readonly heap_alloc_mb: string
    readonly heap_sys_mb: string
    readonly gc_cycles: number
  }
  readonly goroutines: number
}

interface CpuTimes {
  readonly busyMs: number
  readonly allMs: number
}

let before: CpuTimes = { busyMs: 0, allMs: 0 }

/** Measured since it was last asked for, and since the machine began the first time. */
export function goSystemMetrics(): GoSystemMetrics {
  const now = cpuTimes()
  const allMs = now.allMs - before.allMs
  const busy = allMs > 0 ? (now.busyMs - before.busyMs) / allMs : 0
  before = now
  const total = totalmem()
  const used = total - freemem()
  const { heapUsed, heapTotal } = process.memoryUsage()
  return {
    timestamp: `${new Date().toISOString().slice(0, 19)}Z`,
    system_memory: {
      total_mb: Math.floor(total / MIB),
      used_mb: Math.floor(used / MIB),
      used_percent: ((used / total) * 100).toFixed(2),
    },
    cpu: { usage_percent: (busy * 100).toFixed(2) },
    go_memory: {
      alloc_mb: inMib(heapUsed),
      // What was ever allocated nobody counts here; what is reserved is the nearest that is known.
      total_alloc_mb: inMib(heapTotal),
      heap_alloc_mb: inMib(heapUsed),
      heap_sys_mb: inMib(heapTotal),
      gc_cycles: 0,
    },
    goroutines: process.getActiveResourcesInfo().length,
  }
}

function cpuTimes(): CpuTimes {
  let busyMs = 0
  let allMs = 0
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq
    allMs += all
    busyMs += all - times.idle
  }
  return { busyMs, allMs }
}

function inMib(bytes: number): string {
  return (bytes / MIB).toFixed(2)
}
