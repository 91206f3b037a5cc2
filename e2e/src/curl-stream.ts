import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createParser } from 'eventsource-parser'

/** The longest that an event may take, in milliseconds. */
const PATIENCE_MS = 10_000

/** An event as the stream said it. */
export interface HeardEvent {
  readonly id: string | undefined
  readonly event: string
  readonly data: string
}

/** A stream that a real `curl -N` listens to. */
export class CurlStream {
  /** Resolves with curl's exit code: 0 when the stream came to its end, null when {@link leave} ended curl. */
  readonly over: Promise<number | null>
  readonly #child: ChildProcess
  readonly #events: HeardEvent[] = []
  #isOver = false
  #wake: () => void = () => undefined

  /** @param args what follows `curl -N` */
  constructor(...args: readonly string[]) {
    const child = spawn('curl', ['-sSN', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    const parser = createParser({
      onEvent: ({ id, event = 'message', data }) => this.#events.push({ id, event, data }),
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      parser.feed(text)
      this.#wake()
    })
    this.#child = child
    this.over = once(child, 'close').then(([code]) => {
      this.#isOver = true
      this.#wake()
      return code
    })
  }

  /** The next event that was not taken yet. @throws Error when the stream ends without, or nothing comes */
  async next(): Promise<HeardEvent> {
    const late = AbortSignal.timeout(PATIENCE_MS)
    late.onabort = () => this.#wake()
    for (;;) {
      const event = this.#events.shift()
      if (event) return event
      if (this.#isOver) throw new Error('The stream ended.')
      if (late.aborted) throw new Error(`No event within ${PATIENCE_MS} ms.`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Leaves without a word, and waits until curl is gone. */
  async leave(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.over
  }
}
