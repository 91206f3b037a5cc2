import type { Random } from './random.ts'
import type { SimClock } from './sim-clock.ts'

/** What makes two runs differ: time, turns and chance. */
const NAMES = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate'] as const

/**
 * Puts time, turns and chance of this whole process under the seed's control while something runs: drivers take timers
 * where they need them, and none may escape.
 */
export async function withSimulatedGlobals<T>(
  clock: SimClock,
  random: Random,
  run: () => Promise<T>,
): Promise<T> {
  const real = Object.fromEntries(NAMES.map((name) => [name, globalThis[name]]))
  const { now } = Date
  const { random: chance } = Math
  Object.assign(globalThis, {
    setTimeout: (task: () => void, ms = 0) => new SimTimer(clock.after(ms, task)),
    setInterval: (task: () => void, ms = 0) => new SimTimer(clock.every(ms, task)),
    setImmediate: (task: () => void) => clock.defer(task),
    clearTimeout: (timer?: SimTimer) => timer?.cancel(),
    clearInterval: (timer?: SimTimer) => timer?.cancel(),
  })
  Date.now = () => clock.now()
  Math.random = random.next
  performance.now = () => clock.now()
  let ids = 0
  crypto.randomUUID = () => `00000000-0000-4000-8000-${String(++ids).padStart(12, '0')}`
  try {
    return await run()
  } finally {
    Object.assign(globalThis, real)
    Date.now = now
    Math.random = chance
    // Their own methods stand behind them, on their prototypes.
    Reflect.deleteProperty(performance, 'now')
    Reflect.deleteProperty(crypto, 'randomUUID')
  }
}

class SimTimer {
  readonly cancel: () => void

  constructor(cancel: () => void) {
    this.cancel = cancel
  }

  unref(): this {
    return this
  }
}
