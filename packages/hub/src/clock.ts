/** Time and turns of the event loop, handed in so that a test can own both. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Runs the task in the next turn of the event loop, after the input that is waiting now. */
  defer(task: () => void): void
  /** Runs the task once after `delayMs`. The answer cancels it. */
  after(delayMs: number, task: () => void): () => void
  /** Runs the task every `intervalMs`. The answer cancels it. */
  every(intervalMs: number, task: () => void): () => void
  /** At least 0, less than 1. */
  random(): number
}

/** The clock of this machine. Its interval does not keep a process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  defer: (task) => void setImmediate(task),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
  every(intervalMs, task) {
    const timer = setInterval(task, intervalMs)
    timer.unref()
    return () => clearInterval(timer)
  },
  random: () => Math.random(),
}
