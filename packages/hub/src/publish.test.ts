import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parsePublication } from '@fanline/protocol'
import { doors, type ServedHub, withHub } from './testing/served-hub.ts'
import { isPublished, json, type StreamClient } from './testing/stream-client.ts'

for (const door of doors) {
  describe(`publishing, by ${door.name}`, () => {
    it('greets with a cursor, then brings what is published', () =>
      withHub(door, {}, async (served) => {
        const client = await served.open('/v1/events/news?user=u')
        const hello = await client.next()
        assert.equal(hello.event, 'fanline.hello')
        assert.match(hello.id ?? '', /^\d+$/)
        const { connection, ...greeting } = json(hello) as { connection: string }
        assert.match(connection, /^[0-9a-f-]{36}$/)
        const { heartbeatMs } = served.hub.options.delivery
        assert.deepEqual(greeting, { user: 'u', channels: ['news'], resumed: false, heartbeatMs })
        assert.ok(client.retryMs! >= 1000 && client.retryMs! <= 3000, `retry: ${client.retryMs}`)

        const { status, json: receipt } = await served.publish({
          channel: 'news',
          event: 'tick',
          data: { n: 1 },
        })
        assert.equal(status, 200)
        assert.deepEqual(receipt, { id: receipt.id, delivered: 1 })
        assert.deepEqual(await client.next(), {
          id: receipt.id,
          event: 'tick',
          channel: 'news',
          data: '{"n":1}',
        })
        assert.ok(Number(receipt.id) > Number(hello.id))
      }))

    it('reaches one user on two tabs, a phone and a curl, and nobody else', () =>
      withHub(door, {}, async (served) => {
        const mine = await listenMany(served, [
          '/v1/events?user=u',
          '/v1/events?user=u',
          '/v1/events/a?user=u',
        ])
        const curl = await served.open('/v1/events?user=u', { Accept: '*/*' })
        const others = await listenMany(served, ['/v1/events?user=v', '/v1/events/a', '/v1/events?user=u2'])
        await curl.next()
        const { json: receipt } = await served.publish({ user: 'u', data: 'for you' })
        assert.equal(receipt.delivered, 4)
        for (const client of [...mine, curl]) {
          assert.deepEqual(await client.next(), {
            id: receipt.id,
            event: 'message',
            channel: '@user:u',
            data: 'for you',
          })
        }
        await assertHeardNothing(served, others)
      }))

    it('reaches a topic, several users, and everyone', () =>
      withHub(door, {}, async (served) => {
        const [u, v, w, anonymous] = await listenMany(served, [
          '/v1/events/a?user=u',
          '/v1/events/b?user=v',
          '/v1/events/a?channel=b&user=w',
          '/v1/events?channel=a,c',
        ])
        assert.equal((await served.publish({ channel: 'a', data: 'to a' })).json.delivered, 3)
        assert.equal((await served.publish({ channels: ['b', 'c'], data: 'to b and c' })).json.delivered, 3)
        assert.equal(
          (await served.publish({ users: ['u', 'v', 'nobody'], data: 'to u and v' })).json.delivered,
          2,
        )
        assert.equal((await served.publish({ all: true, data: 'to all' })).json.delivered, 4)
        assert.equal((await served.publish({ channel: 'nobody.here', data: 'x' })).json.delivered, 0)
        assert.deepEqual(await dataOf(u!, 3), ['to a', 'to u and v', 'to all'])
        assert.deepEqual(await dataOf(v!, 3), ['to b and c', 'to u and v', 'to all'])
        assert.deepEqual(await dataOf(w!, 3), ['to a', 'to b and c', 'to all'])
        assert.deepEqual(await dataOf(anonymous!, 3), ['to a', 'to b and c', 'to all'])
      }))

    it('gives an event in several channels once to who follows more than one of them', () =>
      withHub(door, {}, async (served) => {
        const [both, resumed] = await listenMany(served, [
          '/v1/events?channel=a&channel=b&user=u',
          '/v1/events/b',
        ])
        const start = resumed!.lastId
        await resumed!.close()
        await served.hasConnections(1)
        const { json: receipt } = await served.publish({
          channels: ['a', 'b'],
          user: 'u',
          all: true,
          data: 1,
        })
        assert.equal(receipt.delivered, 1)
        await served.publish({ channel: 'a', data: 2 })
        assert.deepEqual(await dataOf(both!, 2), ['1', '2'])
        const again = await served.resume('/v1/events?channel=b&channel=a&user=u', start)
        assert.deepEqual(await dataOf(again, 2), ['1', '2'])
      }))

    it('keeps two publishes of the same checked publication apart', () =>
      withHub(door, {}, async (served) => {
        const client = await served.listen('/v1/events/a')
        const start = client.lastId
        const publication = parsePublication({ channel: 'a', data: 'twice' })
        await Promise.all([served.hub.accept(publication), served.hub.accept(publication)])
        await served.publish({ channel: 'a', data: 'end' })
        assert.deepEqual(await dataOf(client, 3), ['twice', 'twice', 'end'])
        const again = await served.resume('/v1/events/a', start)
        assert.deepEqual(await dataOf(again, 3), ['twice', 'twice', 'end'])
      }))

    it('leaves out who is excepted, live and from history', () =>
      withHub(door, {}, async (served) => {
        const [u, v, anonymous] = await listenMany(served, [
          '/v1/events/a?user=u',
          '/v1/events/a?user=v',
          '/v1/events/a',
        ])
        const start = u!.lastId
        const id = (json(anonymous!.events[0]!) as { connection: string }).connection
        const { json: receipt } = await served.publish({ channel: 'a', data: 'not u', except: 'u' })
        assert.equal(receipt.delivered, 2)
        assert.equal((await served.publish({ all: true, data: 'one', except: ['v', id] })).json.delivered, 1)
        await served.publish({ channel: 'a', data: 'end' })
        assert.deepEqual(await dataOf(u!, 2), ['one', 'end'])
        assert.deepEqual(await dataOf(v!, 2), ['not u', 'end'])
        assert.deepEqual(await dataOf(anonymous!, 2), ['not u', 'end'])
        await u!.close()
        const again = await served.resume('/v1/events/a?user=u', start)
        assert.deepEqual(await dataOf(again, 2), ['one', 'end'])
      }))

    it('reaches one connection by its id, without a trace in history', () =>
      withHub(door, {}, async (served) => {
        const [one, other] = await listenMany(served, ['/v1/events/a?user=u', '/v1/events/a?user=u'])
        const { connection } = json(one!.events[0]!) as { connection: string }
        const { json: receipt } = await served.publish({ connection, data: 'only you' })
        assert.deepEqual(receipt, { id: null, delivered: 1 })
        const heard = await one!.next()
        assert.deepEqual({ id: heard.id, data: heard.data }, { id: undefined, data: 'only you' })
        await assertHeardNothing(served, [other!])
        assert.equal((await served.publish({ connection: 'gone', data: 1 })).json.delivered, 0)
      }))

    it('brings an event without history to who is live, and nobody later', () =>
      withHub(door, {}, async (served) => {
        const client = await served.listen('/v1/events/a')
        const start = client.lastId
        const { json: receipt } = await served.publish({ channel: 'a', data: 'now', ephemeral: true })
        assert.deepEqual(receipt, { id: null, delivered: 1 })
        const { id, data } = await client.next()
        assert.deepEqual({ id, data }, { id: undefined, data: 'now' })
        const { json: history } = await served.call('GET', '/v1/channels/a/history')
        assert.deepEqual(history.events, [])
        const again = await served.resume('/v1/events/a', start)
        assert.equal((await again.next()).event, 'fanline.checkpoint')
      }))

    it('takes the same key once', () =>
      withHub(door, {}, async (served) => {
        const client = await served.listen('/v1/events/a')
        const { json: first } = await served.publish({ channel: 'a', data: 1, key: 'k' })
        const { json: again } = await served.publish({ channel: 'a', data: 2, key: 'k' })
        assert.equal(again.id, first.id)
        assert.equal(again.duplicate, true)
        const headers = { 'Idempotency-Key': 'k' }
        const body = JSON.stringify({ channel: 'a', data: 3 })
        const { json: byHeader } = await served.call('POST', '/v1/publish', body, headers)
        assert.equal(byHeader.id, first.id)
        const { json: raw } = await served.call('POST', '/v1/publish/a', 'raw', headers)
        assert.equal(raw.id, first.id)
        await served.publish({ channel: 'a', data: 'end' })
        assert.deepEqual(await dataOf(client, 2), ['1', 'end'])
      }))

    it('takes a key once from each publisher, and tells no one of the keys of others', () =>
      withHub(door, {}, async (served) => {
        const publishAs = async (user: string): Promise<{ id: string; duplicate?: true }> => {
          const body = JSON.stringify({ channel: 'a', data: user, key: 'k' })
          return (await served.call('POST', `/v1/publish?user=${user}`, body)).json
        }
        const alice = await publishAs('alice')
        const bob = await publishAs('bob')
        assert.equal(bob.duplicate, undefined)
        assert.notEqual(bob.id, alice.id)
        assert.deepEqual(await publishAs('alice'), { id: alice.id, delivered: 0, duplicate: true })
        assert.equal((await publishAs('alice%0Ak')).duplicate, undefined)
      }))

    it('keeps the order of calls that do not wait for each other', () =>
      withHub(door, {}, async (served) => {
        const client = await served.listen('/v1/events/a')
        const numbers = Array.from({ length: 500 }, (_, i) => i)
        await Promise.all(numbers.map((n) => served.hub.publish({ channel: 'a', data: n })))
        assert.deepEqual(await dataOf(client, 500), numbers.map(String))
      }))

    it('brings data back as it was given', () =>
      withHub(door, {}, async (served) => {
        const values = [
          'text',
          '',
          ' leading',
          'two\nlines\n',
          '\u2028',
          '{"looks":"like JSON"}',
          0,
          false,
          null,
          [],
          { a: ['ü'] },
        ]
        const client = await served.listen('/v1/events/a')
        const lines = await served.open('/v1/events/a', { Accept: 'application/x-ndjson' })
        for (const data of values) await served.publish({ channel: 'a', data })
        for (const value of values) {
          const { data } = await client.next()
          assert.equal(data, typeof value === 'string' ? value : JSON.stringify(value))
        }
        const { json: history } = await served.call('GET', '/v1/channels/a/history')
        assert.deepEqual(
          history.events.map((event: { data: unknown }) => event.data),
          values,
        )
        assert.equal(history.complete, true)
        assert.equal(history.next, null)
        await lines.close()
      }))
  })

  describe(`what a hub tells about itself, by ${door.name}`, () => {
    it('counts connections, users, channels and events', () =>
      withHub(door, {}, async (served) => {
        const [u, second] = await listenMany(served, [
          '/v1/events/a?user=u',
          '/v1/events?channel=a&channel=b&user=u',
        ])
        await served.publish({ channel: 'a', data: 1 })
        await Promise.all([u!.next(), second!.next()])
        const { json: stats } = await served.call('GET', '/v1/stats')
        const expected = {
          connections: 2,
          users: 1,
          published: 1,
          delivered: 2,
          gaps: 0,
          opened: 2,
          closed: 0,
          behind: 0,
        }
        for (const [name, value] of Object.entries(expected)) assert.equal(stats[name], value, name)
        // Everyone's channel, the user's, a and b.
        assert.equal(stats.channels, 4)
        assert.equal(stats.log.events, 1)
        assert.equal(stats.head, u!.lastId)
      }))

    it('lists connections, and forgets one that has left', () =>
      withHub(door, {}, async (served) => {
        const client = await served.listen('/v1/events/a?user=u')
        await served.listen('/v1/events/b')
        const { connection } = json(client.events[0]!) as { connection: string }
        const { json: list } = await served.call('GET', '/v1/connections')
        assert.equal(list.next, null)
        assert.deepEqual(
          list.connections.map(({ user }: { user: string }) => user),
          ['u', null],
        )
        const [info] = list.connections
        assert.deepEqual(info, {
          ...info,
          id: connection,
          user: 'u',
          channels: ['a'],
          cursor: client.lastId,
          state: 'live',
          bufferedBytes: 0,
        })
        assert.ok(Math.abs(Date.parse(info.connectedAt) - Date.now()) < 60_000)
        assert.deepEqual(
          [...served.hub.connections({ user: 'u' })].map(({ id }) => id),
          [connection],
        )
        assert.deepEqual(
          [...served.hub.connections({ channel: 'b' })].map(({ user }) => user),
          [null],
        )
        assert.deepEqual([...served.hub.connections({ channel: 'b', user: 'u' })], [])
        await client.close()
        await served.hasConnections(1)
        assert.equal(served.hub.isFollowed('a'), false)
        assert.equal(served.hub.isFollowed('b'), true)
      }))
  })
}

