import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.ts'
import { freePort } from './free-port.ts'
import { RedisServer } from './redis-server.ts'

/** A Redis with TLS until the test is over: its address, and the file with the certificate to trust. */
export async function startTlsRedis(test: TestContext): Promise<{ url: string; certificate: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-tls-'))
  test.after(() => rmSync(directory, { recursive: true, force: true }))
  const [certificate, key] = [join(directory, 'certificate.pem'), join(directory, 'key.pem')]
  writeFileSync(certificate, CERTIFICATE)
  writeFileSync(key, CERTIFICATE_KEY)
  const port = await freePort()
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate]
  const server = await RedisServer.start('none', [
    '--tls-port',
    String(port),
    '--tls-auth-clients',
    'no',
    ...files,
  ])
  test.after(() => server.stop())
  return { url: `rediss://localhost:${port}`, certificate }
}
