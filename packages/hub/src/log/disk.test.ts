import { describe, it } from 'node:test'
import { systemClock } from '../clock.ts'
import { logConformance } from '../testing/log-conformance.ts'
import { compareWithModel } from '../testing/log-model.ts'
import { scratchDirectory } from '../testing/scratch-directory.ts'
import { diskLog } from './disk.ts'

// `os` is `interval` with another interval.
for (const durability of ['group', 'interval'] as const) {
  logConformance({
    name: `the disk log at "${durability}"`,
    runner: { describe, it },
    create: (settings) => {
      let offset = 0
      const clock = { ...systemClock, now: () => Date.now() + offset }
      const path = scratchDirectory()
      const create = () => diskLog({ path, durability, clock, ...settings })
      return {
        log: create(),
        now: () => clock.now(),
        advance: (ms) => {
          offset += ms
        },
        restart: create,
      }
    },
  })
}

for (const durability of ['group', 'interval'] as const) {
  compareWithModel({
    name: `the disk log at "${durability}"`,
    runs: 30,
    survives: true,
    create: (settings, clock) => {
      const path = scratchDirectory()
      return () => diskLog({ path, durability, clock, ...settings })
    },
  })
}
