import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type DevProgram, Program, startDev } from './testing/program.ts'

/**
 * The longest that an end may take on a busy machine: more than the 5 s of `shutdown.drainMs`, and far less than the 30 s
 * for which a stalled client is kept, or the drain of the tests that give it a minute.
 */
const END_LIMIT_MS = 15_000

async function openSocket(t: TestContext, port: number, bytes: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  socket.on('error', () => socket.destroy())
  socket.write(bytes)
  return socket
}

function openStream(t: TestContext, { port }: DevProgram): Promise<Socket> {
  return openSocket(t, port, 'GET /v1/events/hello HTTP/1.1\r\nHost: localhost\r\n\r\n')
}

/** A stream whose client reads nothing any more, until the hub itself has noticed. */
async function openStalledStream(t: TestContext, server: DevProgram): Promise<void> {
  const socket = await openStream(t, server)
  await once(socket, 'data')
  socket.pause()
  const body = 'x'.repeat(1_000_000)
  for (let behind = 0, published = 0; behind === 0; published++) {
    assert(published < 100, 'the stalled client never fell behind')
    await fetch(`${server.url}/v1/publish/hello`, { method: 'POST', body })
    const stats = (await (await fetch(`${server.url}/v1/stats`)).json()) as { behind: number }
    behind = stats.behind
  }
}

test('SIGTERM ends streams with a farewell, and the process inside the deadline, also with a stalled client', async (t) => {
  const server = await startDev(t)
  const stream = await openStream(t, server)
  let received = ''
  stream.setEncoding('utf8').on('data', (text: string) => {
    received = (received + text).slice(-500)
  })
  const ended = once(stream, 'close')
  await openStalledStream(t, server)

  const began = performance.now()
  server.program.signal('SIGTERM')
  await server.program.prints(/shutting down/)
  const ready = await fetch(`${server.url}/readyz`)
  assert.equal(ready.status, 503)
  assert.deepEqual(await ready.json(), { status: 'draining', checks: { log: 'open' } })
  assert.equal((await fetch(`${server.url}/livez`)).status, 200)
  const publish = await fetch(`${server.url}/v1/publish/hello`, { method: 'POST', body: 'x' })
  assert.equal(publish.status, 503)
  // An EventSource would give up for ever on a status; it is told to come back.
  const late = await fetch(`${server.url}/v1/events/hello`, { headers: { Accept: 'text/event-stream' } })
  assert.equal(late.status, 200)
  assert.match(
    await late.text(),
    /^retry: \d+\nevent: fanline\.bye\ndata: \{"reason":"drain","reconnect":true\}\n\n$/,
  )

  await ended
  assert.match(
    received,
    /retry: \d+\nevent: fanline\.bye\ndata: \{"reason":"drain","reconnect":true\}\n\n\r\n0\r\n\r\n$/,
  )
  assert.equal(await server.program.exitCode, 0)
  assert(performance.now() - began < END_LIMIT_MS)
})

test('without anybody who stalls, the process does not wait for its deadline', async (t) => {
  const server = await startDev(t, ['--shutdown-drain-ms', '60000'])
  await once(await openStream(t, server), 'data')
  // A browser opens sockets in advance, and a publisher keeps its stream of lines open.
  await openSocket(t, server.port, '')
  const publisher = await openSocket(
    t,
    server.port,
    'POST /v1/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n' +
      'Transfer-Encoding: chunked\r\n\r\n1c\r\n{"channel":"hello","data":1}\r\n2\r\n\n{\r\n',
  )
  await once(publisher, 'data')
  const began = performance.now()
  server.program.signal('SIGTERM')
  assert.equal(await server.program.exitCode, 0)
  assert(performance.now() - began < END_LIMIT_MS)
})

test('a second signal ends the process at once', async (t) => {
  const server = await startDev(t, ['--shutdown-drain-ms', '60000'])
  await openStalledStream(t, server)
  server.program.signal('SIGINT')
  await server.program.prints(/shutting down/)
  server.program.signal('SIGINT')
  assert.equal(await server.program.exitCode, 1)
})

test('start ends the same way', async (t) => {
  const program = new Program(t, ['start', '--port', '0'])
  await program.prints(/"listening"/)
  program.signal('SIGTERM')
  assert.equal(await program.exitCode, 0)
  assert.match(program.stdout, /"signal":"SIGTERM".*"msg":"shutting down"\}\n.*"msg":"stopped"\}\n$/)
})

test('an exception that nobody caught is logged, and ends the process with 1', async (t) => {
  const fault = "data:text/javascript,process.on('SIGUSR2',()=>{throw/**/new/**/Error('boom')})"
  const program = new Program(t, ['start', '--port', '0'], { env: { NODE_OPTIONS: `--import=${fault}` } })
  await program.prints(/"listening"/)
  program.signal('SIGUSR2')
  assert.equal(await program.exitCode, 1)
  const last = JSON.parse(program.stdout.trim().split('\n').at(-1)!)
  assert.equal(last.level, 'fatal')
  assert.equal(last.err.message, 'boom')
})
