import { type TestContext, test } from 'node:test'
import { eventually } from './testing/eventually.ts'
import { RedisSentinels, RedisServer, startTlsRedis } from './testing/redis-server.ts'
import { startServer } from './testing/start-server.ts'

/** Starts the program, and waits until its log is open. */
async function mustBeReady(t: TestContext, flags: readonly string[]): Promise<void> {
  const { url } = await startServer(t, [...flags])
  await eventually(async () => (await fetch(`${url}/readyz`)).ok, 'it is ready')
}

test('--redis rediss:// with --redis-ca trusts who is signed there', async (t) => {
  const { url, certificate } = await startTlsRedis(t)
  await mustBeReady(t, ['--redis', url, '--redis-ca', certificate])
})

test('--redis redis+sentinel:// finds the master', async (t) => {
  const redis = await RedisServer.start('none', ['--requirepass', 'secret'])
  t.after(() => redis.stop())
  const sentinels = await RedisSentinels.start(redis.port)
  t.after(() => sentinels.stop())
  const hosts = sentinels.addresses.map(({ host, port }) => `${host}:${port}`).join(',')
  await mustBeReady(t, ['--redis', `redis+sentinel://:secret@${hosts}/main`])
})
