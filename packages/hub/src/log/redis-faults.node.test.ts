import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { ChannelName, Position } from '@fanline/protocol'
import { createClient } from '@redis/client'
import { eventually, inTime } from '../testing/deadline.ts'
import { CHANNEL, draft, LogNode } from '../testing/log-node.ts'
import { type RedisPersistence, RedisServer } from '../testing/redis-server.ts'
import { redisLog } from './redis.ts'

function newNode(url: string): LogNode {
  return new LogNode(redisLog({ client: createClient({ url }) as never }))
}

async function twoNodes(test: TestContext, persistence: RedisPersistence) {
  const server = await RedisServer.start(persistence)
  test.after(() => server.stop())
  const a = await newNode(server.url).open(test)
  const b = await newNode(server.url).open(test)
  return { server, a, b, admin: await server.commands(test) }
}

test('what one node appends, all hear in the same order', async (t) => {
  const { a, b } = await twoNodes(t, 'none')
  const positions = await Promise.all(
    Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? a : b).publish(String(i))),
  )
  positions.sort((one, other) => one - other)
  for (const node of [a, b]) {
    await eventually(() => node.heard.length === 200, 'all are heard')
    assert.deepEqual(node.positions, positions)
  }
})

test('what was given up while the connection broke is not followed again for good', async (t) => {
  const { server, a } = await twoNodes(t, 'none')
  const given = 'given' as ChannelName
  await a.log.watch(given)
  server.signal('SIGSTOP')
  a.log.unwatch(given)
  await delay(20) // until Redis was asked, which nothing tells; sooner, the test sees less
  await server.kill()
  await server.run()
  const admin = await server.commands(t)
  const followed = async (): Promise<string> => (await admin.sendCommand(['PUBSUB', 'CHANNELS'])).toString()
  await eventually(async () => (await followed()).includes(`l:${CHANNEL}`), 'what is followed is asked for')
  await a.log.watch('other' as ChannelName)
  await eventually(async () => !(await followed()).includes(`l:${given}`), 'it is given up')
})

test('who follows a channel while Redis is away is told so, and hears it when it is back', async (t) => {
  const { server, a, b } = await twoNodes(t, 'none')
  const other = 'other' as ChannelName
  await server.kill()
  await assert.rejects(a.log.watch(other), { code: 'log-unavailable' })
  a.log.unwatch(other)
  await server.run()
  await eventually(() => a.log.health!().isReady, 'it is back')
  await a.log.watch(other)
  const [receipt] = await b.log.append([{ ...draft('late'), channels: [other] }])
  await eventually(() => a.positions.includes(receipt!.position!), 'it is heard')
})

test('a feed that is cut again and again misses nothing and hears nothing twice', async (t) => {
  const { a, b, admin } = await twoNodes(t, 'none')
  const positions: Position[] = []
  const cut = (): void => {
    // One that is under way when the test has ended is not waited for.
    admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']).catch(() => undefined)
  }
  const cuts = setInterval(cut, 50)
  for (let i = 0; i < 3000; i++) positions.push(await a.publish(String(i)))
  clearInterval(cuts)
  const last = positions.at(-1)!
  await eventually(() => b.positions.at(-1) === last, 'the last one is heard')
  assert.deepEqual(b.positions, positions)
  assert.deepEqual(b.gaps, [])
})

