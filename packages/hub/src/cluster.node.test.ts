import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { createClient } from '@redis/client'
import { eventStreamDialect } from './dialect.ts'
import { memoryLog } from './log/memory.ts'
import { redisLog } from './log/redis.ts'
import { LogOwner, workerLog } from './log/worker.ts'
import type { Sink, SinkListener } from './sink.ts'
import { clusterSuite, comes, type JoinCluster, withTwoHubs } from './testing/cluster-suite.ts'
import { RedisServer } from './testing/redis-server.ts'
import type { ServedHub } from './testing/served-hub.ts'
import { wirePair } from './testing/wire-pair.ts'

const server = await RedisServer.start()
after(() => server.stop())
let clusters = 0

function onRedis(): JoinCluster {
  const prefix = `cluster-${++clusters}`
  return (nodeName) => redisLog({ client: createClient({ url: server.url }) as never, prefix, nodeName })
}

function onOwner(): JoinCluster {
  const owner = new LogOwner(memoryLog())
  return (nodeName) => {
    const [wire, other] = wirePair().ends
    const leave = owner.join(other, { onStuck: () => assert.fail('no worker is stuck') })
    const log = workerLog({ wire, nodeName })
    const close = log.close.bind(log)
    log.close = () => close().finally(leave)
    return log
  }
}

clusterSuite('a Redis', onRedis)
clusterSuite('the log of another process', onOwner)

async function deliveredTo(hub: ServedHub, request: object): Promise<number> {
  return (await hub.publish({ ...request, data: 'x' })).json.delivered
}

it('a publish counts the streams of this hub alone when Redis stores but does not count', () =>
  withTwoHubs(onRedis(), async (a, b) => {
    await a.listen('/v1/events/news')
    await b.listen('/v1/events/news')
    await comes(async () => (await deliveredTo(a, { channel: 'news' })) === 2, 'both streams')
    const admin = await createClient({ url: server.url }).connect()
    // What the others have said becomes something that cannot be read.
    const key = `{cluster-${clusters}}:f:${b.hub.cluster.nodes()[0]?.id}`
    const spoil = setInterval(() => void admin.set(key, 'not a hash'), 1)
    try {
      await comes(async () => (await deliveredTo(a, { channel: 'news' })) === 1, 'its own stream alone')
    } finally {
      clearInterval(spoil)
      await admin.del(key)
      admin.destroy()
    }
    await comes(async () => (await deliveredTo(a, { channel: 'news' })) === 2, 'both streams again')
    assert.deepEqual(a.hub.stats().problems, {}, 'and no publish failed')
  }))

it('who comes together is counted, placed in the log and told to others together', () =>
  withTwoHubs(onRedis(), async (a) => {
    const admin = await createClient({ url: server.url }).connect()
    const scriptsRun = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1])
    try {
      const before = await scriptsRun()
      const clients = Array.from({ length: 500 }, (_, n) =>
        a.hub.connect({ user: `u${n}`, channels: [`c${n % 10}`] }, silentSink(), eventStreamDialect),
      )
      await Promise.all(clients)
      await comes(
        async () => (await admin.hLen(`{cluster-${clusters}}:f:${a.hub.cluster.nodes()[0]?.id}`)) > 500,
        'all',
      )
      const run = (await scriptsRun()) - before
      assert.ok(run < 100, `${run} calls for 500 clients`)
    } finally {
      admin.destroy()
    }
  }))

/** Takes everything, and is there for nobody. */
function silentSink(): Sink {
  const nothing = (): void => undefined
  let listener: SinkListener | undefined
  const end = (): void => listener?.closed()
  return {
    open: (opened) => {
      listener = opened
    },
    write: () => true,
    flush: nothing,
    end,
    destroy: end,
    bufferedBytes: () => 0,
    progress: () => 0,
  }
}
