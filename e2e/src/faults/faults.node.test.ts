import { test } from 'node:test'
import { FAULTS, type FaultRun, survive } from './faults.ts'

const SHORT: FaultRun = {
  clients: 200,
  channels: 50,
  perSecond: 400,
  durationMs: 3000,
  killEveryMs: 1000,
  longestStopMs: 2000,
}

for (const fault of FAULTS) test(fault.name, (t) => survive(t, fault, SHORT))
