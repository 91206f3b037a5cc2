import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts `/proc/PID/stat` in hundredths of a second, whatever the kernel's own timer does. */
const TICK_US = 10_000

/** A process, and all that it has started: the workers of a server. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
  return [pid, ...(children === '' ? [] : children.split(' ').map(Number).flatMap(family))]
}

/**
 * The CPU time all threads of a process and of those that it has started have used, in microseconds.
 *
 * It is the scheduler's count in nanoseconds, which `/proc/PID/stat` shows rounded down to 10 ms. That is
 * too coarse for a phase of a few hundred milliseconds, so it is only the way out where the kernel hides the
 * finer one.
 * @throws if there is no such process
 */
export function cpuTimeUs(pid: number): number {
  return family(pid).reduce((sum, member) => sum + cpuTimeOfUs(member), 0)
}

function cpuTimeOfUs(pid: number): number {
  try {
    return scheduledUs(pid)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return tickedUs(pid)
  }
}

/** The same from `/proc/PID/task/TID/schedstat`: nanoseconds, summed over the threads that are alive. */
export function scheduledUs(pid: number): number {
  let nanoseconds = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0])
  }
  return nanoseconds / 1000
}

/** The same from `/proc/PID/stat`: user and system time of all threads, the ended ones too, in 10 ms ticks. */
export function tickedUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The second field is the program's name in brackets and may hold spaces; utime and stime are 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_US
}

/**
 * The memory a process holds now, in bytes. `smaps_rollup` walks the page table; the figure in `status` may
 * lag by some pages per thread.
 * @throws if there is no such process
 */
export function residentBytes(pid: number): number {
  const kilobytes = /^Rss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]
  if (kilobytes === undefined) throw new Error(`the kernel does not tell the memory of process ${pid}`)
  return Number(kilobytes) * 1024
}
