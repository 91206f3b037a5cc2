import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createEvent } from '@fanline/protocol'
import { createClient } from '@redis/client'
import type { Draft, Entry, Gap, Log } from '../log.ts'
import { eventually } from '../testing/deadline.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { type RedisAck, redisLog } from './redis.ts'

const CHANNEL = 'a' as never

/** A log on one server, and what it heard. */
async function openLog(test: TestContext, { url }: RedisServer, ack: RedisAck = 'memory') {
  const log: Log = redisLog({ client: createClient({ url }) as never, ack })
  const heard: Entry[] = []
  const gaps: Gap[] = []
  test.after(() => log.close())
  await log.open({ entries: (batch) => heard.push(...batch), gap: (gap) => gaps.push(gap) })
  await log.watch(CHANNEL)
  return { log, gaps, texts: () => heard.map(({ event }) => event.data) }
}

async function start(test: TestContext, ...flags: string[]): Promise<RedisServer> {
  const server = await RedisServer.start('none', flags)
  test.after(() => server.stop())
  return server
}

/** A way to speak to a server by its own commands. */
async function commands(test: TestContext, { url }: RedisServer) {
  const client = createClient({ url })
  client.on('error', () => undefined) // a server that ends says so to who asks
  await client.connect()
  test.after(() => client.destroy())
  return client
}

async function withReplica(test: TestContext) {
  const master = await start(test, '--repl-diskless-sync-delay', '0')
  const flags = ['--replicaof', `127.0.0.1 ${master.port}`, '--repl-diskless-sync-delay', '0']
  const replica = await start(test, ...flags)
  const [toMaster, toReplica] = [await commands(test, master), await commands(test, replica)]
  const isSynced = async (): Promise<boolean> =>
    /master_link_status:up/.test(await toReplica.info('replication'))
  await eventually(isSynced, 'it replicates')
  return { master, replica, toMaster, toReplica }
}

function draft(data: string): Draft {
  const event = createEvent(undefined, data)
  return { channels: [CHANNEL], event, except: [], key: data, ephemeral: false }
}

/** The problem that an append ends with. */
async function problemOf(log: Log, data: string): Promise<{ code: string; message: string } | undefined> {
  return log.append([draft(data)]).then(
    () => undefined,
    (error) => error,
  )
}

test('a server that was made a replica takes nothing, and everything again when it is the master', async (t) => {
  const { master, replica, toMaster, toReplica } = await withReplica(t)
  const { log, texts, gaps } = await openLog(t, master)
  const [before] = await log.append([draft('before')])
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
  await eventually(() => texts().includes('after'), 'the next one is heard')
  assert.deepEqual(texts(), ['before', 'after'])
  assert.deepEqual(gaps, [])
  const query = { channels: [CHANNEL], after: before!.position, maxEntries: 10, maxBytes: 1e6 }
  const page = await log.read(query)
  assert.deepEqual(
    page.entries.map(({ event }) => event.data),
    ['after'],
  )
})

test('with ack "replica" nothing is acknowledged that no replica has', async (t) => {
  const { master, replica } = await withReplica(t)
  const { log } = await openLog(t, master, 'replica')
  assert.match(log.health!().promise, /until one replica has it/)
  assert.equal(await problemOf(log, 'first'), undefined)
  replica.signal('SIGSTOP')
  const problem = await problemOf(log, 'second')
  assert.equal(problem?.code, 'log-unavailable')
  assert.match(String(problem?.message), /0 of 1 replicas/)
  replica.signal('SIGCONT')
  // It was stored: the same key tells so, once the replica has it.
  await eventually(async () => (await problemOf(log, 'second')) === undefined, 'the replica has it')
  const [again] = await log.append([draft('second')])
  assert.equal(again!.duplicate, true)
})

test('ack "aof" is kept by appendfsync always', async (t) => {
  const server = await start(t, '--appendonly', 'yes', '--appendfsync', 'always')
  const { log } = await openLog(t, server, 'aof')
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
  const version = /redis_version:(\d+)\.(\d+)/.exec(await (await commands(t, server)).info('server'))
  const knowsWaitAof = Number(version?.[1]) > 7 || (version?.[1] === '7' && Number(version[2]) >= 2)
  const opened = openLog(t, server, 'aof')
  if (knowsWaitAof) await opened
  else await assert.rejects(opened, { code: 'option-invalid' })
})
