import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { createParser } from 'eventsource-parser'

/** The longest that a test waits for what should come, in milliseconds. */
const PATIENCE_MS = 15_000

/** An event as a conforming client hears it. */
export interface HeardEvent {
  readonly id: string | undefined
  readonly event: string
  readonly data: string
}

/** A stream that a test listens to: its very text, and what a parser makes of it. */
export class HeardStream {
  /** Everything that has come. */
  text = ''
  readonly events: HeardEvent[] = []
  readonly comments: string[] = []
  /** Reconnection times in milliseconds. */
  readonly retries: number[] = []
  /** Resolves when the stream is over: true when it came to its end, false when it was cut. */
  readonly over: Promise<boolean>
  /** Goes away without a word, as a closed tab does. */
  readonly leave: () => void
  #taken = 0
  #isOver = false
  #wake: () => void = () => undefined

  constructor(source: Readable, leave: () => void) {
    this.leave = leave
    const parser = createParser({
      onEvent: ({ id, event = 'message', data }) => this.events.push({ id, event, data }),
      onComment: (comment) => this.comments.push(comment),
      onRetry: (retryMs) => this.retries.push(retryMs),
    })
    source.setEncoding('utf8').on('data', (text: string) => {
      this.text += text
      parser.feed(text)
      this.#wake()
    })
    this.over = new Promise((resolve) => {
      source.once('end', () => resolve(true))
      // A cut is an end like any other; what matters is what was heard before.
      source.on('error', () => resolve(false))
      source.once('close', () => resolve(false))
    })
    this.over.then(() => {
      this.#isOver = true
      this.#wake()
    })
  }

  /** Waits until the text matches. @throws Error when it does not in time, or the stream ends before */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    await this.#while(() => !pattern.test(this.text), `${pattern}`)
    return pattern.exec(this.text) as RegExpExecArray
  }

  /** Waits for so many more events. @throws Error when they do not come in time, or the stream ends before */
  async take(count: number, patienceMs?: number): Promise<readonly HeardEvent[]> {
    const end = this.#taken + count
    await this.#while(() => this.events.length < end, `${end} events, not ${this.events.length}`, patienceMs)
    const taken = this.events.slice(this.#taken, end)
    this.#taken = end
    return taken
  }

  /** Waits for one more event. */
  async next(): Promise<HeardEvent> {
    const [event] = await this.take(1)
    return event as HeardEvent
  }

  async #while(waiting: () => boolean, what: string, patienceMs = PATIENCE_MS): Promise<void> {
    const late = AbortSignal.timeout(patienceMs)
    late.onabort = () => this.#wake()
    while (waiting()) {
      const end = JSON.stringify(this.text.slice(-500))
      if (this.#isOver) throw new Error(`The stream ended without ${what}: ${end}`)
      if (late.aborted) throw new Error(`Not within ${patienceMs} ms: ${what}, after ${end}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

/** A stream with its head. */
export class OpenStream extends HeardStream {
  readonly status: number
  readonly headers: IncomingHttpHeaders

  constructor(response: IncomingMessage) {
    super(response, () => response.destroy())
    this.status = response.statusCode ?? 0
    this.headers = response.headers
  }
}

/** Opens a stream on a connection of its own; resolves with its head. It is left at the latest when the test is over. */
export async function openStream(
  test: TestContext,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<OpenStream> {
  const asking = request(url, { headers, agent: false }).end()
  test.after(() => asking.destroy())
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  return new OpenStream(response)
}
