import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grantAccess } from '@fanline/hub/routes'
import type { SystemReport } from './system-view.ts'
import { composed } from './testing/composed.ts'
import { rawRequest } from './testing/raw-request.ts'

test('health is told to everybody', async (t) => {
  const { port } = await composed(t)
  const live = await fetch(`http://127.0.0.1:${port}/livez`)
  assert.deepEqual(await live.json(), { status: 'ok' })
  const ready = await fetch(`http://127.0.0.1:${port}/readyz`)
  assert.equal(ready.status, 200)
  assert.deepEqual(await ready.json(), { status: 'ready', checks: { log: 'open' } })
})

test('metrics carry what the hub counts, and what the process uses', async (t) => {
  const { port, hub } = await composed(t)
  const stream = await fetch(`http://127.0.0.1:${port}/v1/events/hello?user=alice`)
  await fetch(`http://127.0.0.1:${port}/v1/events/elsewhere?user=bob`)
  hub.disconnect({ user: 'bob' })
  for (const path of ['v1/connections/nobody', 'v1/connections/nobody', 'nowhere']) {
    assert.equal((await fetch(`http://127.0.0.1:${port}/${path}`, { method: 'DELETE' })).status, 404)
  }
  await hub.publish({ channel: 'hello', data: 'x' })
  await hub.publish({ channel: 'hello', data: 'x' })
  const scrape = async (): Promise<Map<string, number>> => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
    assert.match(answer.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/)
    const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(lines.map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])]))
  }
  await scrape()
  // A second time, for what a scrape adds to a counter must not stay in it.
  const metrics = await scrape()
  for (const [name, value] of Object.entries({
    fanline_published_total: 2,
    fanline_delivered_total: 2,
    fanline_replayed_total: 0,
    'fanline_gaps_total{reason="trimmed"}': 0,
    fanline_ephemeral_skipped_total: 0,
    fanline_fell_behind_total: 0,
    fanline_caught_up_total: 0,
    fanline_connections_opened_total: 2,
    'fanline_connections_closed_total{reason="left"}': 0,
    'fanline_connections_closed_total{reason="kicked"}': 1,
    'fanline_problems_total{code="connection-not-found"}': 2,
    'fanline_problems_total{code="not-found"}': 1,
    'fanline_problems_total{code="internal"}': 0,
    fanline_connections: 1,
    fanline_users: 1,
    fanline_channels: 3,
    'fanline_limits_hit_total{code="too-many-publishes"}': 0,
    'fanline_auth_failures_total{code="unauthorized"}': 0,
    fanline_behind: 0,
    fanline_buffered_bytes: 0,
    fanline_log_ready: 1,
    fanline_connections_limit: 100_000,
    fanline_connection_seconds_count: 1,
    'fanline_connection_seconds_bucket{le="60"}': 1,
    fanline_log_events: 2,
  })) {
    assert.equal(metrics.get(name), value, name)
  }
  const deliveries = metrics.get('fanline_delivery_seconds_count')!
  assert(deliveries === 1 || deliveries === 2, 'what leaves in one turn is measured once')
  assert.equal(metrics.get('fanline_delivery_seconds_bucket{le="+Inf"}'), deliveries)
  assert(metrics.get('fanline_log_bytes')! > 0)
  assert(metrics.get('process_resident_memory_bytes')! > 1e6)
  assert(metrics.has('nodejs_eventloop_lag_seconds'))
  const [build] = [...metrics.keys()].filter((name) => name.startsWith('fanline_build_info'))
  assert.match(build!, new RegExp(`\\{version="\\d+\\.\\d+\\.\\d+",node="${process.versions.node}"\\}$`))
  await stream.body!.cancel()
})

test('the system view tells of process and machine', async (t) => {
  const { port } = await composed(t)
  const report = (await (await fetch(`http://127.0.0.1:${port}/v1/system`)).json()) as SystemReport
  assert.equal(report.pid, process.pid)
  assert.equal(report.node, process.versions.node)
  assert(report.uptimeMs > 0 && report.cpu.userMs > 0 && report.memory.rssBytes > 1e6)
  assert(report.host.cpus >= 1 && report.host.load.length === 3)
})

test('figures are for admins', async (t) => {
  const { port } = await composed(t, { authenticator: () => grantAccess({ user: 'somebody' }) })
  for (const path of ['/metrics', '/v1/system', '/v1/stats']) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    assert.equal(answer.status, 403, path)
    assert.equal(((await answer.json()) as { code: string }).code, 'forbidden')
  }
})

test('an unknown address and a wrong method are problems', async (t) => {
  const { port } = await composed(t)
  for (const path of [
    '/nope',
    '/v1/nope',
    '/',
    '/assets/x.js',
    '/livez/',
    '/%ff',
    '//',
    '/assets/..%2f..%2fpackage.json',
  ]) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    assert.equal(answer.status, 404, path)
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    assert.equal(((await answer.json()) as { code: string }).code, 'not-found')
  }
  for (const [method, path] of [
    ['POST', '/livez'],
    ['DELETE', '/metrics'],
    ['GET', '/v1/publish'],
  ] as const) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method })
    assert.equal(answer.status, 405, path)
    assert.equal(answer.headers.get('allow'), path === '/v1/publish' ? 'POST' : 'GET')
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    assert.equal(((await answer.json()) as { code: string }).code, 'method-not-allowed')
  }
  const head = await fetch(`http://127.0.0.1:${port}/livez`, { method: 'HEAD' })
  assert.equal(head.status, 200)
  assert.equal(head.headers.get('cache-control'), 'no-store')
})

test('an address that is none is a problem, too', async (t) => {
  const { port } = await composed(t)
  for (const line of ['OPTIONS *', 'GET http://', 'GET http://[', 'GET foo']) {
    const answer = await rawRequest(port, `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 4\d\d /, line)
    assert.match(answer, /application\/problem\+json/, line)
  }
  assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200)
})
