import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What is held in the heap of this process, in bytes, once all garbage is gone. */
export async function collectedHeap(): Promise<number> {
  // What ended in this turn is held until it is over.
  await new Promise((resolve) => setImmediate(resolve))
  // Twice: what the first round finalises, the second one frees.
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().heapUsed
}
