import { setTimeout as delay } from 'node:timers/promises'

/** The longest that a state may take to come, in milliseconds. */
const PATIENCE_MS = 10_000

/** Waits for a state that nothing announces. @throws Error that says what did not come */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Not within ${PATIENCE_MS} ms: ${what}`)
    await delay(1)
  }
}
