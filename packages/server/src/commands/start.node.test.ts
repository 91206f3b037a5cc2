import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Program } from '../testing/program.ts'

test('start is closed, but for the health of the server', async (t) => {
  const program = new Program(t, ['start', '--port', '0'])
  const [, host, port] = await program.prints(/"host":"([^"]*)","port":(\d+)/)
  assert.equal(host, '127.0.0.1')
  const url = `http://127.0.0.1:${port}`
  for (const path of ['/livez', '/readyz']) assert.equal((await fetch(url + path)).status, 200, path)
  for (const [method, path] of [
    ['GET', '/v1/events/hello'],
    ['POST', '/v1/publish'],
    ['POST', '/v1/publish/hello'],
    ['GET', '/v1/channels/hello/history'],
    ['GET', '/v1/stats'],
    ['GET', '/v1/connections?user=alice'],
    ['DELETE', '/v1/connections/1'],
    ['DELETE', '/v1/users/alice/connections'],
    ['GET', '/v1/system'],
    ['GET', '/metrics'],
  ] as const) {
    const answer = await fetch(url + path, { method })
    assert.equal(answer.status, 401, path)
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    const problem = (await answer.json()) as { code: string; detail: string }
    assert.equal(problem.code, 'unauthorized')
    assert.equal(problem.detail, 'No credentials are configured on this server.')
  }
  for (const [method, path] of [
    ['GET', '/'],
    ['GET', '/assets/demo.css'],
    ['POST', '/demo/task'],
  ] as const) {
    assert.equal((await fetch(url + path, { method })).status, 404, path)
  }
  program.signal('SIGTERM')
  assert.equal(await program.exitCode, 0)
  for (const line of program.stdout.trim().split('\n')) assert.equal(typeof JSON.parse(line).msg, 'string')
})

test('the log knows no query, token or payload', async (t) => {
  const program = new Program(t, ['start', '--port', '0', '--log-level', 'debug'])
  const [, port] = await program.prints(/"port":(\d+)/)
  await fetch(`http://127.0.0.1:${port}/v1/publish/hello?token=secret1`, {
    method: 'POST',
    body: 'secret2',
    headers: { Authorization: 'Bearer secret3' },
  })
  await program.prints(/"path":"\/v1\/publish\/hello","status":401/)
  assert.doesNotMatch(program.stdout, /secret/)
})

test('start takes HOST and PORT from the platform', async (t) => {
  const program = new Program(t, ['start'], { env: { HOST: '::1', PORT: '0' } })
  const [, host] = await program.prints(/"host":"([^"]*)","port":\d+/)
  assert.equal(host, '::1')
})
