import { createHistogram } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { EventStreamParser, type ParsedEvent } from '@fanline/client/parser'
import { Failure } from '../failure.ts'
import { padding, publish } from './publish.ts'
import { begin, refused, unreachable } from './request.ts'
import type { Target } from './target.ts'

/** What to put on a server. */
export interface LoadPlan {
  readonly listener: Target
  readonly publisher: Target
  readonly channel: string
  readonly streams: number
  readonly eventsPerSecond: number
  readonly durationMs: number
  /** Of the data of each event, about. */
  readonly bytes: number
}

/** What became of it; times in milliseconds. */
export interface LoadReport {
  readonly streams: number
  readonly openedInMs: number
  readonly published: number
  /** Events that were sent and not acknowledged. */
  readonly refused: number
  /** Events times streams. */
  readonly expected: number
  readonly delivered: number
  /** Streams that ended before their time. */
  readonly lostStreams: number
  readonly lagMs: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number }
  /** How many deliveries took less than this, and not less than the one before. */
  readonly lags: readonly { readonly belowMs: number; readonly count: number }[]
}

/** Hears how far it is. */
export type LoadProgress = (text: string) => void

/** Streams that are opened at the same time. */
const OPENED_AT_ONCE = 50

/** How long the last events may take, in milliseconds. */
const PATIENCE_MS = 5000

const PROGRESS_MS = 500

const US_PER_MS = 1000

/**
 * Opens streams, publishes to them at a steady pace, and measures from publish to arrival.
 * @throws Failure when a stream cannot be opened, or nothing could be published
 */
export async function load(plan: LoadPlan, progress: LoadProgress): Promise<LoadReport> {
  const lags = new Lags()
  const sentMs: number[] = []
  const streams: LoadStream[] = []
  const hear = ({ channel, data }: ParsedEvent): void => {
    if (channel !== plan.channel) return
    const sent = sentMs[Number.parseInt(data.slice(1), 10)]
    if (sent !== undefined) lags.add(performance.now() - sent)
  }
  try {
    const beganMs = performance.now()
    while (streams.length < plan.streams) {
      const count = Math.min(OPENED_AT_ONCE, plan.streams - streams.length)
      const opened = Array.from({ length: count }, () => new LoadStream(plan, hear))
      streams.push(...opened)
      await Promise.all(opened.map((stream) => stream.opened))
      progress(`${streams.length} of ${plan.streams} streams are open`)
    }
    const openedInMs = performance.now() - beganMs
    const { published, refused } = await publishSteadily(plan, sentMs, lags, progress)
    const expected = published * plan.streams
    const lateMs = performance.now() + PATIENCE_MS
    while (lags.count < expected && performance.now() < lateMs) await delay(10)
    const lostStreams = streams.filter(({ isOver }) => isOver).length
    return {
      streams: plan.streams,
      openedInMs: Math.round(openedInMs),
      published,
      refused,
      expected,
      delivered: lags.count,
      lostStreams,
      ...lags.report(),
    }
  } finally {
    for (const stream of streams) stream.leave()
  }
}

/** An event that is late does not delay those after it: each is sent when its time has come. */
async function publishSteadily(
  { publisher, channel, eventsPerSecond, durationMs, bytes }: LoadPlan,
  sentMs: number[],
  lags: Lags,
  progress: LoadProgress,
): Promise<{ published: number; refused: number }> {
  const text = padding(bytes)
  const count = Math.max(1, Math.round((durationMs / 1000) * eventsPerSecond))
  const answers: Promise<unknown>[] = []
  const failures: Failure[] = []
  const beganMs = performance.now()
  let toldMs = beganMs
  for (let n = 0; n < count; n++) {
    const waitMs = beganMs + (n * 1000) / eventsPerSecond - performance.now()
    if (waitMs > 0) await delay(waitMs)
    sentMs[n] = performance.now()
    answers.push(
      publish(publisher, { channel, data: `#${n} ${text}` }).catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error
        failures.push(error)
      }),
    )
    if (performance.now() - toldMs > PROGRESS_MS) {
      toldMs = performance.now()
      progress(`${n + 1} of ${count} events are published, ${lags.count} delivered`)
    }
  }
  await Promise.all(answers)
  if (failures.length === count) throw failures[0]!
  return { published: count - failures.length, refused: failures.length }
}

/** A stream of which only the events count. */
class LoadStream {
  /** Resolves with the first event. */
  readonly opened: Promise<void>
  isOver = false
  readonly #request: ReturnType<typeof begin>

  constructor({ listener, channel }: LoadPlan, hear: (event: ParsedEvent) => void) {
    const path = `/v1/events?${new URLSearchParams({ channel })}`
    const headers = { Accept: 'text/event-stream, application/problem+json' }
    this.#request = begin(listener, path, { agent: false, headers })
    this.opened = new Promise((resolve, reject) => {
      this.#request.on('error', (error) => reject(unreachable(listener, error)))
      this.#request.on('close', () => {
        this.isOver = true
        reject(new Failure('A stream ended before it began.'))
      })
      this.#request.on('response', (response) => {
        if (response.statusCode !== 200) {
          refused(listener, response).then(reject, reject)
          return
        }
        const parser = new EventStreamParser()
        response.on('error', () => {
          this.isOver = true
        })
        response.on('data', (bytes: Buffer) => {
          for (const event of parser.push(bytes)) {
            if (event.type === 'fanline.hello') resolve()
            hear(event)
          }
        })
      })
      this.#request.end()
    })
  }

  leave(): void {
    this.#request.destroy()
  }
}

/** Times, each kept to three digits, in a fixed amount of memory. */
class Lags {
  readonly #histogram = createHistogram({ figures: 3 })
  readonly #counts: number[] = []
  count = 0

  add(ms: number): void {
    this.count++
    this.#histogram.record(Math.max(1, Math.round(ms * US_PER_MS)))
    const power = Math.max(0, Math.ceil(Math.log2(ms)))
    this.#counts[power] = (this.#counts[power] ?? 0) + 1
  }

  report(): Pick<LoadReport, 'lagMs' | 'lags'> {
    const ms = (us: number): number => (this.count === 0 ? 0 : us / US_PER_MS)
    const at = (percent: number): number => ms(this.#histogram.percentile(percent))
    return {
      lagMs: { p50: at(50), p90: at(90), p99: at(99), max: ms(this.#histogram.max) },
      lags: Array.from(this.#counts, (count = 0, power) => ({ belowMs: 2 ** power, count })),
    }
  }
}
