import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Program, startDev } from '../testing/program.ts'

/** Runs `fanline publish` to its end. */
async function publish(t: TestContext, url: string, args: readonly string[], input = ''): Promise<Program> {
  const program = new Program(t, ['publish', ...args], { env: { FANLINE_URL: url } })
  program.type(input)
  program.endInput()
  await program.exitCode
  return program
}

async function history(url: string, channel: string): Promise<unknown[]> {
  const answer = await fetch(`${url}/v1/channels/${channel}/history`)
  const { events } = (await answer.json()) as { events: { event: string; data: unknown }[] }
  return events.map(({ event, data }) => [event, data])
}

test('one event is published, and its answer printed', async (t) => {
  const { url } = await startDev(t)
  const text = await publish(t, url, ['hello', 'Hi there'])
  assert.equal(await text.exitCode, 0)
  assert.match(text.stdout, /^\{"id":"\d+","delivered":0\}\n$/)
  await publish(t, url, ['hello', '{"done":3}', '--json', '--event', 'progress', '--key', 'a'])
  const again = await publish(t, url, ['hello', '{"done":3}', '--json', '--event', 'progress', '--key', 'a'])
  assert.equal(JSON.parse(again.stdout).duplicate, true)
  const ephemeral = await publish(t, url, ['hello', 'gone', '--ephemeral'])
  assert.deepEqual(JSON.parse(ephemeral.stdout), { id: null, delivered: 0 })
  assert.deepEqual(await history(url, 'hello'), [
    ['message', 'Hi there'],
    ['progress', { done: 3 }],
  ])
})

test('users and everybody are targets, with no channel before the data', async (t) => {
  const { url } = await startDev(t)
  const stream = await fetch(`${url}/v1/events?user=alice`)
  assert.equal(
    JSON.parse((await publish(t, url, ['--user', 'alice', '--user', 'bob', 'Hi'])).stdout).delivered,
    1,
  )
  assert.equal(JSON.parse((await publish(t, url, ['--user', 'bob', 'Hi'])).stdout).delivered, 0)
  assert.equal(JSON.parse((await publish(t, url, ['--all', 'Hi'])).stdout).delivered, 1)
  await stream.body!.cancel()
})

test('lines of standard input are published as they come', async (t) => {
  const { url } = await startDev(t)
  const program = new Program(t, ['publish', 'lines', '--stdin', '--url', url])
  program.type('one\n')
  // Answered while standard input is still open.
  await program.prints(/^\{"id":"\d+","delivered":0\}\n/)
  program.type('two\r\n\nthr')
  program.type('ee')
  program.endInput()
  assert.equal(await program.exitCode, 0)
  assert.equal(program.stdout.split('\n').length, 4)
  assert.deepEqual(await history(url, 'lines'), [
    ['message', 'one'],
    ['message', 'two'],
    ['message', 'three'],
  ])
})

test('without a target, lines are whole requests; a bad one is answered by its problem', async (t) => {
  const { url } = await startDev(t)
  const input = '{"channel":"mixed","data":1}\n{"chanel":"mixed","data":2}\n{"channel":"mixed","data":3}\n'
  const program = await publish(t, url, ['--stdin'], input)
  assert.equal(await program.exitCode, 1)
  const answers = program.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    answers.map(({ code }) => code),
    [undefined, 'publish-invalid', undefined],
  )
  assert.equal(program.stderr, 'fanline: 1 event was not published.\n')
  assert.equal((await history(url, 'mixed')).length, 2)
})

test('a failure is one line that names the problem', async (t) => {
  const { url } = await startDev(t)
  const cases: [string[], number, RegExp][] = [
    [['@all', 'x'], 1, /^fanline: channel-reserved: .*"@all".*\n$/],
    [['hello'], 2, /^fanline: There is no DATA to publish\..*\n$/],
    [['hello', 'x', '--stdin'], 2, /^fanline: DATA and --stdin exclude each other\.\n$/],
    [['hello', '--key', 'x', '--stdin'], 2, /^fanline: --key and --stdin exclude each other.*\n$/],
    [['hello', '{', '--json'], 2, /^fanline: With --json the data must be JSON: .*\n$/],
    [
      ['hello', 'x', '--url', 'localhost:4000'],
      2,
      /^fanline: "localhost:4000" is not the address of a server.*\n$/,
    ],
    [
      ['hello', 'x', '--url', 'http://localhost:1'],
      1,
      /^fanline: Nobody answers at http:\/\/localhost:1 .*\n$/,
    ],
    [['hello', 'x', '--url', `${url}/else`], 1, /^fanline: not-found: .*\n$/],
  ]
  for (const [args, exitCode, message] of cases) {
    const program = await publish(t, url, args)
    assert.match(program.stderr, message)
    assert.equal(await program.exitCode, exitCode, args.join(' '))
  }
})

test('a server that wants a credential is told the token; who has none is told where to put it', async (t) => {
  const server = new Program(t, ['start', '--port', '0'])
  const [, port] = await server.prints(/"port":(\d+)/)
  const program = await publish(t, `http://127.0.0.1:${port}`, ['hello', 'x'])
  assert.match(program.stderr, /^fanline: unauthorized: .* Put a token into the variable FANLINE_TOKEN\.\n$/)
})
