import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { certificatePaths } from '../testing/certificate.ts'
import { freePort } from '../testing/free-port.ts'
import { Program } from '../testing/program.ts'

const CREDENTIALS = { FANLINE_API_KEY: 'a-key-of-the-tests-long-enough-to-be-taken' }

async function check(
  t: TestContext,
  env: Readonly<Record<string, string>>,
  ...flags: string[]
): Promise<{ exitCode: number | null; stderr: string }> {
  const program = new Program(t, ['healthcheck', ...flags], { env: { ...CREDENTIALS, ...env } })
  return { exitCode: await program.exitCode, stderr: program.stderr }
}

test('healthcheck finds the server that has the same variables, also with TLS and on all addresses', async (t) => {
  const { cert, key } = certificatePaths(t)
  const plain = { HOST: '0.0.0.0', PORT: String(await freePort()), FANLINE_HTTP_HOSTS: 'app.example' }
  const secure = { FANLINE_PORT: String(await freePort()), FANLINE_TLS_CERT: cert, FANLINE_TLS_KEY: key }
  await Promise.all(
    [plain, secure].map(async (env) => {
      await new Program(t, ['start'], { env: { ...CREDENTIALS, ...env } }).prints(/"listening"/)
      const both = await Promise.all([check(t, env), check(t, env, '--ready')])
      assert.deepEqual(both, Array(2).fill({ exitCode: 0, stderr: '' }))
    }),
  )
})

test('healthcheck fails when nobody is there, and when new clients are not welcome', async (t) => {
  const nobody = await check(t, { FANLINE_PORT: String(await freePort()) })
  assert.equal(nobody.exitCode, 1)
  assert.match(nobody.stderr, /^fanline: \/livez of http:\/\/127\.0\.0\.1:\d+ did not answer: .*ECONNREFUSED/)

  const draining = createServer(({ url }, answer) => answer.writeHead(url === '/livez' ? 200 : 503).end())
  await once(draining.listen(0, '127.0.0.1'), 'listening')
  t.after(() => draining.close())
  const env = { FANLINE_PORT: String((draining.address() as AddressInfo).port) }
  assert.equal((await check(t, env)).exitCode, 0)
  const notReady = await check(t, env, '--ready')
  assert.equal(notReady.exitCode, 1)
  assert.match(notReady.stderr, /^fanline: \/readyz of .* answered 503/)
})
