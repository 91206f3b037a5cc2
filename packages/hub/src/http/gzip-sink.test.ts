import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32, createGunzip } from 'node:zlib'
import fc from 'fast-check'
import { inTime } from '../testing/deadline.ts'
import { doors, inProcessDoor, withHub } from '../testing/served-hub.ts'
import { isPublished } from '../testing/stream-client.ts'
import { combineCrc32, shiftOf } from './crc32-combine.ts'

const COMPRESSING = { delivery: { compress: true } }

/** The text of a compressed body as it comes, until a text is in it or the body has ended well. */
class Unzipped {
  text = ''
  #isOver = false
  #error: Error | undefined
  #wake: () => void = () => undefined

  constructor(body: ReadableStream<Uint8Array>) {
    const gunzip = createGunzip()
    const changed = (): void => this.#wake()
    gunzip.setEncoding('utf8').on('data', (text: string) => {
      this.text += text
      changed()
    })
    gunzip.once('end', () => {
      this.#isOver = true
      changed()
    })
    gunzip.once('error', (error) => {
      this.#error = error
      changed()
    })
    void (async () => {
      for await (const bytes of body as unknown as AsyncIterable<Uint8Array>) gunzip.write(bytes)
      gunzip.end()
    })()
  }

  async has(text: string): Promise<void> {
    await this.#until(() => this.text.includes(text), text)
  }

  /** Its checksum was right, too. */
  async ended(): Promise<void> {
    await this.#until(() => this.#isOver, 'the end')
  }

  async #until(isReached: () => boolean, what: string): Promise<void> {
    const reached = async (): Promise<void> => {
      while (!isReached()) {
        if (this.#error) throw this.#error
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    await inTime(reached(), () => `${what} in ${this.text.slice(-200)}`)
  }
}

describe('the checksum of two pieces', () => {
  it('is put together from those of each', () => {
    const bytes = fc.uint8Array({ maxLength: 5000 })
    fc.assert(
      fc.property(bytes, bytes, (one, other) => {
        const both = crc32(other, crc32(one))
        assert.equal(combineCrc32(crc32(one), crc32(other), shiftOf(other.length)), both)
      }),
    )
  })
})

describe('a compressed stream', () => {
  it('is the same blocks for who came first and who came late, each valid from its head to its checksum', () =>
    withHub(inProcessDoor, COMPRESSING, async ({ hub, fetch, url }) => {
      const open = async (id?: string): Promise<Unzipped> => {
        const headers = {
          'Accept-Encoding': 'gzip, br',
          ...(id === undefined ? {} : { 'Last-Event-ID': id }),
        }
        const response = await fetch(`${url}/v1/events/news`, { headers })
        assert.equal(response.headers.get('content-encoding'), 'gzip')
        return new Unzipped(response.body!)
      }
      const first = await open()
      await first.has('fanline.hello')
      const { id } = await hub.publish({ channel: 'news', data: 'short' })
      await first.has('data: short')
      for (const length of [150, 199, 200, 5000, 70_000]) {
        await hub.publish({ channel: 'news', data: `${length} ${'lorem ipsum '.repeat(length / 12)}` })
        await first.has(`data: ${length} `)
      }
      const late = await open(id!)
      await late.has('data: 70000 ')
      assert.ok(!late.text.includes('data: short'))
      const newest = await open()
      await newest.has('fanline.hello')
      await Promise.all([
        hub.publish({ all: true, data: 'x'.repeat(999) }),
        hub.publish({ all: true, data: 'last' }),
      ])
      for (const stream of [first, late, newest]) await stream.has('data: last')
      await hub.close({ drainMs: 0 })
      for (const stream of [first, late, newest]) {
        await stream.ended()
        assert.match(stream.text, /event: fanline\.bye/)
      }
    }))

  it('is only for who accepts it', () =>
    withHub(inProcessDoor, COMPRESSING, async ({ fetch, url }) => {
      const codingFor = async (accepted: string | undefined): Promise<string | null> => {
        const headers: Record<string, string> = accepted === undefined ? {} : { 'Accept-Encoding': accepted }
        const response = await fetch(`${url}/v1/events/news`, { headers })
        await response.body?.cancel()
        return response.headers.get('content-encoding')
      }
      for (const accepted of ['gzip', 'br, GZIP;q=0.5', 'deflate,x-gzip', 'gzip;q=1.0']) {
        assert.equal(await codingFor(accepted), 'gzip', accepted)
      }
      for (const refused of [undefined, '', 'br', 'gzip;q=0', 'gzip; q=0.000', 'identity', 'gzipped']) {
        assert.equal(await codingFor(refused), null, refused)
      }
    }))

  it('is not compressed unless the hub is told to', () =>
    withHub(inProcessDoor, {}, async ({ fetch, url }) => {
      const response = await fetch(`${url}/v1/events/news`, { headers: { 'Accept-Encoding': 'gzip' } })
      await response.body?.cancel()
      assert.equal(response.headers.get('content-encoding'), null)
    }))

  for (const door of doors.filter((each) => each !== inProcessDoor)) {
    it(`is read by the fetch of this runtime as it comes, by ${door.name}`, () =>
      withHub(door, COMPRESSING, async (served) => {
        const asking = { 'Accept-Encoding': 'gzip' }
        const stream = await served.listen('/v1/events/news', asking)
        assert.equal(stream.response.headers.get('content-encoding'), 'gzip')
        for (const length of [10, 1000, 300_000]) {
          await served.publish({ channel: 'news', data: 'y'.repeat(length) })
          assert.equal((await stream.next()).data.length, length)
        }
        const late = await served.open('/v1/events/news', { ...asking, 'Last-Event-ID': '1' })
        assert.equal((await late.takeUntil(isPublished)).at(-1)?.data.length, 10)
      }))
  }
})
