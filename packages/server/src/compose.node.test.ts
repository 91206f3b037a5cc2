import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NATIVE_ROUTES } from '@fanline/hub/routes'
import { composed } from './testing/composed.ts'
import { openStream } from './testing/heard-stream.ts'

const OPEN_TO_ALL = new Set([
  'POST /v1/publish',
  'POST /v1/publish/*',
  'GET /v1/events',
  'GET /v1/events/*',
  'GET /v1/channels/*/history',
  'POST /v1/tickets',
  'POST /v1/connections/*/token',
  'PUT /v1/connections/*/channels',
  'GET /v1/streams/*',
  'DELETE /v1/streams/*',
  'GET /v1/access',
])

test('with a port of their own, admin routes and figures are nowhere else', async (t) => {
  const { port, adminPort } = await composed(t, {}, { 'admin.port': '0' })
  assert.notEqual(adminPort, undefined)
  assert.notEqual(adminPort, port)
  const admin = NATIVE_ROUTES.filter(({ method, path }) => !OPEN_TO_ALL.has(`${method} ${path}`))
  assert.equal(admin.length, NATIVE_ROUTES.length - OPEN_TO_ALL.size)
  const figures = [
    { method: 'GET', path: '/metrics' },
    { method: 'GET', path: '/v1/system' },
  ]
  for (const { method, path } of [...admin, ...figures]) {
    const ask = (at: number): Promise<Response> =>
      fetch(`http://127.0.0.1:${at}${path.replace('*', 'x')}`, { method })
    const outside = await ask(port)
    assert.ok([404, 405].includes(outside.status), `${method} ${path} ${outside.status}`)
    assert.match(((await outside.json()) as { code: string }).code, /^(not-found|method-not-allowed)$/)
    const inside = await ask(adminPort!)
    const { code } = (inside.status === 200 ? {} : await inside.json()) as { code?: string }
    assert.ok(code !== 'not-found' && code !== 'method-not-allowed', `${method} ${path} ${code}`)
  }
})

test('the admin port answers everything, and pages of other origins nothing', async (t) => {
  const { port, adminPort } = await composed(
    t,
    {},
    { 'admin.port': '0', 'cors.origins': 'https://app.example' },
  )
  for (const [at, allowed] of [
    [port, 'https://app.example'],
    [adminPort, null],
  ]) {
    const answer = await fetch(`http://127.0.0.1:${at}/v1/publish/a`, {
      method: 'POST',
      body: 'x',
      headers: { Origin: 'https://app.example' },
    })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('access-control-allow-origin'), allowed)
    assert.equal((await fetch(`http://127.0.0.1:${at}/livez`)).status, 200)
  }
})

test('without it, everything is answered at one port', async (t) => {
  const { port, adminPort } = await composed(t)
  assert.equal(adminPort, undefined)
  for (const path of ['/metrics', '/v1/system', '/v1/stats', '/v1/connections']) {
    assert.equal((await fetch(`http://127.0.0.1:${port}${path}`)).status, 200, path)
  }
})

test('a server whose other port is taken keeps none', async (t) => {
  const taken = await composed(t)
  await assert.rejects(
    composed(t, {}, { 'admin.port': String(taken.port) }),
    /Port \d+ on 127\.0\.0\.1 is in use\. Take another with --admin-port, such as --admin-port \d+\./,
  )
  const free = await composed(t)
  await free.close()
  await assert.rejects(
    composed(t, {}, { 'admin.port': String(free.port), port: String(taken.port) }),
    /Take another with --port/,
  )
  const { adminPort } = await composed(t, {}, { 'admin.port': String(free.port) })
  assert.equal(adminPort, free.port)
})

test('a ticket opens a stream, also where everybody is let in', async (t) => {
  const { port } = await composed(t, {}, { 'tickets.lifetimeMs': '20000' })
  const url = `http://127.0.0.1:${port}/v1`
  const issued = await fetch(`${url}/tickets?user=alice`, { method: 'POST', body: '{"channels":["a"]}' })
  const { ticket, expiresAt } = (await issued.json()) as { ticket: string; expiresAt: string }
  const leftMs = Date.parse(expiresAt) - Date.now()
  assert.ok(leftMs > 10_000 && leftMs <= 20_000, `${leftMs}`)
  const stream = await fetch(`${url}/events/a?ticket=${ticket}&user=mallory`)
  const { value } = await stream.body!.pipeThrough(new TextDecoderStream()).getReader().read()
  assert.match(value!, /"user":"alice"/)
  assert.equal((await fetch(`${url}/events/b?ticket=${ticket}`)).status, 403)
  assert.equal((await fetch(`${url}/events/a?ticket=nonsense`)).status, 401)
})

test('where it traces, native streams hear of the trace of a publish, and those of a preset do not', async (t) => {
  const { port } = await composed(t, {}, { tracing: 'true', preset: 'user-channel' })
  const url = `http://127.0.0.1:${port}`
  const native = await openStream(t, `${url}/v1/events?user=alice`)
  const preset = await openStream(t, `${url}/sse?userID=alice`)
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const body = '{"userID":"alice","value":"traced"}'
  const answer = await fetch(`${url}/send-to-user`, { method: 'POST', body, headers: { traceparent } })
  assert.equal(answer.status, 200)
  await native.until(/: traced\n\n/)
  await preset.until(/traced/)
  assert.ok(native.text.includes(`\ntraceparent: ${traceparent}\ndata: traced\n\n`), native.text)
  assert.ok(!preset.text.includes('traceparent'), preset.text)
})
