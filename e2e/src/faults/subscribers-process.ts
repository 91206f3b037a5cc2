/** Any number of subscribers in one process. It begins when it is told its order, and ends when it is disconnected. */
import { channelName, type SubscribersOrder, type SubscribersReport } from './orders.ts'
import { RecordFile } from './record-file.ts'
import { Subscriber } from './subscriber.ts'

process.once('message', ({ records, ports, apiKey, count, channels, name, isBalanced }: SubscribersOrder) => {
  const file = new RecordFile(records)
  const caughtUpMs: number[] = []
  const caughtUp = (ms: number): void => void caughtUpMs.push(ms)
  const refusals: string[] = []
  const refused = (statusLine: string): void => void refusals.push(statusLine)
  let greeted = 0
  let finished = 0
  const on = (what: 'greeted' | 'finished'): void => {
    if (what === 'greeted') greeted++
    else finished++
    if (greeted === count || finished > 0) process.send?.({ greeted, finished } satisfies SubscribersReport)
  }
  const subscribers = Array.from({ length: count }, (_, i) => {
    // Any two channels are followed together by somebody.
    const followed = [i % channels, (i * 7 + 1 + Math.floor(i / channels)) % channels]
    const names = [...new Set(followed)].map(channelName)
    const parts = { channels: names, ports, apiKey, records: file, isBalanced, caughtUp, refused, on }
    return new Subscriber({ ...parts, name: `${name}${i}` }, i)
  })
  process.once('message', () => {
    for (const subscriber of subscribers) subscriber.close()
    file.close()
    const report: SubscribersReport = { greeted, finished, caughtUpMs, refusals }
    process.send?.(report, () => process.disconnect())
  })
})
