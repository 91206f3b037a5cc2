import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cuttableProxy } from '../testing/cuttable-proxy.ts'
import { Program, startDev } from '../testing/program.ts'

async function publish(url: string, request: object): Promise<void> {
  const answer = await fetch(`${url}/v1/publish`, { method: 'POST', body: JSON.stringify(request) })
  assert.equal(answer.status, 200)
}

async function connectionIds(url: string): Promise<string[]> {
  const answer = await fetch(`${url}/v1/connections`)
  const { connections } = (await answer.json()) as { connections: { id: string }[] }
  return connections.map(({ id }) => id)
}

test('tail prints what is published, and Ctrl-C ends it well', async (t) => {
  const { url } = await startDev(t)
  const program = new Program(t, ['tail', 'orders.eu', 'orders.us', '--user', 'alice', '--url', url])
  await program.prints(/listening to orders\.eu, orders\.us as alice/)
  await publish(url, { channel: 'orders.us', data: 'text' })
  await publish(url, { channel: 'orders.eu', event: 'progress', data: { done: 3 } })
  await publish(url, { user: 'alice', data: 'two\nlines' })
  await publish(url, { all: true, data: 'steer \u001b[2J\u202e the terminal' })
  await program.prints(/terminal\n/)
  assert.equal(
    program.stdout,
    'orders.us text\n' +
      'orders.eu progress {"done":3}\n' +
      '@user:alice two\n  lines\n' +
      '@all steer \\u001b[2J\\u202e the terminal\n',
  )
  program.signal('SIGINT')
  assert.equal(await program.exitCode, 0)
})

test('tail --json prints the lines of the server, and begins where --since says', async (t) => {
  const { url } = await startDev(t)
  await publish(url, { channel: 'hello', data: 1 })
  await publish(url, { channel: 'hello', data: 2 })
  const program = new Program(t, ['tail', 'hello', '--json', '--since', 'start', '--url', url])
  await program.prints(/"data":2\}\n/)
  const lines = program.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    lines.map(({ event, channel, data }) => [event, channel, data]),
    [
      ['message', 'hello', 1],
      ['message', 'hello', 2],
    ],
  )
  program.signal('SIGTERM')
  assert.equal(await program.exitCode, 0)
})

test('tail goes on after the last id when its server comes back, and says what is lost', async (t) => {
  const flags = ['--delivery-retry-ms', '1000', '--shutdown-drain-ms', '500']
  const first = await startDev(t, flags)
  const program = new Program(t, ['tail', 'hello', '--url', first.url])
  await program.prints(/listening to hello/)
  await publish(first.url, { channel: 'hello', data: 'before' })
  await program.prints(/hello before\n/)
  first.program.signal('SIGTERM')
  await program.prints(/bye: drain\n.*trying again in/)
  await first.program.exitCode

  const second = new Program(t, ['dev', '--port', String(first.port), ...flags])
  await second.prints(/Ctrl-C/)
  await program.prints(/connected again to hello/)
  // A hub in memory forgets: the client is told.
  await program.prints(/gap: hello may have lost events after \d+ up to \d+ \(restarted\)/)
  await publish(first.url, { channel: 'hello', data: 'after' })
  await program.prints(/hello before\nhello after\n/)
})

test('tail misses nothing when its connection is cut, or goes silent', async (t) => {
  const { url, port } = await startDev(t, ['--delivery-retry-ms', '1000', '--delivery-heartbeat-ms', '1000'])
  const proxy = await cuttableProxy(t, port)
  const program = new Program(t, ['tail', 'hello', '--url', proxy.url])
  await program.prints(/listening to hello/)
  await publish(url, { channel: 'hello', data: 'first' })
  await program.prints(/hello first\n/)
  proxy.cut()
  await publish(url, { channel: 'hello', data: 'second' })
  await program.prints(/hello first\nhello second\n/)
  proxy.freeze()
  await publish(url, { channel: 'hello', data: 'third' })
  await program.prints(/hello first\nhello second\nhello third\n/)
  assert.equal(program.stderr.match(/trying again/g)?.length, 2)
})

test('tail ends when it is sent away for good', async (t) => {
  const { url } = await startDev(t)
  const program = new Program(t, ['tail', 'hello', '--url', url])
  await program.prints(/listening to hello/)
  const [id] = await connectionIds(url)
  await fetch(`${url}/v1/connections/${id}`, { method: 'DELETE' })
  assert.equal(await program.exitCode, 1)
  assert.match(program.stderr, /bye: kicked\nfanline: The server ended this stream for good: kicked\.\n$/)
})

test('tail refuses at once what cannot work', async (t) => {
  const { url } = await startDev(t)
  const cases: [string[], RegExp][] = [
    [['a,b*', '--url', url], /^fanline: channel-invalid: /],
    [['hello', '--since', 'ever', '--url', url], /^fanline: since-invalid: /],
    [['hello', '--url', 'http://localhost:1'], /^fanline: Nobody answers at http:\/\/localhost:1 /],
  ]
  for (const [args, message] of cases) {
    const program = new Program(t, ['tail', ...args])
    assert.equal(await program.exitCode, 1)
    assert.match(program.stderr, message)
  }
})
