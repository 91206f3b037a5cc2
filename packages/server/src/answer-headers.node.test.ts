// What stands above every answer, whatever its status: no cache keeps it, and no browser guesses what it is.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { test } from 'node:test'
import { NATIVE_ROUTES } from '@fanline/hub/routes'
import { APP_ROUTES } from './app.ts'
import { API_PAGES } from './openapi/api-pages.ts'
import { API_KEY, closedServer, listenerToken } from './testing/closed-server.ts'
import { composed } from './testing/composed.ts'
import { rawRequest, tricklingRequest } from './testing/raw-request.ts'

const PATHS = [...new Set([...NATIVE_ROUTES, ...APP_ROUTES].map(({ path }) => path))]
const PAGES: ReadonlySet<string> = new Set(API_PAGES.map(({ path }) => path))

test('no cache may keep an answer, and no browser guesses its type: every path, method and status', async (t) => {
  const { port } = await closedServer(t, { preset: 'session,starter', 'jwt.cookie': 'session' })
  const credentials = {
    nobody: {},
    'somebody else': { Authorization: 'Bearer nonsense' },
    alice: { Authorization: `Bearer ${await listenerToken({ sub: 'alice' })}` },
    admin: { Authorization: `Bearer ${API_KEY}` },
    'a page of another site': { Cookie: 'session=x', Origin: 'https://evil.example' },
    'what nobody accepts': {
      Authorization: `Bearer ${API_KEY}`,
      Accept: 'image/png',
      'Content-Encoding': 'gzip',
    },
    'another name': { Host: 'evil.example' },
  }
  const statuses = new Set<number>()
  for (const path of [...PATHS, '/sse?session=7', '/sse/stream', '/nowhere', '/v1/nowhere', '/%ff']) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      for (const [who, headers] of Object.entries(credentials)) {
        const asking = request({
          port,
          host: '127.0.0.1',
          method,
          path: path.replace('*', 'a'),
          headers,
          agent: false,
        })
        asking.end()
        const [response] = (await once(asking, 'response')) as [IncomingMessage]
        response.destroy()
        statuses.add(response.statusCode!)
        const what = `${method} ${path} by ${who}: ${response.statusCode}`
        if (response.statusCode === 204) continue
        assert.equal(response.headers['x-content-type-options'], 'nosniff', what)
        // Streams of presets have the headers of their systems, and pages are the same for all: no cache answers unasked.
        const kept =
          path.startsWith('/sse') || PAGES.has(path) ? /(?:^|, )no-(?:store|cache)/ : /(?:^|, )no-store/
        assert.match(response.headers['cache-control'] ?? '', kept, what)
      }
    }
  }
  // A test in which everything is refused alike would pass, too.
  for (const status of [200, 204, 400, 401, 403, 404, 405, 406, 415, 421])
    assert.ok(statuses.has(status), `${status}`)
})

test('what cannot be read as a request is answered in the same way', async (t) => {
  const { port } = await composed(t)
  for (const bytes of [
    'nonsense\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    'GET http://[ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  ]) {
    const answer = await rawRequest(port, bytes)
    assert.match(answer, /^HTTP\/1\.1 4\d\d /)
    assert.match(answer, /\r\ncache-control: no-store\r\n/i)
    assert.match(answer, /\r\nx-content-type-options: nosniff\r\n/i)
  }
})

test('pages may load nothing from elsewhere, stand in no frame, and tell nobody where they are', async (t) => {
  const { port } = await composed(t, { demo: true })
  const page = await fetch(`http://127.0.0.1:${port}/`)
  assert.equal(page.status, 200)
  const policy = page.headers.get('content-security-policy') ?? ''
  for (const rule of [
    "default-src 'none'",
    "script-src 'self'",
    "connect-src 'self'",
    "frame-ancestors 'none'",
  ]) {
    assert.ok(policy.includes(rule), rule)
  }
  assert.doesNotMatch(policy, /unsafe/)
  assert.equal(page.headers.get('referrer-policy'), 'no-referrer')
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff')
})

test('a body that trickles on ends with its connection, whoever answers', async (t) => {
  const { port } = await closedServer(t, { preset: 'session' })
  const lines = [
    'GET /livez',
    'POST /livez',
    'POST /nowhere',
    'GET /metrics',
    'POST /v1/publish',
    'POST /sse/x',
  ]
  const answers = lines.map((line) =>
    tricklingRequest(port, `${line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n`),
  )
  for (const answer of await Promise.all(answers)) assert.match(answer, /^HTTP\/1\.1 [24]\d\d /)
})
