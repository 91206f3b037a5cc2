import { type ClientRequest, get } from 'node:http'
import { createParser } from 'eventsource-parser'

/** What a listener has heard. */
export interface Heard {
  readonly id: string
  readonly data: string
}

/** How long until it comes back, in milliseconds. */
const BACK_MS = 20

/** A stream that comes back with its last id whenever it is cut, as an EventSource does. */
export class ReturningListener {
  readonly heard: Heard[] = []
  /** The data of every `fanline.gap`. */
  readonly gaps: string[] = []
  readonly #url: string
  readonly #credentials: Readonly<Record<string, string>>
  #lastId: string | undefined
  #request: ClientRequest | undefined
  #isClosed = false
  #hear: () => void = () => undefined

  /**
   * @param lastId where it was before
   * @param credentials headers that let it in
   */
  constructor(url: string, lastId?: string, credentials: Readonly<Record<string, string>> = {}) {
    this.#url = url
    this.#credentials = credentials
    this.#lastId = lastId
    this.#connect()
  }

  /** The id with which it would come back. */
  get lastId(): string | undefined {
    return this.#lastId
  }

  /** Resolves when something was heard that fits. */
  async until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      await new Promise<void>((resolve) => {
        this.#hear = resolve
      })
    }
  }

  close(): void {
    this.#isClosed = true
    this.#request?.destroy()
  }

  #connect(): void {
    if (this.#isClosed) return
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        // An id counts once its block is complete.
        if (id !== undefined) this.#lastId = id
        if (event === 'fanline.gap') this.gaps.push(data)
        else if (!event?.startsWith('fanline.')) this.heard.push({ id: id ?? '', data })
        this.#hear()
      },
    })
    const cursor = this.#lastId === undefined ? {} : { 'Last-Event-ID': this.#lastId }
    const headers = { ...this.#credentials, ...cursor }
    const again = (): void => void setTimeout(() => this.#connect(), BACK_MS)
    this.#request = get(this.#url, { headers, agent: false }, (answer) => {
      answer.setEncoding('utf8').on('data', (text: string) => parser.feed(text))
      answer.once('error', () => undefined).once('close', again)
    })
    let isAnswered = false
    this.#request.once('response', () => {
      isAnswered = true
    })
    this.#request.on('error', () => {
      if (!isAnswered) again()
    })
  }
}
