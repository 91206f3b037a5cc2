import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type {
  Place,
  PublishersOrder,
  PublishersReport,
  SubscribersOrder,
  SubscribersReport,
} from './orders.ts'
import { RecordFile } from './record-file.ts'
import { BEAT_EVENT, LAST_EVENT } from './subscriber.ts'

/** How much happens. */
export interface CrowdSize {
  readonly clients: number
  readonly channels: number
  readonly perSecond: number
}

/** Where everybody goes. */
export interface CrowdPlace extends Place {
  /** The port of the proxy in front, to which clients come back when they are told to; they go to the hubs when absent. */
  readonly entrance?: number | undefined
}

/** What the last event carries. */
const LAST_DATA = 'last'

/** How long all clients may take to hear the last event, in milliseconds. */
const CATCH_UP_MS = 300_000

/** Subscribers and publishers in processes of their own, who write down what they did and heard. */
export class Crowd {
  readonly #place: CrowdPlace
  readonly #directory: string = mkdtempSync(join(tmpdir(), 'fanline-faults-'))
  readonly #children: ChildProcess[] = []
  #greeted = 0
  #finished = 0
  #heard: () => void = () => undefined

  constructor(test: TestContext, place: CrowdPlace) {
    this.#place = place
    test.after(() => {
      for (const child of this.#children) child.kill('SIGKILL')
      rmSync(this.#directory, { recursive: true, force: true })
    })
  }

  /** Publishes beats, until the answer is called, which resolves when the last one is published. */
  beat(everyMs: number): () => Promise<void> {
    const records = new RecordFile(join(this.#directory, 'beats.ndjson'))
    let isOver = false
    const beating = (async () => {
      for (let n = 0; !isOver; n++) {
        const name = `beat${n}`
        const position = await this.#publishToAll(BEAT_EVENT, `${name} ${Date.now()}`, name)
        records.write({ op: 'publish', event: name, outcome: 'ok', position, channels: ['@all'] })
        await new Promise((resolve) => setTimeout(resolve, everyMs))
      }
      records.close()
    })()
    return () => {
      isOver = true
      return beating
    }
  }

  /**
   * Lets everybody work while `fault` does its harm, and then come to rest. Resolves with its records.
   * @throws Error when not all clients hear the last event in time
   */
  async run({ clients, channels, perSecond }: CrowdSize, fault: () => Promise<void>): Promise<Outcome> {
    const { ports, apiKey, entrance } = this.#place
    const entrances = entrance === undefined ? ports : [entrance]
    const caughtUpMs: number[] = []
    const refusals: string[] = []
    const processes = clients > 500 ? 2 : 1
    for (let i = 0; i < processes; i++) {
      const child = this.#fork('subscribers-process.js')
      let before: SubscribersReport = { greeted: 0, finished: 0 }
      child.on('message', (report: SubscribersReport) => {
        this.#greeted += report.greeted - before.greeted
        this.#finished += report.finished - before.finished
        before = report
        caughtUpMs.push(...(report.caughtUpMs ?? []))
        refusals.push(...(report.refusals ?? []))
        this.#heard()
      })
      const records = join(this.#directory, `clients-${i}.ndjson`)
      const name = `${String.fromCharCode(97 + i)}`
      const isBalanced = entrance !== undefined
      const order = {
        records,
        ports: entrances,
        apiKey,
        count: clients / processes,
        channels,
        name,
        isBalanced,
      }
      child.send(order satisfies SubscribersOrder)
    }
    await this.#until(() => this.#greeted === clients)

    const publishers = this.#fork('publishers-process.js')
    const records = join(this.#directory, 'publishers.ndjson')
    publishers.send({ records, ports, apiKey, channels, perSecond } satisfies PublishersOrder)
    const began = performance.now()
    await fault()
    publishers.send('stop')
    const [report] = (await once(publishers, 'message')) as [PublishersReport]
    const seconds = (performance.now() - began) / 1000

    // When this has come, everything before it has.
    const head = await this.#publishToAll(LAST_EVENT, LAST_DATA, LAST_DATA)
    await this.#until(() => this.#finished >= clients)
    await Promise.all(
      this.#children.splice(0).map(async (child) => {
        if (child.connected) child.send('stop')
        if (child.exitCode === null) await once(child, 'exit')
      }),
    )
    const end = new RecordFile(join(this.#directory, 'end.ndjson'))
    end.write({ op: 'publish', event: LAST_DATA, outcome: 'ok', position: head, channels: ['@all'] })
    end.write({ op: 'end', head })
    end.close()
    const files = readdirSync(this.#directory).map((name) => join(this.#directory, name))
    return { files, report, seconds, caughtUpMs, refusals }
  }

  /** Publishes until a hub has answered; resolves with the id. */
  async #publishToAll(event: string, data: string, key: string): Promise<string> {
    const { ports, apiKey } = this.#place
    const headers: Record<string, string> = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }
    const body = JSON.stringify({ all: true, event, data, key })
    for (let attempt = 0; ; attempt++) {
      const port = ports[attempt % ports.length]
      try {
        const answer = await fetch(`http://localhost:${port}/v1/publish`, { method: 'POST', headers, body })
        if (answer.ok) return ((await answer.json()) as { id: string }).id
      } catch {
        // the hub is being started
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  #fork(file: string): ChildProcess {
    const child = fork(fileURLToPath(new URL(`./${file}`, import.meta.url)))
    this.#children.push(child)
    return child
  }

  async #until(isReached: () => boolean): Promise<void> {
    const deadline = Date.now() + CATCH_UP_MS
    while (!isReached()) {
      if (Date.now() > deadline) {
        throw new Error(
          `Only ${this.#greeted} clients were greeted, and ${this.#finished} have heard everything.`,
        )
      }
      await new Promise<void>((resolve) => {
        this.#heard = resolve
        setTimeout(resolve, 1000)
      })
    }
  }
}

/** What a run has left behind. */
export interface Outcome {
  /** Files of records for a history checker. */
  readonly files: readonly string[]
  readonly report: PublishersReport
  /** How long publishers were at work. */
  readonly seconds: number
  /** How long clients took to have everything again, from when they tried to come back; where there were beats. */
  readonly caughtUpMs: readonly number[]
  /** What clients were answered with another status than 200. */
  readonly refusals: readonly string[]
}