describe('ending connections', () => {
  const door = doors[0]!

  for (const by of ['user', 'connection', 'channel'] as const) {
    it(`by ${by} says bye, and spares the others`, () =>
      withHub(door, {}, async (served) => {
        const [mine, other] = await listenMany(served, ['/v1/events/a?user=u', '/v1/events/b?user=v'])
        const { connection } = json(mine!.events[0]!) as { connection: string }
        const filter = { user: { user: 'u' }, connection: { connection }, channel: { channel: 'a' } }[by]
        assert.equal(served.hub.disconnect(filter), 1)
        const bye = await mine!.next()
        assert.equal(bye.event, 'fanline.bye')
        assert.deepEqual(json(bye), { reason: 'kicked', reconnect: false })
        await mine!.over
        await served.hasConnections(1)
        await assertHeardNothing(served, [other!])
        assert.equal(served.hub.disconnect(filter), 0)
      }))
  }

  it('needs to be told which', () =>
    withHub(door, {}, async ({ hub }) => {
      assert.throws(() => hub.disconnect({}), { code: 'bad-request' })
      assert.throws(() => hub.disconnect({ user: 'u' }, 'toString' as never), { code: 'bad-request' })
    }))

  it('is refused where a name is none', () =>
    withHub(door, {}, async ({ hub }) => {
      await assert.rejects(hub.publish({ channel: 'a b', data: 1 }), { code: 'channel-invalid' })
      await assert.rejects(hub.publish({ data: 1 }), { code: 'target-missing' })
    }))
})

async function listenMany(served: ServedHub, paths: readonly string[]): Promise<StreamClient[]> {
  const clients: StreamClient[] = []
  for (const path of paths) clients.push(await served.listen(path))
  return clients
}

async function dataOf(client: StreamClient, count: number): Promise<string[]> {
  return (await client.take(count)).map(({ data }) => data)
}

/** After something that everyone gets has come, what else was sent would have come, too. */
async function assertHeardNothing(served: ServedHub, clients: readonly StreamClient[]): Promise<void> {
  await served.publish({ all: true, data: 'proof' })
  for (const client of clients) {
    await client.takeUntil(({ data }) => data === 'proof')
    assert.deepEqual(
      client.events.filter(isPublished).map(({ data }) => data),
      ['proof'],
    )
  }
}
