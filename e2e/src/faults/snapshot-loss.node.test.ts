import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createClient } from '@redis/client'
import { RedisServer } from '../redis-server.ts'
import { ReturningListener } from '../returning-listener.ts'
import { startServer } from '../running-server.ts'

test('whoever crosses what a Redis with snapshots has lost is told so, and nobody else', async (t) => {
  const redis = await RedisServer.start('snapshots')
  t.after(() => redis.stop())
  const [a, b] = await Promise.all([startHub(t, redis.url), startHub(t, redis.url)])
  const listen = (origin: string, lastId?: string): ReturningListener => {
    const listener = new ReturningListener(`${origin}/v1/events/news`, lastId)
    t.after(() => listener.close())
    return listener
  }
  const [staysOnA, staysOnB, leaves] = [listen(a), listen(b), listen(a)]
  for (const listener of [staysOnA, staysOnB, leaves]) await greeted(listener)
  await publish(a, 'kept')
  await heard(leaves, 'kept')
  leaves.close()
  await save(redis.url)
  const first = await publish(a, 'first lost')
  await publish(b, 'second lost')
  for (const listener of [staysOnA, staysOnB]) await heard(listener, 'second lost')

  await redis.kill()
  await redis.run()
  await publish(b, 'next')
  const crossed = [staysOnA, staysOnB, listen(b, leaves.lastId), listen(b, first)]
  for (const listener of crossed) {
    await heard(listener, 'next')
    const reasons = listener.gaps.map((gap) => JSON.parse(gap)).filter(({ channel }) => channel === 'news')
    assert.deepEqual(
      reasons.map(({ reason }) => reason),
      ['rollback'],
    )
  }
  const others = [listen(a), listen(b), listen(a, staysOnA.lastId)]
  for (const listener of others) await greeted(listener)
  await publish(a, 'last')
  for (const listener of others) {
    await heard(listener, 'last')
    assert.deepEqual(listener.gaps, [])
  }
})

async function startHub(test: TestContext, redis: string): Promise<string> {
  const hub = await startServer(['dev', '--redis', redis], { env: { NODE_ENV: 'development' } })
  test.after(() => hub.stop('SIGKILL'))
  return hub.origin
}

/** Publishes until it is answered; resolves with the id. */
async function publish(origin: string, data: string): Promise<string> {
  for (;;) {
    const body = JSON.stringify({ channel: 'news', data, key: data })
    const answer = await fetch(`${origin}/v1/publish`, { method: 'POST', body })
    if (answer.ok) return ((await answer.json()) as { id: string }).id
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function greeted(listener: ReturningListener): Promise<void> {
  await listener.until(() => listener.lastId !== undefined)
}

async function heard(listener: ReturningListener, data: string): Promise<void> {
  await listener.until(() => listener.heard.at(-1)?.data === data)
}

async function save(url: string): Promise<void> {
  const admin = createClient({ url })
  await admin.connect()
  await admin.sendCommand(['SAVE'])
  await admin.close()
}
