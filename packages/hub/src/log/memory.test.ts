import { describe, it } from 'node:test'
import { FakeClock } from '../testing/fake-clock.ts'
import { logConformance } from '../testing/log-conformance.ts'
import { memoryLog } from './memory.ts'

logConformance({
  name: 'the memory log',
  runner: { describe, it },
  create: (settings) => {
    const clock = new FakeClock()
    const create = () => memoryLog({ ...settings, clock })
    return { log: create(), now: () => clock.now(), advance: (ms) => clock.advance(ms), restart: create }
  },
})
