import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProblemError } from '@fanline/hub'
import { type Authenticator, bearerToken, grantAccess } from '@fanline/hub/routes'
import { defineEvents, eventType } from './index.ts'
import { createPublisher, PublishError, Unauthorized } from './publisher.ts'
import { loseAnswer, withPublishServer } from './testing/publish-server.ts'

/** What a publish was refused with. */
async function errorOf(publish: Promise<unknown>): Promise<PublishError> {
  const error = await publish.then(
    () => assert.fail('It was published.'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof PublishError, String(error))
  return error
}

describe('publish', () => {
  it('answers with the receipt of the hub', () =>
    withPublishServer({}, async ({ hub, url }) => {
      const receipt = await createPublisher(url).publish({ channel: 'a', event: 'paid', data: { number: 7 } })
      const [event] = (await hub.history('a')).events
      assert.deepEqual(receipt, { id: event?.id, delivered: 0 })
      assert.deepEqual([event?.event, event?.data], ['paid', { number: 7 }])
    }))

  it('publishes once what was taken when the connection broke before the answer', () =>
    withPublishServer(
      { before: (req, res, n) => (n < 2 ? void loseAnswer(req, res) : undefined) },
      async ({ url, requests, dataOf }) => {
        const receipt = await createPublisher(url).publish({ channel: 'a', data: 'once' })
        assert.equal(receipt.duplicate, true)
        assert.equal(requests.length, 3)
        assert.deepEqual(await dataOf('a'), ['once'])
      },
    ))

  it('keeps a key that its caller chose', () =>
    withPublishServer({}, async ({ url }) => {
      const publisher = createPublisher(url)
      const first = await publisher.publish({ channel: 'a', data: 1, key: 'order-7-paid' })
      const again = await publisher.publish({ channel: 'a', data: 1, key: 'order-7-paid' })
      assert.deepEqual(again, { id: first.id, delivered: 0, duplicate: true })
      const own = await Promise.all([1, 1].map((data) => publisher.publish({ channel: 'a', data })))
      assert.ok(own.every(({ duplicate }) => !duplicate))
    }))

  it('tries again what passes, no sooner than the server asks', () => {
    const began = Date.now()
    return withPublishServer(
      {
        before(_req, res, n) {
          if (n === 0) res.writeHead(503, { 'Retry-After': '1' }).end('a proxy has no hub')
          else if (n === 1) res.writeHead(429, { 'Content-Type': 'text/html' }).end('too fast')
          return n < 2
        },
      },
      async ({ url, requests }) => {
        await createPublisher(url).publish({ channel: 'a', data: 1 })
        assert.equal(requests.length, 3)
        assert.ok(Date.now() - began >= 1000)
      },
    )
  })

  it('says what is wrong with an event, and tries that once', () =>
    withPublishServer({}, async ({ url, requests }) => {
      const publisher = createPublisher(url)
      const error = await errorOf(publisher.publish({ channel: 'no spaces', data: 1 }))
      assert.deepEqual(
        { code: error.code, status: error.status, detail: error.detail, retryable: error.retryable },
        {
          code: 'channel-invalid',
          status: 400,
          detail: '"no spaces" is not a channel name.',
          retryable: false,
        },
      )
      assert.match(error.message, /^channel-invalid: A channel name/)
      assert.equal(requests.length, 1)
      assert.equal((await errorOf(publisher.publish({ channel: 'a', data: 1n }))).code, 'data-invalid')
    }))

  it('tells an answer of something else from one of the hub', () =>
    withPublishServer(
      {
        before(_req, res, n) {
          res.writeHead(n === 0 ? 404 : 200, { 'Content-Type': 'text/html' }).end('<h1>Welcome</h1>')
          return true
        },
      },
      async ({ url, requests }) => {
        const publisher = createPublisher(url)
        for (const status of [404, 200]) {
          const error = await errorOf(publisher.publish({ channel: 'a', data: 1 }))
          assert.deepEqual([error.code, error.status], ['unexpected-answer', status])
          assert.match(error.message, /text\/html.*<h1>Welcome/)
        }
        assert.equal(requests.length, 2)
      },
    ))

  it('gives up in time, and on a server that says nothing', () =>
    withPublishServer({ before: () => true }, async ({ url }) => {
      const once = createPublisher(url, { retryForMs: 0, answerTimeoutMs: 50 })
      const error = await errorOf(once.publish({ channel: 'a', data: 1 }))
      assert.deepEqual([error.code, error.status, error.retryable], ['unreachable', 0, true])
      assert.match(error.message, /no answer within 50 ms/)
      const nobody = createPublisher('http://127.0.0.1:1/v1/publish', { retryForMs: 300 })
      const began = Date.now()
      assert.equal((await errorOf(nobody.publish({ channel: 'a', data: 1 }))).code, 'unreachable')
      assert.ok(Date.now() - began < 20_000, 'long before it would give up by itself')
    }))

  it('ends with its signal, while it waits for an answer or to try again', () =>
    withPublishServer({ before: () => true }, async ({ url }) => {
      const reason = new Error('enough')
      for (const address of [url, 'http://127.0.0.1:1/v1/publish']) {
        const abort = new AbortController()
        const publisher = createPublisher(address)
        const calls = [
          publisher.publish({ channel: 'a', data: 1 }, { signal: abort.signal }),
          publisher.publishAll([{ channel: 'a', data: 1 }], { signal: abort.signal }),
          publisher.stream([{ channel: 'a', data: 1 }], { signal: abort.signal }).next(),
        ]
        setTimeout(() => abort.abort(reason), 50)
        await Promise.all(calls.map((call) => assert.rejects(call, reason)))
        await assert.rejects(publisher.publish({ channel: 'a', data: 1 }, { signal: abort.signal }), reason)
      }
    }))

  it('asks for another token when the one it had is refused, and no more without anybody to ask', () => {
    const authenticator: Authenticator = (source) => {
      if (bearerToken(source) !== 'good') throw new ProblemError('token-expired')
      return grantAccess({ publish: ['a'] })
    }
    return withPublishServer({ authenticator }, async ({ url, requests }) => {
      const tokens = ['old', 'good']
      const publisher = createPublisher(url, { getToken: async () => tokens.shift() ?? 'good' })
      await publisher.publish({ channel: 'a', data: 1 })
      assert.equal(requests.length, 2)
      assert.equal((await errorOf(publisher.publish({ channel: 'b', data: 1 }))).code, 'forbidden')
      await createPublisher(url, { token: 'good' }).publish({ channel: 'a', data: 1 })
      const old = createPublisher(url, { token: 'old' })
      assert.equal((await errorOf(old.publish({ channel: 'a', data: 1 }))).code, 'token-expired')
      const nobody = createPublisher(url, {
        getToken: () => {
          throw new Unauthorized('signed out')
        },
      })
      const error = await errorOf(nobody.publish({ channel: 'a', data: 1 }))
      assert.equal(error.code, 'token')
      assert.ok(error.cause instanceof Unauthorized)
    })
  })

  it('knows the events of a map, or of definitions', () =>
    withPublishServer({}, async ({ url }) => {
      const events = defineEvents({ paid: eventType<{ number: number }>() })
      const publishers = [
        createPublisher<typeof events>(url),
        createPublisher<{ paid: { number: number } }>(url),
      ]
      for (const publisher of publishers) {
        await publisher.publish({ channel: 'a', event: 'paid', data: { number: 7 } })
        // @ts-expect-error the data have the wrong type
        await publisher.publishAll([{ channel: 'a', event: 'paid', data: { number: '7' } }])
        // @ts-expect-error there is no such event
        await publisher.stream([{ channel: 'a', event: 'payed', data: { number: 7 } }]).next()
      }
    }))
})

describe('publishAll', () => {
  it('answers for each event, in order', () =>
    withPublishServer({}, async ({ url, requests, dataOf }) => {
      const list = Array.from({ length: 1200 }, (_, i) => ({
        channel: i === 600 ? 'no spaces' : 'a',
        data: i,
      }))
      const results = await createPublisher(url).publishAll(list)
      assert.equal(results.length, 1200)
      const refused = results.filter((result) => result instanceof PublishError)
      assert.deepEqual(
        refused.map(({ code }) => code),
        ['channel-invalid'],
      )
      assert.equal(results.indexOf(refused[0]!), 600)
      assert.deepEqual(
        await dataOf('a'),
        list.map(({ data }) => data).filter((data) => data !== 600),
      )
      assert.equal(requests.length, 3)
      assert.deepEqual(await createPublisher(url).publishAll([]), [])
    }))

  it('sends again only what has no answer, and once', () =>
    withPublishServer(
      {
        limits: { publishesPerSecondPerUser: 4 },
        before: (req, res, n) => (n === 1 ? void loseAnswer(req, res) : undefined),
      },
      async ({ url, dataOf }) => {
        const list = Array.from({ length: 6 }, (_, i) => ({ channel: 'a', data: i }))
        const results = await createPublisher(`${url}?user=u`).publishAll(list)
        assert.ok(results.every((result) => !(result instanceof PublishError)))
        assert.deepEqual((await dataOf('a')).sort(), [0, 1, 2, 3, 4, 5])
      },
    ))

  it('sends less at once where a server takes no more', () =>
    withPublishServer({ limits: { bodyBytes: 2000, dataBytes: 1500 } }, async ({ url, dataOf }) => {
      const list = Array.from({ length: 100 }, (_, i) => ({
        channel: 'a',
        data: i === 50 ? 'x'.repeat(3000) : i,
      }))
      const results = await createPublisher(url).publishAll(list)
      const refused = results.filter((result) => result instanceof PublishError)
      assert.deepEqual(
        refused.map(({ code }) => code),
        ['body-too-large'],
      )
      assert.equal(results.indexOf(refused[0]!), 50)
      assert.deepEqual(
        await dataOf('a'),
        list.map(({ data }) => data).filter((data) => typeof data === 'number'),
      )
    }))

  it('tells of each event when nobody answers', async () => {
    const publisher = createPublisher('http://127.0.0.1:1/v1/publish', { retryForMs: 0 })
    const results = await publisher.publishAll([
      { channel: 'a', data: 1 },
      { channel: 'a', data: 1n },
    ])
    assert.deepEqual(
      results.map((result) => (result as PublishError).code),
      ['unreachable', 'data-invalid'],
    )
  })
})
