import assert from 'node:assert/strict'
import { test } from 'node:test'
import { API_KEY, closedServer } from './testing/closed-server.ts'
import { openStream } from './testing/heard-stream.ts'

const ADMIN = { Authorization: `Bearer ${API_KEY}` }

test('an inspection begins in the past, and goes on with what happens, each event once', async (t) => {
  const { hub, port } = await closedServer(t)
  const address = `http://127.0.0.1:${port}/v1/inspect`
  const publish = (data: string, to: object = { channel: 'orders' }) =>
    hub.publish({ ...to, data } as Parameters<typeof hub.publish>[0])
  const { id } = await publish('before')
  await publish('past')
  await publish('for u', { user: 'u' })
  await publish('elsewhere', { channel: 'news' })
  const query = `after=${id}&channel=orders&channel=${encodeURIComponent('@user:u')}`
  const stream = await openStream(t, `${address}?${query}`, ADMIN)
  const heard: string[] = []
  let now: { isComplete: boolean } | undefined
  while (!now) {
    const { event, data } = await stream.next()
    if (event === 'now') now = JSON.parse(data)
    else heard.push(...dataIn(data))
  }
  assert.deepEqual(heard, ['past', 'for u'])
  assert.equal(now.isComplete, true)
  await publish('live')
  const live = await stream.next()
  assert.deepEqual(dataIn(live.data), ['live'])

  const again = await openStream(t, `${address}?${query}`, { ...ADMIN, 'Last-Event-ID': String(live.id) })
  assert.deepEqual(dataIn((await again.next()).data), [], 'who comes back goes on where they were')
  const refused = await fetch(`${address}?after=yesterday`, { headers: ADMIN })
  assert.equal(refused.status, 400)
})

/** The data of what was published. */
function dataIn(list: string): string[] {
  return (JSON.parse(list) as { event?: { data: string } }[]).flatMap(({ event }) => event?.data ?? [])
}
