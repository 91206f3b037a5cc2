import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { eventually } from './testing/eventually.ts'
import { type HeardStream, openStream } from './testing/heard-stream.ts'
import { RedisServer } from './testing/redis-server.ts'
import { API_KEY, mintToken, type StartedServer, startServer } from './testing/start-server.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into an answer and fails where it is something else
type Json = any

async function startRedis(t: TestContext): Promise<RedisServer> {
  const redis = await RedisServer.start()
  t.after(() => redis.stop())
  return redis
}

async function twoServers(t: TestContext): Promise<[StartedServer, StartedServer]> {
  const redis = await startRedis(t)
  const start = (name: string) =>
    startServer(t, ['--redis', redis.url, '--node-name', name, '--preset', 'starter'])
  return Promise.all([start('a'), start('b')])
}

async function ask({ url }: StartedServer, method: string, path: string, body?: object): Promise<Json> {
  const response = await fetch(url + path, {
    method,
    headers: { Authorization: `Bearer ${API_KEY}` },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await response.text()
  return path === '/metrics' ? text : JSON.parse(text)
}

async function listen(t: TestContext, { url }: StartedServer, user: string): Promise<HeardStream> {
  const token = await mintToken({ sub: user, fanline: { subscribe: ['news'] } })
  const stream = await openStream(t, `${url}/v1/events/news`, { Authorization: `Bearer ${token}` })
  await stream.next()
  return stream
}

const delivered = async (server: StartedServer): Promise<number> =>
  (await ask(server, 'POST', '/v1/publish', { channel: 'news', data: 1 })).delivered

describe('servers that share a Redis', { concurrency: true }, () => {
  it('a server that was killed is gone with all its streams, and until then it is named as silent', async (t) => {
    const [a, b] = await twoServers(t)
    await listen(t, a, 'u')
    for (let n = 0; n < 5; n++) await listen(t, b, 'u')
    await eventually(async () => (await delivered(a)) === 6, 'all streams count')
    assert.match(await ask(a, 'GET', '/metrics'), /^fanline_nodes 2$/m)
    assert.equal((await ask(b, 'GET', '/v1/stats')).connections, 6)
    assert.deepEqual((await ask(a, 'GET', '/api/sse/stats')).data, {
      total_clients: 6,
      user_clients: { u: 6 },
    })

    b.program.signal('SIGKILL')
    const stats = await ask(a, 'GET', '/v1/stats')
    assert.deepEqual([stats.connections, stats.silent], [1, ['b']])
    await eventually(async () => (await delivered(a)) === 1, 'its streams are gone')
    const after = await ask(a, 'GET', '/v1/stats')
    assert.deepEqual([after.connections, after.nodes.length, after.silent], [1, 1, []])
    await eventually(async () => /^fanline_nodes 1$/m.test(await ask(a, 'GET', '/metrics')), 'one server')
  })

  it('a server that stood still is back when it goes on, and one that stops has left before it ends', async (t) => {
    const [a, b] = await twoServers(t)
    await listen(t, b, 'u')
    await eventually(async () => (await delivered(a)) === 1, 'the stream')
    b.program.signal('SIGSTOP')
    t.after(() => b.program.signal('SIGCONT'))
    assert.deepEqual((await ask(a, 'GET', '/v1/connections')).silent, ['b'])
    await eventually(async () => (await delivered(a)) === 0, 'nobody waits for it any more')
    b.program.signal('SIGCONT')
    await eventually(async () => (await delivered(a)) === 1, 'its stream counts again')
    b.program.signal('SIGTERM')
    assert.equal(await b.program.exitCode, 0)
    const { nodes, silent } = await ask(a, 'GET', '/v1/stats')
    assert.deepEqual([nodes.length, silent], [1, []])
  })

  it('workers of a server have its name, and a number each', async (t) => {
    const redis = await startRedis(t)
    const a = await startServer(t, ['--redis', redis.url, '--node-name', 'a', '--workers', '2'])
    const names = async (): Promise<string[]> => {
      const { nodes } = await ask(a, 'GET', '/v1/stats')
      return nodes.map(({ node }: Json) => node).sort()
    }
    await eventually(async () => (await names()).length === 2, 'two nodes')
    assert.deepEqual(await names(), ['a:1', 'a:2'])
  })
})
