import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { inTime } from '../testing/deadline.ts'
import { RawClient } from '../testing/raw-client.ts'
import { nodeDoor, type ServedHub, withHub } from '../testing/served-hub.ts'

/** The head of a publish whose body is sent by hand. */
function head(length: number | 'chunked', type = 'application/json', path = '/v1/publish'): string {
  const framing = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`
  return `POST ${path} HTTP/1.1\r\nHost: test\r\nContent-Type: ${type}\r\n${framing}\r\n\r\n`
}

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

describe('a body that is sent by hand', () => {
  it('is refused when it does not end in time, and its connection is cut', () =>
    withHub(nodeDoor, { limits: { bodyTimeoutMs: 1000 } }, async (served) => {
      const client = await RawClient.connect(served.url)
      await client.send(`${head(100)}{`).until('body-timeout')
      assert.equal(client.responses()[0]!.status, 408)
      await inTime(client.closed, () => 'the end of the connection')
      await assertAlive(served)
    }))

  it('is refused while it is still being sent, and the client can read why', () =>
    withHub(nodeDoor, { limits: { dataBytes: 1000, bodyBytes: 100_000 } }, async (served) => {
      const client = await RawClient.connect(served.url)
      client.send(head('chunked'))
      for (let i = 0; i < 20; i++) client.send(chunk('x'.repeat(10_000)))
      await client.until('body-too-large')
      assert.equal(client.responses()[0]!.status, 413)
      await client.close()
      await assertAlive(served)
    }))

  it('is nothing when its client leaves before its end', () =>
    withHub(nodeDoor, {}, async (served) => {
      for (const bytes of [
        head(100),
        `${head(100)}{"channel":"a"`,
        head('chunked'),
        `${head('chunked')}5\r\n{"c`,
      ]) {
        const client = await RawClient.connect(served.url)
        client.send(bytes)
        await new Promise((resolve) => setImmediate(resolve))
        await client.close()
      }
      await assertAlive(served)
    }))

  it('of a stream request is ignored, and the client that leaves is noticed all the same', () =>
    withHub(nodeDoor, {}, async (served) => {
      const client = await RawClient.connect(served.url)
      client.send(
        `GET /v1/events/a HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(500_000)}`,
      )
      await client.until('fanline.hello')
      await client.close()
      await served.hasConnections(0)
    }))
})

describe('a head that is too long', () => {
  it('is refused by the server, and the hub lives', () =>
    withHub(nodeDoor, {}, async (served) => {
      const client = await RawClient.connect(served.url)
      client.send('GET /v1/stats HTTP/1.1\r\nHost: test\r\n')
      client.send(`X-Long: ${'x'.repeat(10_000_000)}\r\n\r\n`)
      await inTime(client.closed, () => 'the end of the connection')
      await assertAlive(served)
    }))
})

describe('a stream of lines', () => {
  it('is answered as it arrives, split anywhere', () =>
    withHub(nodeDoor, {}, async (served) => {
      const listener = await served.listen('/v1/events/a')
      const client = await RawClient.connect(served.url)
      client.send(head('chunked', 'application/x-ndjson'))
      for (let n = 0; n < 5; n++) {
        const line = Buffer.from(`{"channel":"a","data":"größe ${n}"}\n`)
        // In the middle of the ö.
        const middle = line.indexOf(0xb6)
        for (const part of [line.subarray(0, middle), line.subarray(middle)]) {
          client
            .send(`${part.length.toString(16)}\r\n`)
            .send(part)
            .send('\r\n')
          await new Promise((resolve) => setImmediate(resolve))
        }
        await client.until('"delivered":1', n + 1)
        assert.equal((await listener.next()).data, `größe ${n}`)
      }
      client.send('0\r\n\r\n')
      await client.until('0\r\n\r\n')
      const [response] = client.responses()
      assert.equal(response!.status, 200)
      assert.equal(response!.body.trimEnd().split('\n').length, 5)
      await client.close()
    }))

  it('that breaks off has published what it answered', () =>
    withHub(nodeDoor, {}, async (served) => {
      const client = await RawClient.connect(served.url)
      client.send(head('chunked', 'application/x-ndjson'))
      client.send(chunk('{"channel":"a","data":1}\n{"channel":"a","data":2}\n{"channel":"a","da'))
      await client.until('"delivered"', 2)
      await client.close()
      await assertAlive(served)
      const { json: history } = await served.call('GET', '/v1/channels/a/history')
      assert.deepEqual(
        history.events.map(({ data }: { data: unknown }) => data),
        [1, 2, 'alive'],
      )
    }))
})

describe('a client that leaves', () => {
  for (const [how, leave] of Object.entries({
    'cuts the connection': (client: RawClient) => client.socket.resetAndDestroy(),
    'closes it': (client: RawClient) => client.socket.destroy(),
    'says that it will send no more': (client: RawClient) => client.socket.end(),
  })) {
    it(`is gone when it ${how}`, () =>
      withHub(nodeDoor, {}, async (served) => {
        const client = await RawClient.connect(served.url)
        await client.ask('/v1/events/a').until('fanline.hello')
        assert.equal(served.hub.stats().connections, 1)
        leave(client)
        await served.hasConnections(0)
        await inTime(client.closed, () => 'the end of the connection')
      }))
  }
})

describe('random bytes', () => {
  it('harm nobody', () =>
    withHub(nodeDoor, {}, async (served) => {
      const listener = await served.listen('/v1/events/a')
      const beginnings = [
        '',
        'GET /v1/events/a HTTP/1.1\r\n',
        'GET /v1/',
        'POST /v1/publish HTTP/1.1\r\nHost: x\r\n',
        head(20),
        head('chunked'),
        head('chunked', 'application/x-ndjson'),
        `${head('chunked')}5\r\n`,
      ]
      const bytes = fc.tuple(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 200 }), fc.boolean())
      await fc.assert(
        fc.asyncProperty(bytes, async ([beginning, random, cut]) => {
          const client = await RawClient.connect(served.url)
          client.send(beginning).send(random)
          if (cut) client.socket.destroy()
          else client.socket.end()
          await inTime(client.closed, () => `the end of ${JSON.stringify(beginning)} and ${random}`)
        }),
        { numRuns: 300 },
      )
      await assertAlive(served)
      assert.equal((await listener.takeUntil(({ data }) => data === 'alive')).at(-1)!.channel, 'a')
      await served.hasConnections(1)
    }))
})

async function assertAlive(served: ServedHub): Promise<void> {
  const { status, json } = await served.publish({ channel: 'a', data: 'alive' })
  assert.equal(status, 200)
  assert.match(json.id, /^\d+$/)
}
