import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createSocketServer } from 'node:net'
import { test } from 'node:test'
import { Failure } from './failure.ts'
import { type Listener, listen } from './listener.ts'

const onRequest: RequestListener = (_, res) => res.end('here')

function listenOn(addresses: readonly string[], port: number): Promise<Listener> {
  return listen({ addresses, port, onRequest, headerTimeoutMs: 10_000 })
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