test('a Redis that comes back with less than it acknowledged says so, and gives no position twice', async (t) => {
  const { server, a, b, admin } = await twoNodes(t, 'snapshots')
  const kept = await a.publish('kept')
  await admin.sendCommand(['SAVE'])
  const lost: Position[] = []
  for (let i = 0; i < 20; i++) lost.push(await a.publish(`lost ${i}`))
  await eventually(() => b.positions.at(-1) === lost.at(-1), 'b hears all of them')
  await server.kill()
  await server.run()
  const next = await b.publish('next')
  assert.ok(next > lost.at(-1)!)
  for (const node of [a, b]) {
    await eventually(() => node.gaps.some(({ reason }) => reason === 'rollback'), 'the loss is admitted')
    const gap = node.gaps.find(({ reason }) => reason === 'rollback')!
    assert.ok(gap.after <= lost[0]! - 1 && gap.through >= lost.at(-1)!)
  }
  const inside = await a.log.read({
    channels: [CHANNEL],
    after: lost[5]!,
    maxEntries: 100,
    maxBytes: 1e6,
  })
  // Also what this client has heard of it is undone.
  assert.deepEqual(
    inside.gaps.map(({ reason, after }) => [reason, after]),
    [['rollback', kept]],
  )
  const before = await a.log.read({
    channels: [CHANNEL],
    after: (kept - 1) as Position,
    maxEntries: 100,
    maxBytes: 1e6,
  })
  assert.deepEqual(
    before.entries.map(({ event }) => event.data),
    ['kept', 'next'],
  )
  assert.deepEqual(
    before.gaps.map(({ reason }) => reason),
    ['rollback'],
  )
  const after = await a.log.read({ channels: [CHANNEL], after: next, maxEntries: 100, maxBytes: 1e6 })
  assert.deepEqual(after.gaps, [])
})

test('a Redis that crashes twice and comes back with the same old snapshot has lost twice', async (t) => {
  const { server, a, admin } = await twoNodes(t, 'snapshots')
  const kept = await a.publish('kept')
  await admin.sendCommand(['SAVE'])
  await server.kill()
  await server.run()
  const lost = await a.publish('lost')
  await server.kill()
  await server.run()
  await a.publish('next')
  await eventually(() => a.gaps.some(({ through }) => through >= lost), 'the second loss is admitted')
  assert.deepEqual(await a.told(kept), ['rollback'])
  assert.deepEqual(await a.told(lost), ['rollback'])
})

test('a server that nobody remembers gave no position that is given again', async (t) => {
  const { server, a, b, admin } = await twoNodes(t, 'snapshots')
  await a.publish('kept')
  await admin.sendCommand(['SAVE'])
  await server.kill()
  await server.run()
  const lost = await a.publish('lost')
  await Promise.all([a.log.close(), b.log.close()])
  await server.kill()
  await server.run()
  const c = await newNode(server.url).open(t)
  assert.ok((await c.publish('next')) > lost)
  assert.deepEqual(await c.told(lost), ['rollback'])
})

test('what a node has heard and passed on, and nobody else remembers, is lost when Redis has lost it', async (t) => {
  const { server, a, b, admin } = await twoNodes(t, 'snapshots')
  const kept = await a.publish('kept')
  await admin.sendCommand(['SAVE'])
  const lost = await a.publish('lost')
  await eventually(() => b.positions.at(-1) === lost, 'b hears it')
  await server.kill()
  await a.log.close()
  await server.run()
  await b.publish('next')
  await eventually(() => b.gaps.some(({ through }) => through >= lost), 'the loss is admitted')
  assert.deepEqual(await b.told(kept), ['rollback'])
})

test('a client that has more than Redis has lost is told so, although no node remembers', async (t) => {
  const { server, a, b, admin } = await twoNodes(t, 'snapshots')
  await a.publish('kept')
  await admin.sendCommand(['SAVE'])
  const lost = await a.publish('lost')
  await server.kill()
  await Promise.all([a.log.close(), b.log.close()])
  await server.run()
  const c = await newNode(server.url).open(t)
  assert.deepEqual(await c.told(lost), ['rollback'])
  const next = await c.publish('next')
  assert.deepEqual(await c.told(lost), ['rollback'])
  assert.deepEqual(await c.told(next), [])
})

test('a Redis that comes back with everything has lost nothing', async (t) => {
  const { server, a, b } = await twoNodes(t, 'aof')
  const positions: Position[] = []
  for (let i = 0; i < 50; i++) positions.push(await a.publish(String(i)))
  await server.kill()
  await server.run()
  for (let i = 0; i < 50; i++) positions.push(await a.publish(String(i)))
  await eventually(() => b.positions.at(-1) === positions.at(-1), 'the last one is heard')
  assert.deepEqual(b.positions, positions)
  assert.deepEqual([...a.gaps, ...b.gaps], [])
})

