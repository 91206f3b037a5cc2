import { describe, it } from 'node:test'
import { inTime } from '../testing/deadline.ts'
import { RawClient } from '../testing/raw-client.ts'
import { nodeDoor, withHub } from '../testing/served-hub.ts'

/** A request whose body is announced, and comes a byte at a time. */
const rows: readonly (readonly [what: string, head: string, answer: string])[] = [
  ['it is refused', 'POST /v1/publish/a%20b HTTP/1.1\r\nContent-Encoding: gzip', '415'],
  ['nobody asked for it', 'GET /v1/stats HTTP/1.1', '200'],
  ['it belongs to OPTIONS', 'OPTIONS /v1/publish HTTP/1.1', '204'],
  ['it belongs to HEAD', 'HEAD /v1/events/a HTTP/1.1', '200'],
  ['its method is wrong', 'PUT /v1/publish HTTP/1.1', '405'],
]

describe('a body that trickles on after its request was answered', { concurrency: true }, () => {
  for (const [what, head, answer] of rows) {
    it(`ends with its connection when ${what}`, () =>
      withHub(nodeDoor, {}, async (served) => {
        const client = await RawClient.connect(served.url)
        client.send(`${head}\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n`)
        await client.until(`HTTP/1.1 ${answer} `)
        const trickle = setInterval(() => client.send('x'), 50)
        try {
          await inTime(client.closed, () => 'the end of the connection')
        } finally {
          clearInterval(trickle)
        }
      }))
  }

  it('ends with its connection after a stream that the hub has ended', () =>
    withHub(nodeDoor, {}, async (served) => {
      const client = await RawClient.connect(served.url)
      client.send('GET /v1/events/a?user=u HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n')
      await client.until('fanline.hello')
      served.hub.disconnect({ user: 'u' })
      const trickle = setInterval(() => client.send('x'), 50)
      try {
        await inTime(client.closed, () => 'the end of the connection')
      } finally {
        clearInterval(trickle)
      }
    }))

  it('ends with its connection when one of its lines has no end', () =>
    withHub(nodeDoor, { limits: { dataBytes: 1000, bodyBytes: 1024 } }, async (served) => {
      const client = await RawClient.connect(served.url)
      client.send(
        'POST /v1/publish HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000000\r\n\r\n',
      )
      client.send('x'.repeat(2000))
      await client.until('body-too-large')
      const trickle = setInterval(() => client.send('x'), 50)
      try {
        await inTime(client.closed, () => 'the end of the connection')
      } finally {
        clearInterval(trickle)
      }
    }))

  it('leaves the connection to the next request when it ends soon', () =>
    withHub(nodeDoor, {}, async (served) => {
      const client = await RawClient.connect(served.url)
      client.send('GET /v1/stats HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nab')
      await client.until('"connections"')
      client.send('cde').ask('/v1/stats')
      await client.until('"connections"', 2)
      // Longer than a body may linger.
      await new Promise((resolve) => setTimeout(resolve, 2200))
      client.ask('/v1/stats')
      await client.until('"connections"', 3)
      await client.close()
    }))
})
