import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import * as runner from 'node:test'
import { type ChannelName, createEvent, type Position } from '@fanline/protocol'
import { createClient } from '@redis/client'
import type { Log } from '../log.ts'
import type { PeerSelf } from '../peers.ts'
import { CERTIFICATE } from '../testing/certificate.ts'
import { freePort } from '../testing/free-port.ts'
import { redisConformance } from '../testing/redis-conformance.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { startTlsRedis } from '../testing/tls-redis.ts'
import { type ClonableRedisClient, redisLog } from './redis.ts'

const page = readFileSync(new URL('../../../../docs/reference/redis.md', import.meta.url), 'utf8')
/** What docs/reference/redis.md says that a user needs. */
const rights = /^ACL SETUSER [^`]*/m.exec(page)![0].trim().split(/\s+/)

const server = await RedisServer.start()
runner.after(() => server.stop())
const admin = await server.commands(runner)
await admin.sendCommand(rights)

function clientWithRights(): ClonableRedisClient {
  const client = createClient({ url: server.url, username: 'fanline', password: 'PASSWORD' })
  return client as unknown as ClonableRedisClient
}

redisConformance('redisLog() of a user with the documented rights', runner, async () => {
  await admin.flushAll()
  return (settings) => redisLog({ client: clientWithRights(), ...settings })
})

/** A hub with one connection that follows `orders`. */
class Self implements PeerSelf {
  count(name: string): number {
    return this.connections.get(name) ?? 0
  }
  readonly connections = new Map([['orders', 1]])
  names(): Iterable<string> {
    return this.connections.keys()
  }
  async answer(question: unknown): Promise<unknown> {
    return question
  }

  takenElsewhere(): void {
    // Hubs on Redis count for themselves.
  }
}

runner.test('hubs with the documented rights know each other, and each right is needed', async () => {
  await admin.flushAll()
  const [a, b] = [redisLog({ client: clientWithRights() }), redisLog({ client: clientWithRights() })]
  const selves = new Map<Log, Self>()
  for (const log of [a, b]) {
    await log.open({ entries: () => undefined, gap: () => undefined })
    selves.set(log, new Self())
    await log.peers!.open(selves.get(log)!)
  }
  const { answers } = await a.peers!.ask('who is there?')
  assert.equal(answers.length, 1)
  assert.equal((await a.peers!.count(['orders'])).length, 1)
  selves.get(b)!.connections.delete('orders')
  b.peers!.changed('orders')
  while ((await a.peers!.count(['orders'])).some(({ counts }) => counts.get('orders'))) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  // Another server takes over, and somebody has seen what it does not have.
  const head = Number(await admin.hGet('{fanline}:meta', 'last'))
  await admin.hSet('{fanline}:meta', 'run', 'another')
  const channels = ['orders' as ChannelName]
  const { gaps } = await a.read({ channels, after: (head + 1) as Position, maxEntries: 1, maxBytes: 1 })
  assert.equal(gaps[0]?.reason, 'rollback')
  await Promise.all([a.close(), b.close()])

  const called = [...(await admin.info('commandstats')).matchAll(/^cmdstat_([^:]+):/gm)].map(
    (match) => match[1],
  )
  const unused = rights.filter((right) => right.startsWith('+') && !called.includes(right.slice(1)))
  assert.deepEqual(unused, [])
})

runner.test('all keys are in one slot of a cluster', async (t) => {
  // A port of its own for the bus: the one that Redis would take, 10,000 above, may be that of a connection.
  const busPort = String(await freePort())
  const node = await RedisServer.start('none', ['--cluster-enabled', 'yes', '--cluster-port', busPort])
  t.after(() => node.stop())
  const client = await node.commands(t)
  await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383'])
  while (!(await client.sendCommand(['CLUSTER', 'INFO']))?.toString().includes('cluster_state:ok')) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const log = redisLog({ client: createClient({ url: node.url }) as unknown as ClonableRedisClient })
  t.after(() => log.close())
  await log.open({ entries: () => undefined, gap: () => undefined })
  await log.peers!.open(new Self())
  const channels = ['a', 'b', '{c}', '@user:d'] as ChannelName[]
  const event = createEvent(undefined, 'text')
  const append = () => log.append([{ channels, event, except: [], key: '{k}', ephemeral: false }])
  const [first] = await append()
  assert.deepEqual(await append(), [{ position: first!.position, duplicate: true }])
  const after = (first!.position! - 1) as Position
  const { entries } = await log.read({ channels, after, maxEntries: 10, maxBytes: 1e6 })
  assert.equal(entries.length, 1)
  const keys = await client.keys('*')
  const slots = await Promise.all(keys.map((key) => client.sendCommand(['CLUSTER', 'KEYSLOT', key])))
  assert.ok(keys.length > channels.length)
  assert.equal(new Set(slots).size, 1, keys.join(' '))
})

runner.test('a log speaks TLS, and only with a server that it can trust', async (t) => {
  const { url } = await startTlsRedis(t)
  const trusting = createClient({ url, socket: { tls: true, ca: CERTIFICATE } })
  const log = redisLog({ client: trusting as unknown as ClonableRedisClient })
  await log.open({ entries: () => undefined, gap: () => undefined })
  t.after(() => log.close())
  assert.equal(log.health!().isReady, true)

  const doubting = redisLog({ client: createClient({ url }) as unknown as ClonableRedisClient })
  const opened = doubting.open({ entries: () => undefined, gap: () => undefined })
  const first = await Promise.race([
    opened.then(
      () => 'open',
      () => 'closed',
    ),
    new Promise((resolve) => setTimeout(resolve, 500, 'waiting')),
  ])
  assert.notEqual(first, 'open')
  await doubting.close()
})