test('an emptied Redis is noticed although nothing else has changed', async (t) => {
  const { a, b, admin } = await twoNodes(t, 'none')
  const before = await a.publish('before')
  await eventually(() => b.heard.length === 1, 'it is heard')
  await admin.sendCommand(['FLUSHALL'])
  await eventually(() => b.gaps.length > 0 && a.gaps.length > 0, 'both admit the loss')
  const next = await a.publish('next')
  assert.ok(next > before)
  await eventually(() => b.positions.at(-1) === next, 'the next one is heard')
  const page = await b.log.read({ channels: [CHANNEL], after: before, maxEntries: 10, maxBytes: 1e6 })
  assert.deepEqual(
    page.gaps.map(({ reason }) => reason),
    ['restarted'],
  )
})

test('a log that is opened while Redis stands still is open when it goes on', async (t) => {
  const server = await RedisServer.start()
  t.after(() => server.stop())
  server.signal('SIGSTOP')
  const opened = newNode(server.url).open(t)
  // Longer than a call waits for a connection.
  assert.equal(await Promise.race([opened, delay(3000, 'waiting')]), 'waiting')
  server.signal('SIGCONT')
  const node = await opened
  const position = await node.publish('text')
  await eventually(() => node.positions.at(-1) === position, 'it is heard')
})

test('a publish that Redis does not answer fails, and is one event when it is tried again', async (t) => {
  const server = await RedisServer.start()
  t.after(() => server.stop())
  const node = await newNode(server.url).open(t)
  const keyed = draft('text', 'k')
  server.signal('SIGSTOP')
  await assert.rejects(
    inTime(node.log.append([keyed]), () => 'an answer', 30_000),
    { code: 'log-unavailable' },
  )
  server.signal('SIGCONT')
  await node.publish('next')
  // Redis has read the first one after all, or reads it now.
  await node.log.append([keyed])
  await eventually(() => node.heard.length === 2, 'both are heard')
  const { entries } = await node.log.read({
    channels: [CHANNEL],
    after: 0 as Position,
    maxEntries: 10,
    maxBytes: 1e6,
  })
  assert.deepEqual(entries.map(({ event }) => event.data).sort(), ['next', 'text'])
})

test('a log ends although Redis answers nothing any more', async (t) => {
  const server = await RedisServer.start()
  t.after(() => server.stop())
  const node = await newNode(server.url).open(t)
  server.signal('SIGSTOP')
  const appended = node.log.append([draft('text')])
  const failed = assert.rejects(appended, { code: 'log-unavailable' })
  await node.log.close()
  await failed
})

test('a log that may not do what it has to is not opened', async (t) => {
  const server = await RedisServer.start()
  t.after(() => server.stop())
  const admin = createClient({ url: server.url })
  admin.on('error', () => undefined) // the server ends first
  await admin.connect()
  t.after(() => admin.destroy())
  for (const right of ['+ping', '+info']) {
    await admin.sendCommand(['ACL', 'SETUSER', 'weak', 'on', '>weak', 'allkeys', '-@all', right])
    const client = createClient({ url: server.url, username: 'weak', password: 'weak' })
    const log = redisLog({ client: client as never })
    const opened = log.open({ entries: () => undefined, gap: () => undefined })
    await assert.rejects(opened, (error: Error) => /NOPERM/.test(`${error} ${error.cause}`))
    await log.close()
  }
})

test('what Redis let expire, or threw away, is lost also when something new came after it', async (t) => {
  const { a, admin } = await twoNodes(t, 'none')
  const first = await a.publish('first')
  await a.publish('second')
  // As when nothing was published for longer than the history goes back, or Redis needs memory.
  await admin.del('{fanline}:s:a')
  const third = await a.publish('third')
  const page = await a.log.read({ channels: [CHANNEL], after: first, maxEntries: 100, maxBytes: 1e6 })
  assert.deepEqual(
    page.gaps.map(({ reason }) => reason),
    ['trimmed'],
  )
  assert.deepEqual(
    page.entries.map(({ position }) => position),
    [third],
  )
  assert.deepEqual(await a.told(third), [])
})
