import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Program } from '../testing/program.ts'
import { rawRequest } from '../testing/raw-request.ts'

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

const CREDENTIALS = {
  FANLINE_JWT_SECRET: 'a secret of the tests, long enough to be taken',
  FANLINE_API_KEY: 'a-key-of-the-tests-long-enough-to-be-taken',
}

test('a secret and a key are the shortest safe start', async (t) => {
  const mint = new Program(t, ['token', 'mint', '--user', '42', '--subscribe', 'orders.*'], {
    env: CREDENTIALS,
  })
  assert.equal(await mint.exitCode, 0)
  const listener = { Authorization: `Bearer ${mint.stdout.trim()}` }
  const publisher = { Authorization: `Bearer ${CREDENTIALS.FANLINE_API_KEY}` }
  const program = new Program(t, ['start', '--port', '0', '--log-level', 'debug'], { env: CREDENTIALS })
  const [, port] = await program.prints(/"port":(\d+)/)
  const url = `http://127.0.0.1:${port}`

  const stream = await fetch(`${url}/v1/events/orders.eu`, { headers: listener })
  assert.equal(stream.status, 200)
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
  await readUntil(reader, /fanline\.hello.*"user":"42"/s)
  const published = await fetch(`${url}/v1/publish`, {
    method: 'POST',
    headers: publisher,
    body: JSON.stringify({ user: '42', data: 'for you' }),
  })
  assert.equal(((await published.json()) as { delivered: number }).delivered, 1)
  await readUntil(reader, /data: for you/)

  for (const [method, path, headers, status, code] of [
    ['POST', '/v1/publish/orders.eu', listener, 403, 'forbidden'],
    ['GET', '/v1/events/orders.eu.1', listener, 403, 'channel-forbidden'],
    ['GET', '/v1/channels/secrets/history', listener, 403, 'channel-forbidden'],
    ['GET', '/v1/connections', listener, 403, 'forbidden'],
    ['GET', '/v1/connections', {}, 401, 'unauthorized'],
    ['GET', '/metrics', { Authorization: 'Bearer nonsense' }, 401, 'token-invalid'],
  ] as const) {
    const answer = await fetch(url + path, { method, headers })
    assert.equal(answer.status, status, path)
    assert.equal(((await answer.json()) as { code: string }).code, code, path)
  }
  assert.equal((await fetch(`${url}/metrics`, { headers: publisher })).status, 200)

  program.signal('SIGTERM')
  assert.equal(await program.exitCode, 0)
  for (const secret of [...Object.values(CREDENTIALS), mint.stdout.trim()])
    assert.ok(!program.stdout.includes(secret))
})

test('a stream ends with its token, and says so', async (t) => {
  const program = new Program(t, ['start', '--port', '0'], { env: CREDENTIALS })
  const [, port] = await program.prints(/"port":(\d+)/)
  // The server first: a token should not grow old while a process starts.
  const mint = new Program(t, ['token', 'mint', '--subscribe', 'a', '--expires', '6s'], { env: CREDENTIALS })
  assert.equal(await mint.exitCode, 0)
  const stream = await fetch(`http://127.0.0.1:${port}/v1/events/a`, {
    headers: { Authorization: `Bearer ${mint.stdout.trim()}` },
  })
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
  await readUntil(reader, /event: fanline\.expiring.*event: fanline\.bye\ndata: \{"reason":"expired"/s)
  assert.equal((await reader.read()).done, true)
})

test('start refuses what could not be safe', async (t) => {
  const open = new Program(t, ['start', '--port', '0', '--host', '0.0.0.0'])
  assert.equal(await open.exitCode, 2)
  assert.match(open.stderr, /Set FANLINE_JWT_SECRET .* and FANLINE_API_KEY/)
  const short = new Program(t, ['start', '--port', '0'], { env: { FANLINE_JWT_SECRET: 'guess-me' } })
  assert.equal(await short.exitCode, 2)
  assert.match(short.stderr, /FANLINE_JWT_SECRET .* must be a text of at least 32 characters/)
  assert.doesNotMatch(short.stderr, /guess-me/)
})

test('start refuses admin routes that could not be safe, and answers for no foreign name', async (t) => {
  const open = new Program(t, ['start', '--port', '0', '--admin-port', '0', '--admin-host', '0.0.0.0'])
  assert.equal(await open.exitCode, 2)
  assert.match(open.stderr, /Nobody could use a server on 0\.0\.0\.0 without credentials/)

  const program = new Program(t, ['start', '--port', '0', '--http-hosts', 'app.example'], {
    env: { ...CREDENTIALS, FANLINE_ADMIN_PORT: '0', FANLINE_JWT_TOKEN_IN_QUERY: 'true' },
  })
  const [, port, adminPort] = await program.prints(
    /"host":"127\.0\.0\.1","port":(\d+),"adminHost":"127\.0\.0\.1","adminPort":(\d+)/,
  )
  for (const at of [port, adminPort]) {
    for (const [host, status] of [
      ['app.example', 200],
      ['evil.example', 421],
    ] as const) {
      const answer = await rawRequest(
        Number(at),
        `GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      )
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
    }
  }
  const headers = { Authorization: `Bearer ${CREDENTIALS.FANLINE_API_KEY}` }
  assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).status, 404)
  assert.equal((await fetch(`http://127.0.0.1:${adminPort}/metrics`, { headers })).status, 200)
  await program.prints(/"level":"warn",.*jwt\.tokenInQuery is on/)
})

test('token mint says what it needs', async (t) => {
  const nothing = new Program(t, ['token', 'mint'])
  assert.equal(await nothing.exitCode, 2)
  assert.match(nothing.stderr, /Set FANLINE_JWT_SECRET/)
  for (const flags of [
    ['--subscribe', 'a*'],
    ['--expires', 'tomorrow'],
  ]) {
    const wrong = new Program(t, ['token', 'mint', ...flags], { env: CREDENTIALS })
    assert.equal(await wrong.exitCode, 2, flags[0])
  }
})

async function readUntil(reader: ReadableStreamDefaultReader<string>, pattern: RegExp): Promise<void> {
  let text = ''
  while (!pattern.test(text)) {
    const { done, value } = await reader.read()
    assert.ok(!done, `the stream ended after ${text}`)
    text += value
  }
}
