import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openStream } from './testing/heard-stream.ts'
import { Program } from './testing/program.ts'
import { API_KEY, type StartedServer, startServer } from './testing/start-server.ts'

const HEADERS = { Authorization: `Bearer ${API_KEY}` }

function newFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-test-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return join(directory, 'history.snapshot')
}

async function publish(server: StartedServer, data: string): Promise<string> {
  const answer = await fetch(`${server.url}/v1/publish/news`, {
    method: 'POST',
    body: data,
    headers: HEADERS,
  })
  return ((await answer.json()) as { id: string }).id
}

/** Comes back with an id, and says what it hears up to the end of what it missed, or `count` events. */
async function heardAfter(t: TestContext, server: StartedServer, id: string, count: number) {
  const stream = await openStream(t, `${server.url}/v1/events/news`, { ...HEADERS, 'Last-Event-ID': id })
  const [, ...heard] = await stream.take(count + 1)
  stream.leave()
  return heard.map(({ event, data }) => (event === 'message' ? data : event))
}

test('clients go on where they were when a server is shut down and started again', async (t) => {
  const file = newFile(t)
  const before = await startServer(t, ['--snapshot', file])
  const first = await publish(before, 'one')
  await publish(before, 'two')
  before.program.signal('SIGTERM')
  assert.equal(await before.program.exitCode, 0)
  assert.equal(statSync(file).mode & 0o777, 0o600)

  const after = await startServer(t, ['--snapshot', file])
  await after.program.prints(/"events":2,"msg":"history goes on from the snapshot"/)
  await publish(after, 'three')
  assert.deepEqual(await heardAfter(t, after, first, 2), ['two', 'three'])

  after.program.signal('SIGKILL')
  await after.program.exitCode
  const crashed = await startServer(t, ['--snapshot', file])
  assert.deepEqual(await heardAfter(t, crashed, first, 1), ['fanline.gap'])
})

test('a snapshot that is damaged ends the start with a line that says what to do', async (t) => {
  const file = newFile(t)
  const before = await startServer(t, ['--snapshot', file])
  await publish(before, 'one')
  before.program.signal('SIGTERM')
  assert.equal(await before.program.exitCode, 0)
  writeFileSync(file, readFileSync(file, 'utf8').replace('"one"', '"0ne"'))
  const program = new Program(t, ['start', '--port', '0', '--snapshot', file])
  assert.equal(await program.exitCode, 1)
  assert.match(
    program.stderr,
    /^fanline: The snapshot \S+ is damaged, or was cut off\. Remove it to begin with no history\.\n$/,
  )
})

for (const workers of ['1', '2']) {
  test(`a server with workers ${workers} that cannot leave its snapshot says so and fails`, async (t) => {
    const file = newFile(t)
    const server = await startServer(t, ['--snapshot', file, '--workers', workers])
    assert.equal(server.program.stdout.match(/history goes on from the snapshot/g)?.length, 1)
    writeFileSync(file, 'somebody else was here\n')
    server.program.signal('SIGTERM')
    assert.equal(await server.program.exitCode, 1)
    assert.match(
      server.program.stderr,
      /^fanline: The log was not closed well: .* is another process's now.*\n$/,
    )
    assert.equal(readFileSync(file, 'utf8'), 'somebody else was here\n')
  })
}

test('a snapshot beside a log that lasts is refused', async (t) => {
  for (const other of ['--data', '--redis']) {
    const place = other === '--data' ? newFile(t) : 'redis://localhost:6379'
    const program = new Program(t, ['start', '--snapshot', newFile(t), other, place])
    assert.equal(await program.exitCode, 2)
    assert.match(
      program.stderr,
      new RegExp(`--snapshot is for a history in memory, and ${other} keeps it elsewhere`),
    )
  }
})
