// A proxy and this server must see the same requests in the same bytes: what can be read in two ways is refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { API_KEY, closedServer } from './testing/closed-server.ts'
import { rawRequest } from './testing/raw-request.ts'

/** A request that would show, if it were one: it publishes. */
const SMUGGLED =
  `POST /v1/publish/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${API_KEY}\r\n` +
  'Content-Length: 8\r\nConnection: close\r\n\r\nsmuggled'

const CHUNKS = `0\r\n\r\n${SMUGGLED}`

/** What stands between the request line and the empty line, and what comes after it. */
const REQUESTS: Readonly<Record<string, readonly [fields: string, rest: string]>> = {
  'a length and chunks': [`Content-Length: ${CHUNKS.length}\r\nTransfer-Encoding: chunked`, CHUNKS],
  'chunks and a length': ['Transfer-Encoding: chunked\r\nContent-Length: 4', CHUNKS],
  'two lengths': [`Content-Length: 0\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED],
  'a list of lengths': [`Content-Length: 0, ${SMUGGLED.length}`, SMUGGLED],
  'a length with a sign': ['Content-Length: +0', SMUGGLED],
  'a length below zero': ['Content-Length: -1', SMUGGLED],
  'a length in another notation': ['Content-Length: 0x0', SMUGGLED],
  'a length that is too large for a number': ['Content-Length: 18446744073709551616', SMUGGLED],
  'a coding that nobody knows': ['Transfer-Encoding: xchunked', CHUNKS],
  'chunks that are not the last coding': ['Transfer-Encoding: chunked, identity', CHUNKS],
  'a space before the colon': ['Transfer-Encoding : chunked', CHUNKS],
  'a coding behind a vertical tab': ['Transfer-Encoding:\vchunked', CHUNKS],
  'a field that goes on in the next line': ['X: a\r\n Transfer-Encoding: chunked', CHUNKS],
  'a field without a name': [': a', SMUGGLED],
  'a NUL in a field': ['X: a\0b', SMUGGLED],
  'a line that ends in CR alone': ['X: a\rTransfer-Encoding: chunked', CHUNKS],
  'a chunk of no size': ['Transfer-Encoding: chunked', `g\r\n${SMUGGLED}`],
  'a chunk whose size has a sign': ['Transfer-Encoding: chunked', `-0\r\n\r\n${SMUGGLED}`],
  'a chunk whose size has a space': ['Transfer-Encoding: chunked', `0 x\r\n\r\n${SMUGGLED}`],
  'a chunk that is longer than it says': ['Transfer-Encoding: chunked', `1\r\nab\r\n${CHUNKS}`],
}

test('a request that a proxy could read in another way is refused, and nothing after it is read', async (t) => {
  const { port, hub } = await closedServer(t)
  for (const [what, [fields, rest]] of Object.entries(REQUESTS)) {
    const answers = await rawRequest(
      port,
      `POST /v1/publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${API_KEY}\r\n${fields}\r\n\r\n${rest}`,
    )
    assert.match(answers, /^HTTP\/1\.1 4\d\d /, what)
    assert.equal(answers.match(/HTTP\/1\.1 /g)?.length, 1, what)
    assert.equal(hub.stats().published, 0, what)
  }
  // The same is read where nothing is wrong with it.
  await rawRequest(port, `GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n${SMUGGLED}`)
  assert.equal(hub.stats().published, 1)
})

test('what a request says does not stand in the headers of its answer', async (t) => {
  const { port } = await closedServer(t, { 'cors.origins': 'https://app.example' })
  const injected = 'x%0d%0aSet-Cookie:%20a=b'
  for (const line of [
    `GET /v1/events/${injected}`,
    `GET /v1/events?channel=${injected}&lastEventId=${injected}&since=${injected}`,
    `POST /v1/publish/${injected}?event=${injected}`,
    `DELETE /v1/connections/${injected}`,
    `GET /${injected}`,
    `OPTIONS /v1/events/${injected}`,
  ]) {
    const answer = await rawRequest(
      port,
      `${line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${API_KEY}\r\n` +
        'Origin: https://app.example\u0001\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    )
    assert.doesNotMatch(answer.split('\r\n\r\n', 1)[0]!, /set-cookie|app\.example/i, line)
  }
})
