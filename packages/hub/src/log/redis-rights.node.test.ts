import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as runner from 'node:test'
import { type ChannelName, createEvent, type Position } from '@fanline/protocol'
import { createClient } from '@redis/client'
import { systemClock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { PeerSelf } from '../peers.ts'
import { CERTIFICATE, CERTIFICATE_KEY } from '../testing/certificate.ts'
import { freePort } from '../testing/free-port.ts'
import { logConformance } from '../testing/log-conformance.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { type ClonableRedisClient, redisLog } from './redis.ts'

const page = readFileSync(new URL('../../../../docs/reference/redis.md', import.meta.url), 'utf8')
/** What docs/reference/redis.md says that a user needs. */
const rights = /^ACL SETUSER [^`]*/m.exec(page)![0].trim().split(/\s+/)

const server = await RedisServer.start()
const admin = createClient({ url: server.url })
admin.on('error', () => undefined) // the server ends first
await admin.connect()
runner.after(async () => {
  admin.destroy()
  await server.stop()
})
await admin.sendCommand(rights)

function clientWithRights(): ClonableRedisClient {
  const client = createClient({ url: server.url, username: 'fanline', password: 'PASSWORD' })
  return client as unknown as ClonableRedisClient
}

logConformance({
  name: 'redisLog() of a user with the documented rights',
  runner,
  async create(settings) {
    await admin.flushAll()
    let offset = 0
    const clock = { ...systemClock, now: () => Date.now() + offset }
    const make = (): Log => redisLog({ client: clientWithRights(), clock, ...settings })
    return {
      log: make(),
      now: () => clock.now(),
      advance: (ms) => {
        offset += ms
      },
      restart: make,
    }
  },
  skips: {
    'the byte cap of the whole log takes the oldest of all': 'Redis bounds its memory with maxmemory',
    'any number of channel names stays inside the byte cap, and what is new is kept':
      'Redis bounds its memory with maxmemory',
  },
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
  const node = await RedisServer.start('none', ['--cluster-enabled', 'yes'])
  t.after(() => node.stop())
  const client = createClient({ url: node.url })
  client.on('error', () => undefined) // the server ends first
  await client.connect()
  t.after(() => client.destroy())
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
  const directory = mkdtempSync(join(tmpdir(), 'fanline-tls-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const [certificate, key] = [join(directory, 'certificate.pem'), join(directory, 'key.pem')]
  writeFileSync(certificate, CERTIFICATE)
  writeFileSync(key, CERTIFICATE_KEY)
  const port = await freePort()
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate]
  const flags = ['--tls-port', String(port), '--tls-auth-clients', 'no', ...files]
  const tlsServer = await RedisServer.start('none', flags)
  t.after(() => tlsServer.stop())
  const url = `rediss://localhost:${port}`
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
