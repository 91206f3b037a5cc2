import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createClient } from '@redis/client'
import type { Log } from '../log.ts'
import { eventually } from '../testing/deadline.ts'
import { CHANNEL, draft, LogNode } from '../testing/log-node.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { type RedisAck, redisLog } from './redis.ts'

function openNode(test: TestContext, { url }: RedisServer, ack: RedisAck = 'memory'): Promise<LogNode> {
  return new LogNode(redisLog({ client: createClient({ url }) as never, ack })).open(test)
}

async function start(test: TestContext, ...flags: string[]): Promise<RedisServer> {
  const server = await RedisServer.start('none', flags)
  test.after(() => server.stop())
  return server
}

async function withReplica(test: TestContext) {
  const master = await start(test, '--repl-diskless-sync-delay', '0')
  const flags = ['--replicaof', `127.0.0.1 ${master.port}`, '--repl-diskless-sync-delay', '0']
  const replica = await start(test, ...flags)
  const [toMaster, toReplica] = [await master.commands(test), await replica.commands(test)]
  const isSynced = async (): Promise<boolean> =>
    /master_link_status:up/.test(await toReplica.info('replication'))
  await eventually(isSynced, 'it replicates')
  return { master, replica, toMaster, toReplica }
}

/** The problem that an append ends with. */
async function problemOf(log: Log, data: string): Promise<{ code: string; message: string } | undefined> {
  return log.append([draft(data, data)]).then(
    () => undefined,
    (error) => error,
  )
}

test('a server that was made a replica takes nothing, and everything again when it is the master', async (t) => {
  const { master, replica, toMaster, toReplica } = await withReplica(t)
  const node = await openNode(t, master)
  const { log } = node
  const [before] = await log.append([draft('before', 'before')])
  await eventually(async () => (await toReplica.dbSize()) === (await toMaster.dbSize()), 'the replica has it')
  await toReplica.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  await toMaster.sendCommand(['REPLICAOF', '127.0.0.1', String(replica.port)])
  assert.equal((await problemOf(log, 'refused'))?.code, 'log-unavailable')

  await eventually(
    async () => /master_link_status:up/.test(await toMaster.info('replication')),
    'it replicates the other way round',
  )
  await toMaster.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  await eventually(async () => (await problemOf(log, 'after')) === undefined, 'it takes events again')
  await eventually(() => node.texts.includes('after'), 'the next one is heard')
  assert.deepEqual(node.texts, ['before', 'after'])
  assert.deepEqual(node.gaps, [])
  const query = { channels: [CHANNEL], after: before!.position, maxEntries: 10, maxBytes: 1e6 }
  const page = await log.read(query)
  assert.deepEqual(
    page.entries.map(({ event }) => event.data),
    ['after'],
  )
})

test('with ack "replica" nothing is acknowledged that no replica has', async (t) => {
  const { master, replica } = await withReplica(t)
  const { log } = await openNode(t, master, 'replica')
  assert.match(log.health!().promise, /until one replica has it/)
  assert.equal(await problemOf(log, 'first'), undefined)
  replica.signal('SIGSTOP')
  const problem = await problemOf(log, 'second')
  assert.equal(problem?.code, 'log-unavailable')
  assert.match(String(problem?.message), /0 of 1 replicas/)
  replica.signal('SIGCONT')
  // It was stored: the same key tells so, once the replica has it.
  await eventually(async () => (await problemOf(log, 'second')) === undefined, 'the replica has it')
  const [again] = await log.append([draft('second', 'second')])
  assert.equal(again!.duplicate, true)
})

test('ack "aof" is kept by appendfsync always', async (t) => {
  const server = await start(t, '--appendonly', 'yes', '--appendfsync', 'always')
  const { log } = await openNode(t, server, 'aof')
  assert.match(log.health!().promise, /a crash of Redis or of its machine loses nothing/)
  assert.equal(await problemOf(log, 'kept'), undefined)
  await server.kill()
  await server.run()
  await eventually(async () => (await problemOf(log, 'next')) === undefined, 'it is there again')
  const page = await log.read({ channels: [CHANNEL], after: 0 as never, maxEntries: 10, maxBytes: 1e6 })
  assert.deepEqual(
    page.entries.map(({ event }) => event.data),
    ['kept', 'next'],
  )
})

test('ack "aof" is refused where it cannot be kept', async (t) => {
  const server = await start(t, '--appendonly', 'yes', '--appendfsync', 'everysec')
  const version = /redis_version:(\d+)\.(\d+)/.exec(await (await server.commands(t)).info('server'))
  const knowsWaitAof = Number(version?.[1]) > 7 || (version?.[1] === '7' && Number(version[2]) >= 2)
  const opened = openNode(t, server, 'aof')
  if (knowsWaitAof) await opened
  else await assert.rejects(opened, { code: 'option-invalid' })
})
