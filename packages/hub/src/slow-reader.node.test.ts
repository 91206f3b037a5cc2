import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { it } from 'node:test'
import { inTime } from './testing/deadline.ts'
import { ForkedHub, type Report } from './testing/forked-hub.ts'

const READERS = 200
const EVENTS = 100_000
/** No more than the history keeps, so that a reader whose process is late can still read them there. */
const ROUND = 1000
const MAX_GROWTH_BYTES = 64 * 1024 * 1024

it('one client that never reads costs the others nothing, and little memory', async () => {
  const hub = await ForkedHub.start()
  const readers: Reader[] = []
  const stalled = new Reader(hub.port)
  try {
    await stalled.until('fanline.hello')
    stalled.socket.pause()
    for (let i = 0; i < READERS; i++) readers.push(new Reader(hub.port))
    await Promise.all(readers.map((reader) => reader.until('fanline.hello')))

    let published = 0
    const publishRound = async (bytes: number): Promise<Report> => {
      const report = await hub.ask({ do: 'publish', first: published, count: ROUND, bytes })
      published += ROUND
      await Promise.all(readers.map((reader) => reader.untilEvent(published - 1)))
      return report
    }

    // Loopback buffers swallow megabytes: first the client must be behind.
    let before = await hub.ask({ do: 'report' })
    for (let round = 0; round < 40 && before.behind !== 1; round++) {
      await publishRound(1000)
      before = await hub.ask({ do: 'report' })
    }
    assert.equal(before.behind, 1, 'the hub shows the client that never reads as behind')

    let peakBytes = 0
    for (let events = 0; events < EVENTS; events += ROUND) {
      const after = await publishRound(0)
      peakBytes = Math.max(peakBytes, after.rss)
      assert.ok(after.slowestPublishMs < 10_000, `a publish waited for ${after.slowestPublishMs} ms`)
    }
    let end = await hub.ask({ do: 'report' })
    // A socket that was full for a moment drains a moment after its reader has everything.
    while (end.behind > 1) end = await hub.ask({ do: 'report' })
    assert.equal(end.connections, READERS + 1)
    assert.equal(end.behind, 1)
    const growth = Math.max(peakBytes, end.rss) - before.rss
    assert.ok(growth < MAX_GROWTH_BYTES, `memory grew by ${Math.round(growth / 1024 / 1024)} MiB`)

    stalled.socket.resume()
    await stalled.until('"live":true')
    assert.equal((await hub.ask({ do: 'report' })).behind, 0)
    assert.deepEqual(
      stalled.gaps.map(({ channel, reason }) => ({ channel, reason })),
      [{ channel: 'a', reason: 'trimmed' }],
    )
    assert.ok(stalled.tail.includes(`data: ${published - 1} `))
  } finally {
    for (const { socket } of [...readers, stalled]) socket.destroy()
    await hub.end()
  }
})

/** Counts events, and keeps no more of what it reads than it needs. */
class Reader {
  readonly socket: Socket
  /** The last that was read. */
  tail = ''
  readonly gaps: { channel: string; reason: string }[] = []
  #next = 0
  #fault: string | undefined
  #wake: () => void = () => undefined

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n')
    this.socket.setEncoding('latin1').on('data', (text: string) => this.#read(text))
  }

  /** Waits until the text has come. */
  async until(text: string): Promise<void> {
    await this.#while(() => !this.tail.includes(text), text)
  }

  /** Waits until the event with this number, and so each one before it, has come. */
  async untilEvent(number: number): Promise<void> {
    await this.#while(() => this.#next <= number && this.#fault === undefined, `event ${number}`)
    assert.equal(this.#fault, undefined)
  }

  async #while(waiting: () => boolean, what: string): Promise<void> {
    const reached = async (): Promise<void> => {
      while (waiting()) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    await inTime(reached(), () => what, 100_000)
  }

  #read(text: string): void {
    const known = this.tail.length
    const all = this.tail + text
    // An event that ends in this text may have begun in the one before.
    for (const match of all.matchAll(/\ndata: (\d+) x*\n\n/g)) {
      if (match.index + match[0].length <= known) continue
      const number = Number(match[1])
      if (number !== this.#next) this.#fault ??= `event ${number} came where ${this.#next} was due`
      this.#next = number + 1
    }
    for (const match of all.matchAll(/\nevent: fanline\.gap\ndata: (.*)\n\n/g)) {
      if (match.index + match[0].length > known) this.gaps.push(JSON.parse(match[1]!))
    }
    this.tail = all.slice(-4096)
    this.#wake()
  }
}
