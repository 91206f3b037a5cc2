import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { createClient } from '@redis/client'
import { redisLog } from './log/redis.ts'
import type { HubOptionsInput } from './options.ts'
import { inTime } from './testing/deadline.ts'
import { RedisServer } from './testing/redis-server.ts'
import { nodeDoor, type ServedHub, withHub } from './testing/served-hub.ts'

const server = await RedisServer.start()
after(() => server.stop())
let clusters = 0

/** Runs a test with two hubs on one log. */
async function withTwoHubs(
  test: (a: ServedHub, b: ServedHub) => Promise<void>,
  options: HubOptionsInput = {},
): Promise<void> {
  const prefix = `cluster-${++clusters}`
  const log = (nodeName: string) =>
    redisLog({ client: createClient({ url: server.url }) as never, prefix, nodeName })
  await withHub(nodeDoor, { ...options, log: log('a') }, (a) =>
    withHub(nodeDoor, { ...options, log: log('b') }, async (b) => {
      await Promise.all([a.hub.ready, b.hub.ready])
      await test(a, b)
    }),
  )
}

/** Waits for what others are told a moment later. */
async function comes(condition: () => Promise<boolean>, what: string): Promise<void> {
  let holds = false
  const ask = async (): Promise<void> => {
    while (!holds) holds = await condition()
  }
  await inTime(ask(), () => what)
}

describe('delivered counts the streams of all hubs', () => {
  const deliveredTo = async (hub: ServedHub, request: object): Promise<number> =>
    (await hub.publish({ ...request, data: 'x' })).json.delivered

  it('of a channel, of a user, and of everyone', () =>
    withTwoHubs(async (a, b) => {
      await a.listen('/v1/events/news?user=u')
      await b.listen('/v1/events/news?user=u')
      await b.listen('/v1/events/other?user=v')
      await comes(async () => (await deliveredTo(a, { all: true })) === 3, 'three streams')
      assert.equal(await deliveredTo(a, { channel: 'news' }), 2)
      assert.equal(await deliveredTo(b, { user: 'u' }), 2)
      assert.equal(await deliveredTo(a, { users: ['u', 'v'] }), 3)
      assert.equal(await deliveredTo(a, { channel: 'nobody.here' }), 0)
    }))

  it('of one connection, wherever it is', () =>
    withTwoHubs(async (a, b) => {
      const stream = await b.open('/v1/events/news')
      const { connection } = JSON.parse((await stream.next()).data)
      assert.equal(await deliveredTo(a, { connection }), 1)
      assert.equal(await deliveredTo(b, { connection }), 1)
      assert.equal(await deliveredTo(a, { connection: 'nobody' }), 0)
    }))

  it('and no more when streams end', () =>
    withTwoHubs(async (a, b) => {
      const stream = await b.listen('/v1/events/news')
      await comes(async () => (await deliveredTo(a, { channel: 'news' })) === 1, 'the stream')
      await stream.close()
      await comes(async () => (await deliveredTo(a, { channel: 'news' })) === 0, 'its end')
    }))

  it('of this hub alone when Redis stores but does not count', () =>
    withTwoHubs(async (a, b) => {
      await a.listen('/v1/events/news')
      await b.listen('/v1/events/news')
      await comes(async () => (await deliveredTo(a, { channel: 'news' })) === 2, 'both streams')
      const admin = await createClient({ url: server.url }).connect()
      // What the others have said becomes something that cannot be read.
      const key = `{cluster-${clusters}}:f:${b.hub.cluster.own?.id}`
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
})
