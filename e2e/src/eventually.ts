import { setTimeout as delay } from 'node:timers/promises'

/** Waits until it holds. @throws Error that says what did not come to hold */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  what: string,
  patienceMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + patienceMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Not within ${patienceMs} ms: ${what}`)
    await delay(20)
  }
}
