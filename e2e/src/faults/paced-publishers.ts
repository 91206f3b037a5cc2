import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Place, PublishersReport } from './orders.ts'
import type { RecordFile } from './record-file.ts'

/** Events in one request. */
const EVENTS_PER_REQUEST = 8

/** Requests that are under way at once; what is due beyond that is late. */
const WORKERS = 32

/** An answer that did not come by then does not come, in milliseconds. */
const PATIENCE_MS = 10_000

/** How long to wait before the same is asked again, in milliseconds. */
const AGAIN_MS = 50

/** What publishers need. */
export interface PacedPublishersParts extends Place {
  readonly channels: readonly string[]
  readonly perSecond: number
  readonly records: RecordFile
}

interface Item {
  readonly key: string
  readonly channels: readonly string[]
  readonly data: string
}

type Answer = { readonly id: string | null; readonly duplicate?: true } | { readonly code: string }

/**
 * Publishes so many events a second. What was not answered, or with an error, may have happened or not: it is asked
 * again under the same key, of the next hub, until it is answered.
 */
export class PacedPublishers {
  readonly #parts: PacedPublishersParts
  readonly #agent: Agent = new Agent({ keepAlive: true, maxSockets: WORKERS })
  readonly #began: number = performance.now()
  readonly #ended: Promise<unknown>
  #isStopped = false
  #begun = 0
  #published = 0
  #repeated = 0
  #duplicates = 0

  constructor(parts: PacedPublishersParts) {
    this.#parts = parts
    this.#ended = Promise.all(Array.from({ length: WORKERS }, (_, worker) => this.#work(worker)))
  }

  /** Resolves when everything that was begun is answered. */
  async stop(): Promise<PublishersReport> {
    this.#isStopped = true
    await this.#ended
    this.#agent.destroy()
    return { published: this.#published, repeated: this.#repeated, duplicates: this.#duplicates }
  }

  async #work(worker: number): Promise<void> {
    while (!this.#isStopped) {
      const due = ((performance.now() - this.#began) / 1000) * this.#parts.perSecond
      if (due < this.#begun) await delay(5)
      else await this.#publish(this.#nextItems(), worker)
    }
  }

  #nextItems(): Item[] {
    const { channels } = this.#parts
    return Array.from({ length: EVENTS_PER_REQUEST }, () => {
      const n = this.#begun++
      const key = `p${n}`
      const first = channels[(n * 31) % channels.length]!
      const second = channels[(n * 17 + 5) % channels.length]!
      // Every fifth event goes to two channels, which some clients follow both.
      return { key, channels: n % 5 > 0 || first === second ? [first] : [first, second], data: `${key} text` }
    })
  }

  async #publish(items: readonly Item[], worker: number): Promise<void> {
    let open = items
    for (let attempt = worker; open.length > 0; attempt++) {
      if (attempt > worker) {
        this.#repeated++
        await delay(AGAIN_MS)
      }
      const { ports } = this.#parts
      const answers = await this.#post(ports[attempt % ports.length]!, JSON.stringify(open)).catch(() => [])
      open = open.filter((item, i) => !this.#isPublished(item, answers[i]))
    }
  }

  #isPublished({ key, channels }: Item, answer: Answer | undefined): boolean {
    if (!answer || !('id' in answer)) return false
    this.#published++
    if (answer.duplicate) this.#duplicates++
    this.#parts.records.write({ op: 'publish', event: key, outcome: 'ok', position: answer.id, channels })
    return true
  }

  #post(port: number, body: string): Promise<readonly Answer[]> {
    return new Promise((resolve, reject) => {
      const { apiKey } = this.#parts
      const headers = {
        Host: `localhost:${port}`,
        ...(apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }),
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
      }
      const where = { host: '127.0.0.1', port, path: '/v1/publish', method: 'POST', timeout: PATIENCE_MS }
      const asked = request({ ...where, headers, agent: this.#agent }, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (piece: string) => {
          text += piece
        })
        answer.once('error', reject).once('end', () => {
          if (answer.statusCode === 200) resolve(JSON.parse(text))
          else reject(new Error(text))
        })
      })
      asked.once('timeout', () => asked.destroy(new Error('No answer in time.')))
      asked.once('error', reject).end(body)
    })
  }
}
