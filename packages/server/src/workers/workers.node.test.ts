import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../testing/eventually.ts'
import { freePort } from '../testing/free-port.ts'
import { type HeardStream, openStream } from '../testing/heard-stream.ts'
import { Program } from '../testing/program.ts'
import { API_KEY, mintToken, type StartedServer, startServer } from '../testing/start-server.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into an answer and fails where it is something else
type Json = any

const ADMIN = { Authorization: `Bearer ${API_KEY}` }

/** Asks on a connection of its own, so that any worker may answer. */
async function ask({ url }: StartedServer, method: string, path: string, body?: object): Promise<Json> {
  const response = await fetch(url + path, {
    method,
    headers: { ...ADMIN, Connection: 'close' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await response.text()
  return path === '/metrics' ? text : JSON.parse(text)
}

async function bearer(user: string): Promise<Record<string, string>> {
  const token = await mintToken({ sub: user, fanline: { subscribe: ['news'] } })
  return { Authorization: `Bearer ${token}` }
}

/** So many streams of one user: node:cluster deals them out in turn. */
async function listen(
  t: TestContext,
  { url }: StartedServer,
  user: string,
  count: number,
): Promise<HeardStream[]> {
  const headers = await bearer(user)
  const streams: HeardStream[] = []
  for (let n = 0; n < count; n++) {
    const stream = await openStream(t, `${url}/v1/events/news`, headers)
    await stream.next()
    streams.push(stream)
  }
  return streams
}

/** The workers' own process ids, by their number. */
async function workersOf(server: StartedServer): Promise<Map<string, number>> {
  const { connections } = await ask(server, 'GET', '/v1/connections')
  return new Map(connections.map(({ node }: { node: string }) => [node, Number(node.split(':').at(-1))]))
}

/** Resolves when the pattern was printed so many times. */
function prints({ program }: StartedServer, pattern: RegExp, times: number): Promise<unknown> {
  return program.prints(new RegExp(`(?:${pattern.source}[^]*){${times}}`))
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

/** The exit code of a program that has nothing to wait for. */
function endsSoon({ exitCode }: Program): Promise<unknown> {
  return Promise.race([exitCode, delay(30_000, 'still running', { ref: false })])
}

describe('a server of four workers', () => {
  it('is one: for sends, figures, presence, limits, tickets, kicks and metrics', async (t) => {
    const server = await startServer(t, [
      ...['--workers', '4', '--limits-connections-per-user', '8'],
      ...['--limits-publishes-per-second-per-user', '1', '--node-name', 'one'],
    ])
    const streams = await listen(t, server, 'u', 8)
    const names = [...(await workersOf(server)).keys()].sort()
    assert.deepEqual(names, ['one:1', 'one:2', 'one:3', 'one:4'], 'every worker has streams')

    for (let n = 0; n < 5; n++) {
      const { delivered } = await ask(server, 'POST', '/v1/publish', { user: 'u', data: n })
      assert.equal(delivered, 8)
    }
    for (const stream of streams) {
      for (let n = 0; n < 5; n++) assert.equal((await stream.next()).data, String(n))
    }

    const { connections, users, published, nodes, silent } = await ask(server, 'GET', '/v1/stats')
    assert.deepEqual([connections, users, published, nodes.length, silent], [8, 4, 5, 4, []])
    const presence = await ask(server, 'GET', '/v1/users/u')
    assert.deepEqual([presence.online, presence.connections, presence.nodes.length], [true, 8, 4])
    const metrics: string = await ask(server, 'GET', '/metrics')
    const open = [...metrics.matchAll(/^fanline_connections\{worker="(\d)"\} (\d+)$/gm)]
    assert.deepEqual(
      open.map(([, worker, count]) => [worker, count]).sort(),
      ['1', '2', '3', '4'].map((worker) => [worker, '2']),
    )
    assert.equal(metrics.match(/^# TYPE fanline_delivery_seconds histogram$/gm)?.length, 1)
    assert.match(metrics, /^fanline_delivery_seconds_bucket\{le="\+Inf",worker="3"\} [1-9]/m)

    const headers = await bearer('u')
    for (let n = 0; n < 4; n++) {
      const refused = await fetch(`${server.url}/v1/events/news`, {
        headers: { ...headers, Connection: 'close', Accept: 'application/problem+json, text/event-stream' },
      })
      assert.equal(refused.status, 429, 'the limit of a user is one of all workers')
      await refused.body?.cancel()
    }

    const forTicket = { method: 'POST', headers: await bearer('v'), body: '{"channels":["news"]}' }
    const { ticket } = (await (await fetch(`${server.url}/v1/tickets`, forTicket)).json()) as {
      ticket: string
    }
    for (let n = 0; n < 4; n++) {
      const stream = await openStream(t, `${server.url}/v1/events/news?ticket=${ticket}`)
      assert.equal(JSON.parse((await stream.next()).data).user, 'v', 'any worker takes the ticket')
    }

    const token = await mintToken({ sub: 'p', fanline: { publish: ['other'] } })
    const publishing = { Authorization: `Bearer ${token}`, Connection: 'close' }
    const statuses: number[] = []
    const began = performance.now()
    for (let n = 0; n < 8; n++) {
      const url = `${server.url}/v1/publish/other`
      statuses.push((await fetch(url, { method: 'POST', headers: publishing, body: 'x' })).status)
    }
    const refilled = Math.ceil((performance.now() - began) / 1000)
    const taken = statuses.filter((status) => status === 200).length
    assert.ok(taken <= 1 + refilled, `${taken} were published where one a second may be: ${statuses}`)

    assert.deepEqual(await ask(server, 'DELETE', '/v1/users/u/connections'), { closed: 8, silent: [] })
    for (const stream of streams) assert.equal((await stream.next()).event, 'fanline.bye')
  })

  it('replaces a worker that died, whose streams go on elsewhere without a gap', async (t) => {
    const server = await startServer(t, ['--workers', '2'])
    const streams = await listen(t, server, 'u', 2)
    const { id } = await ask(server, 'POST', '/v1/publish', { channel: 'news', data: 'before' })
    for (const stream of streams) assert.equal((await stream.next()).data, 'before')
    process.kill([...(await workersOf(server)).values()][0]!, 'SIGKILL')
    await Promise.race(streams.map(({ over }) => over))
    await ask(server, 'POST', '/v1/publish', { channel: 'news', data: 'meanwhile' })
    const again = await openStream(t, `${server.url}/v1/events/news`, {
      ...(await bearer('u')),
      'Last-Event-ID': id,
    })
    assert.equal((await again.next()).event, 'fanline.hello')
    assert.equal((await again.next()).data, 'meanwhile')
    await server.program.prints(/another worker took its place/)
    await eventually(async () => (await ask(server, 'GET', '/v1/stats')).nodes.length === 2, 'two workers')

    server.program.signal('SIGTERM')
    await again.over
    assert.deepEqual(JSON.parse(again.events.at(-1)!.data), { reason: 'drain', reconnect: true })
    assert.equal(await server.program.exitCode, 0, server.program.stderr + server.program.stdout)
  })

  it('keeps its places: of workers that are told to end, or cannot start; and ends as soon as they have', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'fanline-workers-'))
    t.after(() => rmSync(directory, { recursive: true }))
    const node = join(directory, 'node')
    copyFileSync(process.execPath, node)
    const flags = ['--workers', '2', '--shutdown-drain-ms', '60000', '--data', join(directory, 'data')]
    const server = await startServer(t, flags, {}, node)
    const streams = await listen(t, server, 'u', 2)
    const [first, second] = (await workersOf(server)).values()

    process.kill(first!, 'SIGTERM')
    const left = await Promise.race(streams.map((stream) => stream.over.then(() => stream)))
    assert.deepEqual(JSON.parse(left.events.at(-1)!.data), { reason: 'drain', reconnect: true })
    await prints(server, /another worker took its place/, 1)
    assert.doesNotMatch(server.program.stdout, /a worker died/)

    renameSync(node, `${node}.old`)
    process.kill(second!, 'SIGKILL')
    await server.program.prints(/cannot be started: .*ENOENT.*a worker could not take its place/)
    renameSync(`${node}.old`, node)
    await prints(server, /another worker took its place/, 2)

    await listen(t, server, 'u', 2)
    server.program.signal('SIGTERM')
    assert.equal(await endsSoon(server.program), 0)
    assert.equal(server.program.stdout.match(/"msg":"the log is open"/g)?.length, 1)
    assert.equal(server.program.stdout.match(/"msg":"stopped"/g)?.length, 4)
  })

  it('replaces a worker that dies before the others have started, and ends one that has not', async (t) => {
    const port = await freePort()
    const env = { FANLINE_API_KEY: API_KEY }
    const flags = ['--workers', '2', '--port', `${port}`, '--shutdown-drain-ms', '60000']
    const program = new Program(t, ['start', ...flags], { env })
    await eventually(() => childrenOf(program.pid).length === 2, 'two workers')
    const [slow, quick] = childrenOf(program.pid)
    process.kill(slow!, 'SIGSTOP')
    const answers = async (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${port}/livez`).then(
        ({ ok }) => ok,
        () => false,
      )
    await eventually(answers, 'the quick one answers')
    process.kill(quick!, 'SIGKILL')
    await program.prints(/a worker died/)
    process.kill(slow!, 'SIGCONT')
    await program.prints(/another worker took its place/)
    await program.prints(/"listening"/)

    const known = childrenOf(program.pid)
    process.kill(slow!, 'SIGTERM')
    const isNew = (pid: number): boolean => !known.includes(pid)
    await eventually(() => childrenOf(program.pid).some(isNew), 'another begins to start')
    program.signal('SIGTERM')
    assert.equal(await endsSoon(program), 0)
  })

  it('answers on another worker what was asked of one that dies before it takes it', async (t) => {
    const server = await startServer(t, ['--workers', '2'])
    await listen(t, server, 'u', 2)
    const [stuck] = (await workersOf(server)).values()
    process.kill(stuck!, 'SIGSTOP')
    const publish = (): Promise<Json> =>
      ask(server, 'POST', '/v1/publish', { channel: 'other', data: 'asked' })
    const answers = [publish(), publish()]
    await Promise.race(answers)
    process.kill(stuck!, 'SIGKILL')
    for (const { id } of await Promise.all(answers)) assert.match(id, /^\d+$/)

    await server.program.prints(/another worker took its place/)
    const all = childrenOf(server.program.pid)
    for (const pid of all) process.kill(pid, 'SIGSTOP')
    const refused = [publish(), publish(), publish()].map((answer) => assert.rejects(answer))
    await delay(100)
    for (const pid of all) process.kill(pid, 'SIGKILL')
    await Promise.all(refused)
    await prints(server, /another worker took its place/, 3)
  })

  it('says once why it cannot start', async (t) => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    t.after(() => other.close())
    const { port } = other.address() as { port: number }
    const env = { FANLINE_API_KEY: API_KEY }
    const program = new Program(t, ['start', '--workers', '3', '--port', `${port}`], { env })
    assert.equal(await program.exitCode, 1)
    const said = `fanline: Port ${port} on 127.0.0.1 is in use. Take another with --port, such as --port ${port + 1}.\n`
    assert.deepEqual([program.stderr, program.stdout], [said, ''])
  })

  it('is not for development', async (t) => {
    const program = new Program(t, ['dev', '--workers', '2'])
    assert.equal(await program.exitCode, 2)
    assert.match(program.stderr, /--workers is for `fanline start`/)
  })
})
