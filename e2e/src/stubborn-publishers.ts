import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** What was published, and answered. */
export interface Acknowledged {
  readonly id: string
  readonly data: string
  readonly channels: readonly string[]
}

/** How long to wait for a server that is not there, in milliseconds. */
const ABSENT_MS = 20

/** Publishers that repeat what was not answered, under the same key, until it is. */
export class StubbornPublishers {
  readonly acknowledged: Acknowledged[] = []
  /** How many answers said that the event was there already. */
  duplicates = 0
  readonly #origin: string
  readonly #channels: readonly string[]
  readonly #ended: Promise<unknown>
  #isStopped = false

  /** @param channels each event goes to one of them, every fifth to two */
  constructor(origin: string, channels: readonly string[], count: number) {
    this.#origin = origin
    this.#channels = channels
    this.#ended = Promise.all(Array.from({ length: count }, (_, i) => this.#publish(`publisher ${i}`)))
  }

  /** Resolves when everything that was begun is answered. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#ended
  }

  async #publish(name: string): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let n = 0; !this.#isStopped; n++) {
      const data = `${name}, event ${n}`
      const first = n % this.#channels.length
      const channels = this.#channels.slice(first, first + (n % 5 === 0 ? 2 : 1))
      const answer = await this.#insist(agent, JSON.stringify({ channels, data, key: data }))
      this.acknowledged.push({ id: answer.id, data, channels })
      if (answer.duplicate) this.duplicates++
    }
    agent.destroy()
  }

  async #insist(agent: Agent, body: string): Promise<{ id: string; duplicate?: true }> {
    for (;;) {
      try {
        const { status, text } = await post(agent, `${this.#origin}/v1/publish`, body)
        if (status === 200) return JSON.parse(text)
        if (status < 500) throw new Refused(text)
      } catch (error) {
        if (error instanceof Refused) throw error
      }
      await delay(ABSENT_MS)
    }
  }
}

class Refused extends Error {}

function post(agent: Agent, url: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
    const asked = request(url, { method: 'POST', agent, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      answer.once('error', reject).once('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
    asked.once('error', reject).end(body)
  })
}
