import { test } from 'node:test'
import { FAULTS, SHORT_RUN, survive } from './faults.ts'

for (const fault of FAULTS) {
  if (fault.gap === undefined) test(fault.name, { timeout: 60_000 }, (t) => survive(t, fault, SHORT_RUN))
}
