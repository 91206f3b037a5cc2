import { Watchdog } from '../watchdog.ts'
import type { Bell } from './bell.ts'
import { type Item, resultOf } from './item.ts'
import { PublishError } from './publish-error.ts'
import type { PublishRoute } from './publish-route.ts'

/** The items of a stream that are on their way. */
export interface Outbox {
  readonly items: readonly Item[]
  /** Nothing more will be put into it. */
  readonly isOver: boolean
  /** Rings when something above has changed. */
  readonly change: Bell
}

/** How long the head of the answer may take, in milliseconds: the hub sends it at once. */
const HEAD_MS = 5000

/** A request with nothing to send is ended after so long, before something between ends it; in milliseconds. */
const IDLE_MS = 10_000

/**
 * Sends items as lines of one request, each answered by a line while others follow, until there are no more, something
 * breaks, or one is to be tried again. Those that have no result then are for the caller: what went wrong shows when
 * they are sent in another way.
 */
export async function sendLines(outbox: Outbox, route: PublishRoute, signal: AbortSignal): Promise<void> {
  const attempt = new AbortController()
  const stop = (): void => attempt.abort()
  const watchdog = new Watchdog(stop)
  const encoder = new TextEncoder()
  /** Without an answer yet. */
  const sent: Item[] = []
  let hasHead = false
  let isEnding = false

  const fresh = async (): Promise<readonly Item[]> => {
    const until = Date.now() + IDLE_MS
    const waiting = (): Item[] => outbox.items.filter(({ result, request }) => !result && request !== attempt)
    while (!isEnding) {
      if (waiting().length > 0) {
        // An event leaves at once when no other is on its way; else those of a millisecond share a piece of the body.
        if (sent.length > 0) await new Promise((resolve) => setTimeout(resolve))
        return waiting()
      }
      if (outbox.isOver || Date.now() >= until) break
      await outbox.change.next(until - Date.now())
    }
    return []
  }
  const expectAnswer = (): void =>
    watchdog.watch(sent.length > 0 ? route.answerTimeoutMs : Number.POSITIVE_INFINITY)
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const items = await fresh()
        if (attempt.signal.aborted) return
        if (items.length === 0) return controller.close()
        for (const item of items) item.request = attempt
        if (sent.push(...items) === items.length && hasHead) expectAnswer()
        controller.enqueue(encoder.encode(items.map(({ text }) => `${text}\n`).join('')))
      },
    },
    { highWaterMark: 0 },
  )

  signal.addEventListener('abort', stop)
  watchdog.watch(HEAD_MS)
  try {
    const request = { body, duplex: 'half' } as RequestInit
    const response = await route.open(request, 'application/x-ndjson', attempt.signal)
    hasHead = true
    const type = response.headers.get('content-type') ?? ''
    if (response.status !== 200 || !type.startsWith('application/x-ndjson') || !response.body) {
      if (!type.startsWith('application/problem+json')) route.takesLines = false
      return
    }
    expectAnswer()
    for await (const line of linesOf(response.body)) {
      const item = sent.shift()
      if (!item) return
      if (sent.length > 0) watchdog.heard()
      else expectAnswer()
      const result = resultOf(JSON.parse(line))
      // A token that ended meanwhile is renewed for the next request.
      if (result instanceof PublishError && (result.retryable || result.status === 401)) isEnding = true
      else item.result = result
      outbox.change.ring()
    }
  } catch (error) {
    // Where lines do not get through, or only when all are there, events go in whole requests from now on.
    if (!hasHead && !signal.aborted && !(error instanceof PublishError)) route.takesLines = false
  } finally {
    signal.removeEventListener('abort', stop)
    watchdog.watch(Number.POSITIVE_INFINITY)
    isEnding = true
    attempt.abort()
    outbox.change.ring()
  }
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const lines = (rest + decoder.decode(piece.value, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}
