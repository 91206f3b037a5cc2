import { test } from 'node:test'
import { FAULTS, type FaultRun, survive } from './faults.ts'

const THREE_MINUTES: FaultRun = {
  clients: 2000,
  channels: 200,
  perSecond: 2000,
  durationMs: 180_000,
  killEveryMs: 15_000,
  longestStopMs: 30_000,
}

for (const fault of FAULTS) test(fault.name, (t) => survive(t, fault, THREE_MINUTES))
