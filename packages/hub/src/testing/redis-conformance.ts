import { type Clock, systemClock } from '../clock.ts'
import type { Log } from '../log.ts'
import { type LogSettings, logConformance, type TestRunner } from './log-conformance.ts'

/** Makes a log with these settings. */
export type MakeLog = (settings: LogSettings & { readonly clock: Clock }) => Log

/**
 * The suite that every log must pass, for logs on a real Redis, whose time cannot be owned, only advanced.
 * @param next prepares the next test, and answers what makes a log for it, also a second time on the same data
 */
export function redisConformance(
  name: string,
  runner: TestRunner,
  next: () => MakeLog | Promise<MakeLog>,
): void {
  logConformance({
    name,
    runner,
    async create(settings) {
      let offsetMs = 0
      const clock = { ...systemClock, now: () => Date.now() + offsetMs }
      const make = await next()
      const restart = (): Log => make({ ...settings, clock })
      return {
        log: restart(),
        now: () => clock.now(),
        advance: (ms) => {
          offsetMs += ms
        },
        restart,
      }
    },
    skips: {
      'the byte cap of the whole log takes the oldest of all': 'Redis bounds its memory with maxmemory',
      'any number of channel names stays inside the byte cap, and what is new is kept':
        'Redis bounds its memory with maxmemory',
    },
  })
}
