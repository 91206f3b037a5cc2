import { connect } from 'node:net'

/** How long an honest client waits at most, in milliseconds; beyond it the server counts as gone. */
const PATIENCE_MS = 20_000
/** How many of them are on their way at once. */
const AT_ONCE = 5
/** So many come in any case, however soon it is over. */
const AT_LEAST = 12
/** Before one leaves and the next comes, in milliseconds. */
const PAUSE_MS = 50

/** Clients that connect, hear that they are live, and leave; and how long each had to wait. */
export class HonestClients {
  readonly waitsMs: number[] = []
  readonly #port: number
  readonly #token: string
  readonly #done: Promise<unknown>
  #isOver = false

  constructor(port: number, token: string) {
    this.#port = port
    this.#token = token
    this.#done = Promise.all(Array.from({ length: AT_ONCE }, () => this.#comeAndGo()))
  }

  /** Lets the last of them go. Answers what 99 of 100 waited at most, in milliseconds. */
  async p99Ms(): Promise<number> {
    this.#isOver = true
    await this.#done
    const sorted = this.waitsMs.toSorted((a, b) => a - b)
    return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY
  }

  async #comeAndGo(): Promise<void> {
    while (!this.#isOver || this.waitsMs.length < AT_LEAST) {
      const began = performance.now()
      await this.#listen()
      this.waitsMs.push(performance.now() - began)
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }

  /** A connection of its own, up to the hello. */
  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#port, '127.0.0.1')
      let heard = ''
      const late = setTimeout(
        () => socket.destroy(new Error(`Heard only ${JSON.stringify(heard)}`)),
        PATIENCE_MS,
      )
      socket.setEncoding('latin1').on('data', (text: string) => {
        heard += text
        if (!heard.includes('fanline.hello')) return
        clearTimeout(late)
        socket.destroy()
        resolve()
      })
      socket.on('error', reject)
      socket.on('end', () => socket.destroy(new Error(`Was sent away: ${heard}`)))
      socket.write(
        `GET /v1/events/honest HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${this.#token}\r\n\r\n`,
      )
    })
  }
}
