import { setTimeout as pause } from 'node:timers/promises'
import { cpuTimeUs } from '../process-usage.ts'

/** Before and after a measured phase, so that late work of what came before is not counted and its own is. */
const SETTLE_MS = 100

/** The CPU time in microseconds that a server spends on some work, whoever of its threads does it. */
export async function serverCpuUs(pid: number, work: () => Promise<void>): Promise<number> {
  await pause(SETTLE_MS)
  const before = cpuTimeUs(pid)
  await work()
  await pause(SETTLE_MS)
  return cpuTimeUs(pid) - before
}
