import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'

/** Listens to events whose data has the time of {@link performance} at which they were published before all else. */
export class TimedListener {
  /** How long each event was under way, in milliseconds. */
  readonly delaysMs: number[] = []
  readonly #request: ClientRequest
  #awaited = 0
  #wake: () => void = () => undefined

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request
    // Looks at nothing but the times: what reads slowly measures itself.
    let rest = ''
    response.setEncoding('utf8').on('data', (piece: string) => {
      const now = performance.now()
      rest += piece
      const end = rest.lastIndexOf('\n') + 1
      for (const [, time] of rest.slice(0, end).matchAll(/^data: "?([\d.]+)/gm)) {
        this.delaysMs.push(now - Number(time))
        if (this.delaysMs.length === this.#awaited) this.#wake()
      }
      rest = rest.slice(end)
    })
    response.on('error', () => undefined) // it is left in the middle
  }

  /** Resolves when the stream has begun. */
  static async to(url: string): Promise<TimedListener> {
    const asked = request(url).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`)
    return new TimedListener(asked, response)
  }

  /** Waits until so many events have come. */
  heard(count: number): Promise<void> {
    this.#awaited = count
    return new Promise((resolve) => {
      this.#wake = resolve
      if (this.delaysMs.length >= count) resolve()
    })
  }

  leave(): void {
    this.#request.destroy()
  }
}
