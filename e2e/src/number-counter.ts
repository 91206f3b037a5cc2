/** What a page heard of a channel on which the numbers 0, 1, 2 … are published, and then the event `end`. */
export interface Tally {
  /** How many numbers came. */
  readonly count: number
  /** Numbers that came where another one was due, as `3 instead of 2`. */
  readonly wrong: readonly string[]
  /** How many streams were greeted. */
  readonly streams: number
  /** What `fanline.gap` events said. */
  readonly gaps: readonly string[]
}

declare global {
  interface Window {
    /** Resolves when the page has heard the event `end`. */
    tally: Promise<Tally>
  }
}

/**
 * Runs in a page: counts what one EventSource hears, and leaves {@link Window.tally} behind. Resolves with the first
 * greeting. With `renewMs` the page does not leave reconnecting to the browser: it closes its EventSource as often and
 * makes another one that goes on after the last id.
 */
export function countInPage({ url, renewMs }: { url: string; renewMs?: number }): Promise<void> {
  return new Promise((greeted) => {
    window.tally = new Promise((resolve) => {
      const wrong: string[] = []
      const gaps: string[] = []
      let count = 0
      let due = 0
      let streams = 0
      let lastId = ''
      let renewing: ReturnType<typeof setInterval> | undefined

      const listen = (): EventSource => {
        const source = new EventSource(lastId === '' ? url : `${url}?lastEventId=${lastId}`)
        const on = (name: string, hear: (data: string) => void): void =>
          source.addEventListener(name, ({ data, lastEventId }) => {
            lastId = lastEventId
            hear(data)
          })
        on('message', (data) => {
          if (data !== String(due)) wrong.push(`${data} instead of ${due}`)
          due = Number(data) + 1
          count++
        })
        on('fanline.hello', () => {
          streams++
          greeted()
        })
        on('fanline.gap', (data) => gaps.push(data))
        on('end', () => {
          clearInterval(renewing)
          source.close()
          resolve({ count, wrong, streams, gaps })
        })
        return source
      }

      let source = listen()
      if (renewMs === undefined) return
      renewing = setInterval(() => {
        source.close()
        source = listen()
      }, renewMs)
    })
  })
}

/** How many publishes go in one request; each of them is answered before the next request. */
const PUBLISHES_PER_REQUEST = 10

/** Publishes 0 to `count - 1`, as fast as the server takes them, and then the event `end`. */
export async function publishNumbers(origin: string, channel: string, count: number): Promise<void> {
  const publish = async (batch: readonly object[]): Promise<void> => {
    const body = JSON.stringify(batch.map((event) => ({ channel, ...event })))
    const response = await fetch(`${origin}/v1/publish`, { method: 'POST', body })
    const answers: readonly { id?: string }[] = await response.json()
    if (answers.some(({ id }) => id === undefined)) throw new Error(`Refused: ${JSON.stringify(answers)}`)
  }
  let batch: object[] = []
  for (let n = 0; n < count; n++) {
    batch.push({ data: n })
    if (batch.length < PUBLISHES_PER_REQUEST) continue
    await publish(batch)
    batch = []
  }
  await publish([...batch, { event: 'end', data: count }])
}
