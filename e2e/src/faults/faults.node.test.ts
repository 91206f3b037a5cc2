import { test } from 'node:test'
import { FAULTS, type FaultRun, survive } from './faults.ts'

const SHORT: FaultRun = {
  clients: 200,
  channels: 50,
  perSecond: 400,
  durationMs: 4000,
  killEveryMs: 1200,
  longestStopMs: 3000,
}

for (const fault of FAULTS) test(fault.name, (t) => survive(t, fault, SHORT))
