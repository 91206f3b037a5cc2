// The verbs with which somebody looks after a running server.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { API_KEY, closedServer, listenerToken } from '../testing/closed-server.ts'
import { eventually } from '../testing/eventually.ts'
import { type OpenStream, openStream } from '../testing/heard-stream.ts'
import { Program } from '../testing/program.ts'

interface Ended {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Server {
  run(...args: string[]): Promise<Ended>
  publish(channel: string, data: unknown): Promise<string>
  publishAll(channel: string, data: readonly unknown[]): Promise<unknown>
  call(method: 'GET' | 'DELETE', path: string): Promise<{ connections: { id: string }[] }>
  /** Resolves when the stream has begun. */
  listen(user: string, channel: string): Promise<OpenStream>
}

async function server(t: TestContext, options: Readonly<Record<string, string>> = {}): Promise<Server> {
  const { port } = await closedServer(t, options)
  const url = `http://127.0.0.1:${port}`
  const headers = { Authorization: `Bearer ${API_KEY}` }
  const publish = async (list: readonly object[]): Promise<readonly { readonly id: string }[]> => {
    const answer = await fetch(`${url}/v1/publish`, { method: 'POST', headers, body: JSON.stringify(list) })
    assert.equal(answer.status, 200)
    return (await answer.json()) as { id: string }[]
  }
  return {
    async run(...args) {
      const program = new Program(t, args, {
        env: { FANLINE_URL: url, FANLINE_TOKEN: API_KEY, NO_COLOR: '1' },
      })
      return { exitCode: await program.exitCode, stdout: program.stdout, stderr: program.stderr }
    },
    publish: async (channel, data) => (await publish([{ channel, data }]))[0]!.id,
    publishAll: (channel, all) => publish(all.map((data) => ({ channel, data }))),
    async call(method, path) {
      return (await fetch(`${url}${path}`, { method, headers })).json() as ReturnType<Server['call']>
    },
    async listen(user, channel) {
      const token = await listenerToken({ sub: user, fanline: { subscribe: ['**'] } })
      const stream = await openStream(t, `${url}/v1/events/${channel}`, { Authorization: `Bearer ${token}` })
      await stream.next()
      return stream
    },
  }
}

test('status says how a server is, in lines or as JSON', async (t) => {
  const { run, listen, publish } = await server(t)
  await listen('alice', 'orders')
  await publish('orders', 'paid')
  const { exitCode, stdout } = await run('status')
  assert.equal(exitCode, 0)
  assert.match(stdout, /^server +http:\/\/127\.0\.0\.1:\d+, fanline \d/)
  assert.match(stdout, /^state +ready$/m)
  assert.match(stdout, /^connections +1 open, of 1 users; 0 behind$/m)
  assert.match(stdout, /^events +1 published, 1 delivered, 0 gaps$/m)
  const { ready, stats, system } = JSON.parse((await run('status', '--json')).stdout)
  assert.deepEqual([ready.status, stats.connections, typeof system.pid], ['ready', 1, 'number'])
})

test('status ends with 1 when a server is not ready, is none of ours, or does not answer', async (t) => {
  const answers: [status: number, body: object, said: RegExp][] = [
    [503, { status: 'draining', checks: { log: 'open' } }, /^fanline: The server is draining\.$/m],
    [200, { ok: true }, /is no server of fanline/],
  ]
  const { port } = await closedServer(t)
  for (const [status, body, said] of answers) {
    const stranger = createServer(async (req, res) => {
      if (req.url === '/readyz') return res.writeHead(status).end(JSON.stringify(body))
      const answer = await fetch(`http://127.0.0.1:${port}${req.url}`, {
        headers: { Authorization: `Bearer ${API_KEY}` },
      })
      return res.end(await answer.text())
    }).listen(0, '127.0.0.1')
    await once(stranger, 'listening')
    t.after(() => stranger.close())
    const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`
    const program = new Program(t, ['status', '--url', url])
    assert.equal(await program.exitCode, 1)
    assert.match(program.stderr, said)
    stranger.closeAllConnections()
  }
  const nobody = new Program(t, ['status', '--url', 'http://localhost:1'])
  assert.equal(await nobody.exitCode, 1)
})

test('top prints what happens in a second, in lines or as JSON', async (t) => {
  const { run, listen, publishAll } = await server(t)
  await listen('alice', 'orders')
  const lines = run('top', '--count', '2')
  const objects = run('top', '--count', '2', '--json')
  const stop = new AbortController()
  const publishing = publishUntil(stop.signal, () => publishAll('orders', [1, 2, 3]))
  const [head, first] = (await lines).stdout.split('\n')
  assert.match(head!, /^ +TIME +STREAMS +BEHIND +PUBLISH\/s +DELIVER\/s /)
  assert.match(first!, /^\d\d:\d\d:\d\d +1 +0 +[1-9]/)
  const moments = (await objects).stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  stop.abort()
  await publishing
  assert.equal(moments.length, 2)
  for (const { connections, publishesPerSecond, deliveriesPerSecond } of moments) {
    assert.equal(connections, 1)
    assert.ok(publishesPerSecond > 0 && deliveriesPerSecond > 0)
  }
  assert.equal((await run('top', '--interval', '0s')).exitCode, 2)
  assert.equal((await run('top', '--count', 'many')).exitCode, 2)
})

async function publishUntil(over: AbortSignal, publish: () => Promise<unknown>): Promise<void> {
  while (!over.aborted) {
    await publish()
    await delay(20)
  }
}

test('connections lists who is there, all or some', async (t) => {
  const { run, listen } = await server(t)
  await listen('alice', 'orders')
  await listen('bob', 'news')
  const all = (await run('connections')).stdout.trimEnd().split('\n')
  assert.match(all[0]!, /^ID +USER +STATE +FOR +CURSOR +WAITING +CHANNELS$/)
  assert.match(all[1]!, /^[\w-]{36} {2}alice +live .* orders$/)
  assert.match(all[2]!, /^[\w-]{36} {2}bob +live .* news$/)
  const one = (await run('connections', '--channel', 'news', '--json')).stdout.trimEnd().split('\n')
  assert.deepEqual(
    one.map((line) => JSON.parse(line).user),
    ['bob'],
  )
  assert.equal((await run('connections', '--user', 'carol')).stdout, '')
})

test('kick ends one stream, or those of a user', async (t) => {
  const { run, listen } = await server(t)
  const [alice, bob, bobAgain] = await Promise.all(
    ['alice', 'bob', 'bob'].map((user) => listen(user, 'orders')),
  )
  const { id } = JSON.parse((await run('connections', '--user', 'alice', '--json')).stdout)
  assert.deepEqual(await run('kick', id), { exitCode: 0, stdout: 'ended: 1\n', stderr: '' })
  await alice!.until(/"reason":"kicked"/)
  assert.equal((await run('kick', '--user', 'bob', '--json')).stdout, '{"closed":2}\n')
  await Promise.all([bob!.until(/"reason":"kicked"/), bobAgain!.until(/"reason":"kicked"/)])
  const gone = await run('kick', id)
  assert.equal(gone.exitCode, 1)
  assert.match(gone.stderr, /^fanline: connection-not-found: /)
  assert.equal((await run('kick')).exitCode, 2)
  assert.equal((await run('kick', id, '--user', 'bob')).exitCode, 2)
})

test('history prints what the log has, page by page, and says what it has not', async (t) => {
  const { run, publish, publishAll } = await server(t, { 'history.maxEvents': '1500' })
  const ids: string[] = []
  for (let n = 0; n < 3; n++) ids.push(await publish('orders', n === 0 ? 'two\nlines \u001b[2J' : { n }))
  const all = await run('history', 'orders')
  assert.equal(all.exitCode, 0)
  const at = /^\S+Z /gm
  assert.equal(
    all.stdout.replace(at, ''),
    `${ids[0]} two\n  lines \\u001b[2J\n${ids[1]} {"n":1}\n${ids[2]} {"n":2}\n`,
  )
  const some = await run('history', 'orders', '--after', ids[0]!, '--limit', '1', '--json')
  assert.deepEqual(JSON.parse(some.stdout).data, { n: 1 })
  assert.equal(some.stderr, `fanline: there are more: --after ${ids[1]}\n`)
  assert.equal((await run('history', 'orders', '--limit', '0')).exitCode, 2)

  await publishAll(
    'orders',
    Array.from({ length: 1597 }, (_, i) => i + 3),
  )
  const trimmed = await run('history', 'orders', '--json')
  const heard = trimmed.stdout.trimEnd().split('\n')
  assert.ok(heard.length > 1000 && heard.length <= 1500, `${heard.length}`)
  assert.equal(JSON.parse(heard.at(-1)!).data, 1599)
  assert.equal(trimmed.stderr, 'fanline: some events before these are gone.\n')
})

test('bench opens streams, publishes to them and says how long that took, with a chart or as JSON', async (t) => {
  const { run } = await server(t)
  const few = ['--streams', '5', '--rate', '20', '--duration', '1s']
  const { exitCode, stdout } = await run('bench', ...few)
  assert.equal(exitCode, 0)
  assert.match(stdout, /^streams +5, opened in \d+ ms\npublished +20\ndelivered +100 of 100\nlag +half in \d/)
  assert.match(stdout, /^ {2}< +\d+ ms +[\d.]+ % █/m)
  const report = JSON.parse((await run('bench', ...few, '--json')).stdout)
  const { published, expected, delivered, lagMs, lags } = report
  assert.deepEqual([published, expected, delivered], [20, 100, 100])
  assert.ok(lagMs.p50 > 0 && lagMs.p50 <= lagMs.p90 && lagMs.p90 <= lagMs.p99 && lagMs.p99 <= lagMs.max)
  assert.equal(
    lags.reduce((sum: number, { count }: { count: number }) => sum + count, 0),
    100,
  )
})

test('bench ends with 1 when something did not arrive, and with 2 for what is too much', async (t) => {
  const { run } = await server(t, { 'limits.connections': '3' })
  const tooMany = await run('bench', '--streams', '4', '--duration', '1s')
  assert.equal(tooMany.exitCode, 1)
  assert.match(tooMany.stderr, /^fanline: too-many-connections: /)
  const { run: runFirst, kickAll } = await losing(t)
  const lost = runFirst('bench', '--streams', '2', '--duration', '2s')
  await kickAll(2)
  const { exitCode, stdout, stderr } = await lost
  assert.equal(exitCode, 1)
  assert.match(stdout, /2 of them lost/)
  assert.match(stderr, /deliveries did not come\.\n$/)
  for (const flags of [
    ['--streams', '10001'],
    ['--rate', '0'],
    ['--duration', '2h'],
  ]) {
    assert.equal((await run('bench', ...flags)).exitCode, 2)
  }
})

/** A server that ends its streams as soon as there are so many. */
async function losing(
  t: TestContext,
): Promise<Pick<Server, 'run'> & { kickAll(count: number): Promise<void> }> {
  const { run, call } = await server(t)
  const open = async (): Promise<readonly { readonly id: string }[]> =>
    (await call('GET', '/v1/connections')).connections
  return {
    run,
    async kickAll(count) {
      await eventually(async () => (await open()).length >= count, `${count} streams`)
      for (const { id } of await open()) await call('DELETE', `/v1/connections/${id}`)
    },
  }
}
