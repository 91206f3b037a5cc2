/** A SharedWorker that is the host of all tabs: it stands in line for that like any of them. */
import { complain } from '../complain.ts'
import { Host } from './host.ts'
import type { Shared } from './message.ts'
import { tabsOfBrowser } from './tabs.ts'

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
  const tabs = tabsOfBrowser()
  if (!tabs || isInLine) return
  isInLine = true
  let host: Host | undefined
  tabs.locks
    .request(shared.name, () => {
      host = new Host(shared, tabs)
      return new Promise(() => undefined)
    })
    // A tab that had no answer for long has taken over.
    .catch(complain)
    .finally(() => {
      isInLine = false
      host?.close()
    })
}
