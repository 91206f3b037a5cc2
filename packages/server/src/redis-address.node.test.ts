import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { eventually } from './testing/eventually.ts'
import { freePort } from './testing/free-port.ts'
import { CERTIFICATE, CERTIFICATE_KEY, RedisSentinels, RedisServer } from './testing/redis-server.ts'
import { startServer } from './testing/start-server.ts'

/** Starts the program, and waits until its log is open. */
async function mustBeReady(t: TestContext, flags: readonly string[]): Promise<void> {
  const { url } = await startServer(t, [...flags])
  await eventually(async () => (await fetch(`${url}/readyz`)).ok, 'it is ready')
}

test('--redis rediss:// with --redis-ca trusts who is signed there', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-tls-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const [certificate, key] = [join(directory, 'certificate.pem'), join(directory, 'key.pem')]
  writeFileSync(certificate, CERTIFICATE)
  writeFileSync(key, CERTIFICATE_KEY)
  const port = await freePort()
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate]
  const redis = await RedisServer.start('none', [
    '--tls-port',
    `${port}`,
    '--tls-auth-clients',
    'no',
    ...files,
  ])
  t.after(() => redis.stop())
  await mustBeReady(t, ['--redis', `rediss://localhost:${port}`, '--redis-ca', certificate])
})

test('--redis redis+sentinel:// finds the master', async (t) => {
  const redis = await RedisServer.start('none', ['--requirepass', 'secret'])
  t.after(() => redis.stop())
  const sentinels = await RedisSentinels.start(redis.port)
  t.after(() => sentinels.stop())
  const hosts = sentinels.addresses.map(({ host, port }) => `${host}:${port}`).join(',')
  await mustBeReady(t, ['--redis', `redis+sentinel://:secret@${hosts}/main`])
})
