/** A SharedWorker that is the host of all tabs: it stands in line for that like any of them. */
import { complain } from '../complain.ts'
import { Host } from './host.ts'
import type { Shared } from './message.ts'

let isInLine = false

globalThis.addEventListener('connect', (event) => {
  const port = (event as MessageEvent).ports[0]!
  port.onmessage = ({ data }: MessageEvent<Shared>) => {
    standInLine(data)
    // Its answer comes after the request for the lock was heard; a word to the tab could overtake that.
    navigator.locks.query().then(() => port.postMessage('in line'), complain)
  }
})

function standInLine(shared: Shared): void {
  if (isInLine) return
  isInLine = true
  const term = new AbortController()
  navigator.locks
    .request(shared.name, () => {
      new Host(shared, globalThis, term.signal)
      return new Promise(() => undefined)
    })
    // A tab that had no answer for long has taken over.
    .catch(complain)
    .finally(() => {
      isInLine = false
      term.abort()
    })
}
