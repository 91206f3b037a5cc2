import { inTime } from './deadline.ts'

/** A stream of which a test sees every character. */
export class TextStream {
  readonly response: Response
  /** Everything that has come. */
  text = ''
  /** Resolves when the stream has ended, however it did. */
  readonly over: Promise<void>
  readonly #abort: AbortController
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  #isOver = false
  #wake: () => void = () => undefined

  private constructor(response: Response, abort: AbortController) {
    this.response = response
    this.#abort = abort
    this.#reader = response.body?.getReader()
    this.over = this.#read()
  }

  /** Asks for a stream. Resolves with the headers. */
  static async open(
    ask: (init: RequestInit) => Promise<Response>,
    headers: Record<string, string> = {},
  ): Promise<TextStream> {
    const abort = new AbortController()
    const answer = ask({ headers, signal: abort.signal })
    return new TextStream(await inTime(answer, () => 'the headers of a stream'), abort)
  }

  /** Waits until a text has come. @throws Error when the stream ends without, or it does not come */
  async until(text: string): Promise<this> {
    const reached = async (): Promise<void> => {
      while (!this.text.includes(text)) {
        if (this.#isOver) throw new Error(`Ended without ${JSON.stringify(text)}: ${this.text.slice(-500)}`)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    await inTime(reached(), () => `${JSON.stringify(text)}, after ${JSON.stringify(this.text.slice(-500))}`)
    return this
  }

  /** Leaves, and waits until the stream is over. */
  async close(): Promise<void> {
    this.#abort.abort()
    // Where no server is between, nobody else tells the hub's stream that its reader has left.
    this.#reader?.cancel().catch(() => undefined)
    await inTime(this.over, () => 'the end of the stream')
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder()
    try {
      for (let step = await this.#reader?.read(); step && !step.done; step = await this.#reader?.read()) {
        this.text += decoder.decode(step.value, { stream: true })
        this.#wake()
      }
    } catch {
      // A cut is an end like any other.
    }
    this.#isOver = true
    this.#wake()
  }
}
