import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { newApiKey } from '@fanline/hub/api-key'
import { API_KEY, closedServer, listenerToken } from './testing/closed-server.ts'
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

test('an inspection ends with its credential: a token that is over or revoked, a key that is withdrawn', {
  timeout: 15_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanline-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'keys.json')
  const { key, id, hash } = newApiKey()
  const createdAt = new Date().toISOString()
  const record = {
    id,
    name: 'x',
    hash,
    subscribe: [],
    publish: [],
    role: 'viewer',
    createdAt,
    expiresAt: null,
  }
  writeFileSync(file, JSON.stringify({ keys: [record] }))
  const { hub, port } = await closedServer(t, { 'api.keysFile': file })

  const fanline = { role: 'viewer' }
  const revoked = await listenerToken({ fanline, jti: 'revoked' })
  const open = async (credential: string) => {
    const headers = { Authorization: `Bearer ${credential}` }
    const stream = await openStream(t, `http://127.0.0.1:${port}/v1/inspect`, headers)
    await stream.until(/^:\n\n/)
    return stream
  }
  const streams = await Promise.all([revoked, key].map(open))
  const stays = await open(API_KEY)
  // The last to open: a busy machine could take its time for the others.
  streams.push(await open(await listenerToken({ fanline, exp: Math.ceil(Date.now() / 1000) + 1 })))
  await hub.revoke({ jti: 'revoked' })
  writeFileSync(file, '{"keys":[]}')
  assert.deepEqual(await Promise.all(streams.map(({ over }) => over)), [true, true, true])
  await hub.publish({ channel: 'orders', data: 'still told' })
  assert.deepEqual(dataIn((await stays.next()).data), ['still told'])
})

/** The data of what was published. */
function dataIn(list: string): string[] {
  return (JSON.parse(list) as { event?: { data: string } }[]).flatMap(({ event }) => event?.data ?? [])
}
