import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { certificatePaths } from './testing/certificate.ts'
import { composed } from './testing/composed.ts'
import { rawRequest } from './testing/raw-request.ts'

test('what is not HTTP is answered with a problem', async (t) => {
  const { port } = await composed(t)
  for (const bytes of [
    '\0\0\0\0\r\n\r\n',
    'nonsense\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n',
    'POST /v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  ]) {
    const answer = await rawRequest(port, bytes)
    assert.match(answer, /^HTTP\/1\.1 400 /, JSON.stringify(bytes))
    assert.match(answer, /Content-Type: application\/problem\+json\r\n.*"code":"bad-request"/s)
  }
  assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200)
})

test('10 MB of headers are answered with 431', async (t) => {
  const { port } = await composed(t)
  const headers = `X-Large: ${'x'.repeat(1000)}\r\n`.repeat(10_000)
  const answer = await rawRequest(port, `GET /livez HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`)
  assert.match(answer, /^HTTP\/1\.1 431 .*"code":"headers-too-large"/s)
  assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200)
})

test('a head that takes too long is answered with 408, also over TLS', { timeout: 15_000 }, async (t) => {
  const { cert, key } = certificatePaths(t)
  await Promise.all(
    [{}, { 'tls.cert': cert, 'tls.key': key }].map(async (tls) => {
      const { port, hub } = await composed(t, {}, { 'limits.headerTimeoutMs': '1000', ...tls })
      const isSecure = 'tls.cert' in tls
      await Promise.all(
        ['GET /livez HTTP/1.1\r\nHost: localhost\r\n', ''].map(async (bytes) => {
          const answer = await rawRequest(port, bytes, { isSecure })
          assert.match(answer, /^HTTP\/1\.1 408 header-timeout\r\n.*"code":"header-timeout"/s)
        }),
      )
      assert.equal(hub.stats().problems['header-timeout'], 2)
    }),
  )
})

test('garbage after the request of a stream ends the stream, and writes nothing into it', async (t) => {
  const { port, hub } = await composed(t)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => socket.destroy())
  socket.write('GET /v1/events/hello HTTP/1.1\r\nHost: localhost\r\n\r\n')
  let received = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text
  })
  await once(socket, 'data')
  const closed = once(socket, 'close')
  socket.write('\0garbage\r\n\r\n')
  await closed
  assert.equal(received.match(/HTTP\/1\.1/g)?.length, 1)
  assert.equal(hub.stats().connections, 0)
})
