import assert from 'node:assert/strict'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { EventStreams } from './event-streams.ts'
import type { Target } from './target.ts'

/** A server that greets every stream and hands it over to be written to. */
async function serve(t: TestContext, onStream: (response: ServerResponse) => void): Promise<Target> {
  const server: Server = createServer((_, response) => onStream(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    subject: 'control',
    port,
    pid: process.pid,
    redisPort: 0,
    effort: { measureMs: 0, share: 1 },
    progress: () => undefined,
  }
}

const hello = 'retry: 1\n\nid: 17\nevent: fanline.hello\ndata: {}\n\n'
const event = 'data: something~\n\n'

test('streams open on their first bytes, know their cursor and count every event', async (t) => {
  const target = await serve(t, (response) => {
    response.writeHead(200).write(hello)
    setImmediate(() => response.write(event + event))
  })
  const streams = await EventStreams.open(target, new Array<string>(300).fill('/'))
  assert.equal(streams.count, 300)
  assert.equal(streams.firstId, '17')
  await streams.arrived(() => 2)
  streams.close()
})

test('an event that comes twice fails the measurement', async (t) => {
  const responses: ServerResponse[] = []
  const target = await serve(t, (response) => {
    responses.push(response)
    response.writeHead(200).write(hello)
  })
  const streams = await EventStreams.open(target, ['/', '/'])
  responses[0]?.write(event + event)
  await assert.rejects(
    streams.arrived(() => 1),
    /received [02] events where 1 were published/,
  )
  streams.close()
})

test('a stream that is cut fails the measurement', async (t) => {
  const responses: ServerResponse[] = []
  const target = await serve(t, (response) => {
    responses.push(response)
    response.writeHead(200).write(hello)
  })
  const streams = await EventStreams.open(target, ['/'])
  responses[0]?.write(event)
  responses[0]?.end()
  await assert.rejects(
    streams.arrived(() => 2),
    /cut/,
  )
})

test('a refusal fails the measurement', async (t) => {
  const target = await serve(t, (response) => response.writeHead(503).end('busy'))
  await assert.rejects(EventStreams.open(target, ['/']), /refused: HTTP\/1.1 503/)
})
