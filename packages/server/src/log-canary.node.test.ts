import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { eventually } from './testing/eventually.ts'
import { RedisServer } from './testing/redis-server.ts'
import { API_KEY, type StartedServer, startServer } from './testing/start-server.ts'

interface Canary {
  readonly sent: number
  readonly lost: number
  readonly roundTripMs: number | null
}

interface Ready {
  readonly status: string
  readonly checks: { readonly log: string }
  readonly problem?: string
  readonly log?: { readonly canary: Canary | null }
}

async function serverOnRedis(t: TestContext): Promise<{ redis: RedisServer; server: StartedServer }> {
  const redis = await RedisServer.start()
  t.after(() => redis.stop())
  const server = await startServer(t, ['--redis', redis.url])
  await eventually(async () => (await readiness(server)).code === 200, 'it is ready')
  await eventually(
    async () => (await metric(server, 'fanline_log_round_trip_seconds')) > 0,
    'a canary is back',
  )
  return { redis, server }
}

async function readiness(server: StartedServer): Promise<{ code: number; body: Ready }> {
  const answer = await fetch(`${server.url}/readyz?verbose`)
  return { code: answer.status, body: (await answer.json()) as Ready }
}

async function metric(server: StartedServer, name: string): Promise<number> {
  const answer = await fetch(`${server.url}/metrics`, { headers: { Authorization: `Bearer ${API_KEY}` } })
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await answer.text())?.[1])
}

test('a server whose Redis has stopped is alive and not ready, says why, and is ready again by itself', async (t) => {
  const { redis, server } = await serverOnRedis(t)
  assert.equal(await metric(server, 'fanline_log_canaries_lost_total'), 0)

  redis.signal('SIGSTOP')
  const isLate = async (): Promise<boolean> => (await metric(server, 'fanline_log_round_trip_seconds')) > 1
  await eventually(isLate, 'the round trip grows while nothing comes back')
  await eventually(async () => (await readiness(server)).code === 503, 'it is not ready')
  const { body } = await readiness(server)
  assert.equal(body.status, 'unreachable')
  assert.equal(body.checks.log, 'unreachable')
  assert.match(body.problem!, /Redis/)
  assert.equal((await fetch(`${server.url}/livez`)).status, 200)
  await eventually(
    async () => (await metric(server, 'fanline_log_canaries_lost_total')) > 0,
    'a canary is lost',
  )

  redis.signal('SIGCONT')
  await eventually(async () => (await readiness(server)).code === 200, 'it is ready again')
  const { sent, lost } = (await readiness(server)).body.log!.canary!
  assert.ok(lost > 0 && lost < sent, `${lost} of ${sent}`)
  assert.equal((await readiness(server)).body.problem, undefined)
})

test('a server that keeps its log in its memory sends no canaries', async (t) => {
  const server = await startServer(t)
  assert.equal(await metric(server, 'fanline_log_canaries_total'), 0)
  assert.equal(await metric(server, 'fanline_log_round_trip_seconds'), Number.NaN)
})
