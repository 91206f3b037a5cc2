/** Any number of EventSources of the npm package `eventsource`. It begins when it is told where, and ends by itself. */
import { EventSource } from 'eventsource'
import { countInPage, type Tally } from '../number-counter.ts'

/** What it is told. */
export interface EventSourcesOrder {
  readonly url: string
  readonly count: number
}

/** What it says: once when all are greeted, and at the end what each heard. */
export type EventSourcesReport = 'greeted' | readonly Tally[]

// As a page has them.
Object.assign(globalThis, { EventSource, window: globalThis })

process.once('message', async ({ url, count }: EventSourcesOrder) => {
  const tallies: Promise<Tally>[] = []
  const greetings = Array.from({ length: count }, () => {
    const greeted = countInPage({ url })
    tallies.push(window.tally)
    return greeted
  })
  await Promise.all(greetings)
  process.send!('greeted' satisfies EventSourcesReport)
  const heard: EventSourcesReport = await Promise.all(tallies)
  process.send!(heard, () => process.disconnect())
})
