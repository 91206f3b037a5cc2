import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createClient, type RedisClientType } from '@redis/client'
import { eventually } from '../testing/deadline.ts'
import { LogNode } from '../testing/log-node.ts'
import { RedisSentinels } from '../testing/redis-sentinels.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { type ClonableRedisClient, redisLog, sentinelClient } from './redis.ts'

/** How long Sentinels may take to agree on another master, on a busy machine. */
const FAILOVER_MS = 60_000

/** A node on whatever the Sentinels call `main`. */
function newNode({ addresses }: RedisSentinels): LogNode {
  const client = createClient() as unknown as ClonableRedisClient
  return new LogNode(redisLog({ client: sentinelClient({ client, sentinels: addresses, master: 'main' }) }))
}

/** A master, a replica, three Sentinels and two nodes. */
async function cluster(test: TestContext) {
  const master = await RedisServer.start('none', ['--repl-diskless-sync-delay', '0'])
  test.after(() => master.stop())
  const replica = await RedisServer.start('none', ['--replicaof', `127.0.0.1 ${master.port}`])
  test.after(() => replica.stop())
  const admin = await connected(test, replica)
  await eventually(async () => /master_link_status:up/.test(await admin.info('replication')), 'it replicates')
  const sentinels = await RedisSentinels.start(master.port)
  test.after(() => sentinels.stop())
  await Promise.all(sentinels.addresses.map(async (address) => agree(await connected(test, address))))
  const [a, b] = [await newNode(sentinels).open(test), await newNode(sentinels).open(test)]
  return { master, admin, a, b }
}

/** Waits until a Sentinel knows the others, and the replica. */
async function agree(sentinel: RedisClientType): Promise<void> {
  await eventually(
    async () => {
      const said = await sentinel.info()
      return /slaves=1,sentinels=3/.test(said)
    },
    'the Sentinels know each other',
    FAILOVER_MS,
  )
}

async function connected(test: TestContext, { port }: { readonly port: number }): Promise<RedisClientType> {
  const client = createClient({ socket: { port, host: '127.0.0.1' } })
  client.on('error', () => undefined)
  await eventually(
    () =>
      client.connect().then(
        () => true,
        () => false,
      ),
    'it takes connections',
  )
  test.after(() => client.destroy())
  return client as unknown as RedisClientType
}

test('what is asked for while a master is being reached is heard, however far that is', async (t) => {
  const master = await RedisServer.start()
  t.after(() => master.stop())
  const sentinels = await RedisSentinels.start(master.port)
  t.after(() => sentinels.stop())
  const admin = await master.commands(t)
  for (let turns = 0; turns < 80; turns++) {
    const given = createClient() as unknown as ClonableRedisClient
    const client = sentinelClient({ client: given, sentinels: sentinels.addresses, master: 'main' })
    client.on('error', () => undefined) // Sentinels that are not there yet
    const before = client.subscribe(['before'], () => undefined)
    const connected = client.connect()
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([connected, before, client.subscribe(['meanwhile'], () => undefined)])
    const followed = await admin.sendCommand(['PUBSUB', 'NUMSUB', 'before', 'meanwhile'])
    assert.deepEqual(followed, ['before', 1, 'meanwhile', 1])
    await client.close()
  }
})

describe('a master, a replica, and Sentinels', { concurrency: true }, () => {
  test('a failover by Sentinels loses nothing that the replica has', async (t) => {
    const { master, a, b } = await cluster(t)
    const before = await a.publish('before')
    await eventually(() => b.texts.includes('before'), 'b hears it')
    await master.kill()
    const after = await b.publish('after')
    assert.ok(after > before)
    for (const node of [a, b]) {
      await eventually(() => node.texts.includes('after'), 'the next one is heard', FAILOVER_MS)
      assert.deepEqual(node.texts, ['before', 'after'])
      assert.deepEqual(node.gaps, [])
      assert.deepEqual(await node.told(before), [])
    }
  })

  test('a replica that takes over without the newest events: who crosses the hole is told', async (t) => {
    const { master, admin, a, b } = await cluster(t)
    const kept = await a.publish('kept')
    await eventually(() => b.texts.includes('kept'), 'b hears it')
    await eventually(async () => (await admin.dbSize()) > 0, 'the replica has it')
    // It is cut off from its master, and gets nothing more.
    await admin.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
    const lost = await a.publish('lost')
    await eventually(() => b.texts.includes('lost'), 'b hears it')
    await master.kill()
    const next = await b.publish('next')
    assert.ok(next > lost)
    for (const node of [a, b]) {
      await eventually(() => node.texts.includes('next'), 'the next one is heard', FAILOVER_MS)
      assert.deepEqual(node.texts, ['kept', 'lost', 'next'])
      assert.deepEqual(
        node.gaps.map(({ reason }) => reason),
        ['rollback'],
      )
      assert.deepEqual(await node.told(kept), ['rollback'])
      assert.deepEqual(await node.told(lost), ['rollback'])
      assert.deepEqual(await node.told(next), [])
    }
  })
})
