import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Authenticator, bearerToken, grantAccess } from '@fanline/hub/routes'
import { createPublisher, PublishError, type PublishReceipt, type PublishResult } from './publisher.ts'
import { eventually } from './testing/of-hub.ts'
import { loseAnswer, withPublishServer } from './testing/publish-server.ts'

interface Numbered {
  readonly channel: string
  readonly data: number
}

/** Events that are counted as they are taken. */
class Source {
  taken = 0
  hasEnded = false
  readonly #count: number
  readonly #pause: (n: number) => Promise<void> | undefined

  constructor(count: number, pause: (n: number) => Promise<void> | undefined = () => undefined) {
    this.#count = count
    this.#pause = pause
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Numbered> {
    try {
      while (this.taken < this.#count) {
        await this.#pause(this.taken)
        yield { channel: 'a', data: this.taken++ }
      }
    } finally {
      this.hasEnded = true
    }
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

async function all(results: AsyncIterable<PublishResult>): Promise<PublishResult[]> {
  const list: PublishResult[] = []
  for await (const result of results) list.push(result)
  return list
}

function receipts(results: readonly PublishResult[]): PublishReceipt[] {
  return results.map((result) => (result instanceof PublishError ? assert.fail(result.message) : result))
}

/** A runtime that sends no body before it is whole. */
const whole: typeof fetch = async (url, init) => {
  if (init?.body instanceof ReadableStream) throw new TypeError('no streams here')
  return fetch(url, init)
}

/** A proxy that keeps a request back until it is whole. */
const keptBack: typeof fetch = async (url, init) => {
  if (!(init?.body instanceof ReadableStream)) return fetch(url, init)
  const aborted = new Promise<never>((_, reject) => {
    init.signal?.addEventListener('abort', () => reject(init.signal?.reason))
  })
  const body = await Promise.race([new Response(init.body).text(), aborted])
  return fetch(url, { ...init, body })
}

for (const way of ['lines', 'whole requests'] as const) {
  const options = way === 'lines' ? {} : { fetch: whole }

  describe(`a stream of publishes, in ${way}`, () => {
    it('gives a receipt for each event, in order', () =>
      withPublishServer({}, async ({ url, dataOf, requests }) => {
        const results = await all(createPublisher(url, options).stream(new Source(3000)))
        const ids = receipts(results).map(({ id }) => Number(id))
        assert.deepEqual(
          ids,
          ids.toSorted((a, b) => a - b),
        )
        assert.equal(new Set(ids).size, 3000)
        assert.deepEqual(await dataOf('a'), numbers(3000))
        if (way === 'lines') assert.deepEqual(requests, ['application/x-ndjson'])
        else assert.ok(!requests.includes('application/x-ndjson'))
      }))

    it('goes on after cuts, and nothing is lost, twice or out of order', () =>
      withPublishServer({}, async ({ url, cut, dataOf }) => {
        const source = new Source(2000, async (n) => {
          if (n % 400 === 399) {
            await new Promise((resolve) => setTimeout(resolve, 1))
            cut()
          }
        })
        receipts(await all(createPublisher(url, options).stream(source)))
        assert.deepEqual(await dataOf('a'), numbers(2000))
      }))

    it('takes no more from the source than there is room for', () =>
      withPublishServer({}, async ({ url }) => {
        const source = new Source(100_000)
        const results = createPublisher(url, options).stream(source)
        for (let i = 0; i < 10; i++) receipts([(await results.next()).value as PublishResult])
        await eventually(() => source.taken >= 1000, 'a full window')
        await new Promise((resolve) => setTimeout(resolve, 50))
        assert.ok(source.taken <= 1011, `${source.taken} were taken`)
        await results.return()
        await eventually(() => source.hasEnded, 'the end of the source')
      }))

    it('tells what is refused in its place', () =>
      withPublishServer({}, async ({ url }) => {
        const source = [
          { channel: 'a', data: 1 },
          { channel: 'no spaces', data: 2 },
          { channel: 'a', data: 3n },
          { channel: 'a', data: 4 },
        ]
        const results = await all(createPublisher(url, options).stream(source))
        assert.deepEqual(
          results.map((result) => (result instanceof PublishError ? result.code : typeof result.id)),
          ['string', 'channel-invalid', 'data-invalid', 'string'],
        )
      }))

    it('throws what its source throws, after the results of what came before', () =>
      withPublishServer({}, async ({ url, dataOf }) => {
        const error = new Error('of the source')
        const source = async function* (): AsyncGenerator<Numbered> {
          yield { channel: 'a', data: 0 }
          throw error
        }
        const results = createPublisher(url, options).stream(source())
        receipts([(await results.next()).value as PublishResult])
        await assert.rejects(results.next(), error)
        assert.deepEqual(await dataOf('a'), [0])
      }))

    it('publishes an event at once while the next one is not there yet', () =>
      withPublishServer({}, async ({ hub, url }) => {
        const source = async function* (): AsyncGenerator<Numbered> {
          for (const data of [0, 1, 2]) {
            yield { channel: 'a', data }
            await eventually(() => hub.stats().published > data, `the publish of ${data}`)
          }
        }
        receipts(await all(createPublisher(url, options).stream(source())))
      }))

    it('comes back with what passes, and once', () =>
      withPublishServer({ limits: { publishesPerSecondPerUser: 20 } }, async ({ url, dataOf }) => {
        receipts(await all(createPublisher(`${url}?user=u`, options).stream(new Source(40))))
        const data = (await dataOf('a')) as number[]
        assert.deepEqual(
          data.toSorted((a, b) => a - b),
          numbers(40),
        )
      }))
  })
}

it('a stream of publishes goes on in whole requests where lines do not come through', () =>
  withPublishServer(
    {
      before(req, res) {
        if (req.headers['transfer-encoding'] !== 'chunked') return false
        res.writeHead(411, { 'Content-Type': 'text/html', Connection: 'close' }).end('Length Required')
        return true
      },
    },
    async ({ url, dataOf, requests }) => {
      const publisher = createPublisher(url)
      receipts(await all(publisher.stream(new Source(10))))
      receipts(await all(publisher.stream(new Source(10))))
      assert.deepEqual(await dataOf('a'), [...numbers(10), ...numbers(10)])
      assert.equal(requests.filter((type) => type === 'application/x-ndjson').length, 1)
    },
  ))

it('a stream of publishes goes on in whole requests where lines are kept back', () =>
  withPublishServer({}, async ({ hub, url, requests, dataOf }) => {
    const source = new Source(20, async (n) => {
      if (n === 10) await eventually(() => hub.stats().published === 10, 'the first ten')
    })
    receipts(await all(createPublisher(url, { fetch: keptBack }).stream(source)))
    assert.deepEqual(await dataOf('a'), numbers(20))
    assert.ok(!requests.includes('application/x-ndjson'))
  }))

it('a stream of publishes takes no more than there is room for while nobody answers', () =>
  withPublishServer({ before: () => true }, async ({ url }) => {
    const source = new Source(100_000)
    const results = createPublisher(url).stream(source)
    const first = results.next()
    await eventually(() => source.taken === 1000, 'a full window')
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(source.taken, 1000)
    void results.return()
    first.catch(() => undefined)
  }))

it('a stream of publishes that is answered by nobody tells so of each event', async () => {
  const publisher = createPublisher('http://127.0.0.1:1/v1/publish', { retryForMs: 0 })
  const results = await all(publisher.stream(new Source(3)))
  assert.deepEqual(
    results.map((result) => (result as PublishError).code),
    ['unreachable', 'unreachable', 'unreachable'],
  )
})

it('a stream of publishes gets another token when the one it has ends on the way', () => {
  const expiresAt = Date.now() + 300
  const authenticator: Authenticator = (source) =>
    grantAccess({ publish: ['a'], expiresAt: bearerToken(source) === 'old' ? expiresAt : undefined })
  return withPublishServer({ authenticator }, async ({ hub, url, requests, dataOf }) => {
    const tokens = ['old', 'new']
    const publisher = createPublisher(url, { getToken: () => tokens.shift() ?? 'new' })
    const source = new Source(20, async (n) => {
      if (n === 10) await eventually(() => Date.now() > expiresAt, 'the end of the token')
    })
    receipts(await all(publisher.stream(source)))
    assert.deepEqual(await dataOf('a'), numbers(20))
    assert.equal(hub.stats().published, 20)
    assert.equal(requests[0], 'application/x-ndjson')
  })
})

it('a batch whose answer is lost is not published twice', () =>
  withPublishServer(
    {
      before: (req, res, n) => {
        if (req.headers['content-type'] === 'application/json' && n < 3) loseAnswer(req, res)
        return false
      },
    },
    async ({ url, dataOf }) => {
      const results = receipts(await all(createPublisher(url, { fetch: whole }).stream(new Source(10))))
      assert.ok(results.some(({ duplicate }) => duplicate))
      assert.deepEqual(await dataOf('a'), numbers(10))
    },
  ))
