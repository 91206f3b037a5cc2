import { describe, it } from 'node:test'
import { memoryLog } from '../log/memory.ts'
import { awkwardLog } from './awkward-log.ts'
import { FakeClock } from './fake-clock.ts'
import { logConformance } from './log-conformance.ts'

for (let seed = 1; seed <= 5; seed++) {
  logConformance({
    name: `the awkward log of seed ${seed}`,
    runner: { describe, it },
    create: (settings) => {
      const clock = new FakeClock({ seed })
      const create = () => awkwardLog(memoryLog({ ...settings, clock }), { clock, losses: false })
      return { log: create(), now: () => clock.now(), advance: (ms) => clock.advance(ms), restart: create }
    },
  })
}
