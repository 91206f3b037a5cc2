import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect, createServer as createSocketServer } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { Failure } from './failure.ts'
import { type Listener, type ListenOptions, listen } from './listener.ts'
import { CERTIFICATE, CERTIFICATE_KEY } from './testing/certificate.ts'

const onRequest: RequestListener = ({ url }, res) =>
  url === '/stream' ? res.write('a stream') : res.end('here')

const CERTIFICATES = { plain: undefined, secure: { cert: CERTIFICATE, key: CERTIFICATE_KEY } }

function listenOn(
  addresses: readonly string[],
  port: number,
  options: Partial<ListenOptions> = {},
): Promise<Listener> {
  return listen({ addresses, port, onRequest, headerTimeoutMs: 10_000, ...options })
}

function close(listener: Listener): Promise<void> {
  return listener.close(0)
}

test('one port is taken on all addresses', async (t) => {
  const listener = await listenOn(['127.0.0.1', '127.0.0.2'], 0)
  t.after(() => close(listener))
  for (const address of ['127.0.0.1', '127.0.0.2']) {
    assert.equal(await (await fetch(`http://${address}:${listener.port}`)).text(), 'here')
  }
})

test('an address that the machine does not have is skipped, unless it is the only one', async (t) => {
  const listener = await listenOn(['192.0.2.1', '127.0.0.1'], 0)
  t.after(() => close(listener))
  assert.equal(listener.addresses, 1)
  await assert.rejects(listenOn(['192.0.2.1'], 0), /This machine does not have the address given as --host/)
})

test('a port that is in use on any address is refused, and none is kept', async (t) => {
  const other = createSocketServer().listen(0, '127.0.0.2')
  t.after(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  await assert.rejects(
    listenOn(['127.0.0.1', '127.0.0.2'], port),
    (error) => error instanceof Failure && error.message.startsWith(`Port ${port} on 127.0.0.2 is in use.`),
  )
  const free = createServer(onRequest).listen(port, '127.0.0.1')
  t.after(() => free.close())
  await once(free, 'listening')
})

for (const [door, certificate] of Object.entries(CERTIFICATES)) {
  test(`a connection on which nothing is asked any more is kept for a while, and closed: ${door}`, {
    timeout: 15_000,
  }, async (t) => {
    /** Asks once; resolves with the answer, and the connection. */
    const ask = async (options: Partial<ListenOptions>) => {
      const listener = await listenOn(['127.0.0.1'], 0, { certificate, ...options })
      t.after(() => close(listener))
      const { port } = listener
      const socket = certificate
        ? connectTls({ port, rejectUnauthorized: false })
        : connect(port, '127.0.0.1')
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
      const [answer] = await once(socket, 'data')
      return { answer: String(answer), socket }
    }
    const { answer, socket: kept } = await ask({})
    // What proxies keep for a minute, they must not find closed just when they publish on it.
    assert.match(answer, /\r\nKeep-Alive: timeout=75\r\n/)
    const { socket } = await ask({ idleMs: 300 })
    await once(socket, 'close')
    assert.equal(kept.closed, false)
  })
}

test('a session of HTTP/2 on which nothing is asked is closed', { timeout: 15_000 }, async (t) => {
  const limits = { headerTimeoutMs: 500, idleMs: 500 }
  const listener = await listenOn(['127.0.0.1'], 0, { certificate: CERTIFICATES.secure, ...limits })
  t.after(() => close(listener))
  const open = (): ClientHttp2Session => {
    const session = connectHttp2(`https://127.0.0.1:${listener.port}`, { rejectUnauthorized: false })
    t.after(() => session.destroy())
    return session
  }
  const [silent, pinging, asking, listening] = [open(), open(), open(), open()]
  const stream = listening.request({ ':path': '/stream' })
  await once(stream, 'data')
  const pings = setInterval(() => pinging.ping(() => undefined), 50)
  pinging.once('close', () => clearInterval(pings))
  asking.request({ ':path': '/' }).resume()
  await Promise.all([silent, pinging, asking].map((session) => once(session, 'close')))
  assert.equal(stream.closed, false)
})
