/** How long anything that a test waits for may take; far more than it does, far less than a run that hangs. */
const DEADLINE_MS = 10_000

/** Waits, but not for ever: @throws Error that says what did not happen */
export async function inTime<T>(
  promise: Promise<T>,
  what: () => string,
  deadlineMs: number = DEADLINE_MS,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not within ${deadlineMs} ms: ${what()}`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Waits for a state that nothing announces, asking once a turn of the event loop. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs: number = DEADLINE_MS,
): Promise<void> {
  let given = false
  const reached = async (): Promise<void> => {
    while (!given && !(await condition())) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  try {
    await inTime(reached(), () => what, deadlineMs)
  } finally {
    given = true
  }
}
