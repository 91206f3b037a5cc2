import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { ProblemError } from '@fanline/protocol'
import { Tickets } from '../auth/ticket.ts'
import { type Access, type Authenticator, grantAccess } from '../authenticator.ts'
import type { Happening } from '../happenings.ts'
import type { RoutesOptions } from '../http/routes.ts'
import type { HubStats } from '../hub-stats.ts'
import type { Log } from '../log.ts'
import type { HubOptionsInput } from '../options.ts'
import type { PlacedTrace } from '../trace.ts'
import { eventually, inTime } from './deadline.ts'
import { FakeClock } from './fake-clock.ts'
import { nodeDoor, type ServedHub, withHub } from './served-hub.ts'
import { isPublished, type StreamClient } from './stream-client.ts'

/** Makes a log for one more hub of a cluster. */
export type JoinCluster = (nodeName: string) => Log

/** How the hubs of a test are set up. */
export interface ClusterSettings {
  readonly options?: HubOptionsInput
  readonly routes?: Partial<RoutesOptions>
}

/** Runs a test with two hubs on one log. */
export async function withTwoHubs(
  join: JoinCluster,
  test: (a: ServedHub, b: ServedHub) => Promise<void>,
  { options = {}, routes = {} }: ClusterSettings = {},
): Promise<void> {
  const bothReady = (a: ServedHub) =>
    withHub(
      nodeDoor,
      { ...options, log: join('b') },
      async (b) => {
        await Promise.all([a.hub.ready, b.hub.ready])
        await eventually(() => a.hub.cluster.nodes().length === 2, 'both know each other')
        await test(a, b)
      },
      routes,
    )
  await withHub(nodeDoor, { ...options, log: join('a') }, bothReady, routes)
}

/** Waits for what others are told a moment later. */
export async function comes(condition: () => Promise<boolean>, what: string): Promise<void> {
  let isOver = false
  const ask = async (): Promise<void> => {
    while (!isOver && !(await condition())) await setTimeout(1)
  }
  await inTime(ask(), () => what).finally(() => {
    isOver = true
  })
}

/** Lets everybody be whoever they say, and nobody an admin. */
const listenersOnly: Authenticator = ({ query }) => {
  const user = query.get('user')
  return grantAccess({ ...(user === null ? {} : { user }), subscribe: ['**'] })
}

/** Opens streams, and answers the ids of their connections. */
async function listenAt(hub: ServedHub, ...paths: string[]): Promise<{ client: StreamClient; id: string }[]> {
  const opened: { client: StreamClient; id: string }[] = []
  for (const path of paths) {
    const client = await hub.open(path)
    opened.push({ client, id: JSON.parse((await client.next()).data).connection })
  }
  return opened
}

const TICKET_MS = 60_000

/** The tickets of a hub, whose time stands still. */
interface TicketDesk {
  readonly tickets: Tickets
  readonly clock: FakeClock
  issue(access: Access, channels?: readonly string[]): string
  /** Lets in who asks for a stream with a ticket. */
  open(ticket: string, origin?: string): Promise<Access | undefined>
  /** Tells others of no ticket from now on. */
  forgetAll(): void
}

function ticketDesk({ hub: { cluster } }: ServedHub): TicketDesk {
  const clock = new FakeClock()
  const tickets = new Tickets({ lifetimeMs: TICKET_MS, cluster, clock })
  const page = 'https://app.example'
  return {
    tickets,
    clock,
    issue: (access, channels = ['news']) => tickets.issue(access, { channels, origin: page }).ticket,
    open: async (ticket, origin = page) =>
      tickets.authenticate({
        method: 'GET',
        path: '/v1/events/news',
        query: new URLSearchParams({ ticket }),
        header: (name) => (name === 'origin' ? origin : undefined),
      }),
    forgetAll: () => cluster.shareTickets(() => undefined),
  }
}

async function byeOf(client: StreamClient): Promise<unknown> {
  const { event, data } = await client.next()
  return event === 'fanline.bye' ? JSON.parse(data).reason : event
}

/**
 * Checks that hubs which share a log know of each other what they promise to know.
 * @param newCluster makes an empty log, and answers what joins hubs to it
 */
export function clusterSuite(name: string, newCluster: () => JoinCluster): void {
  const withBoth = (test: (a: ServedHub, b: ServedHub) => Promise<void>, settings?: ClusterSettings) =>
    withTwoHubs(newCluster(), test, settings)

  describe(`hubs that share ${name}`, () => {
    describe('delivered counts the streams of all hubs', () => {
      const deliveredTo = async (hub: ServedHub, request: object): Promise<number> =>
        (await hub.publish({ ...request, data: 'x' })).json.delivered

      it('of a channel, of a user, and of everyone', () =>
        withBoth(async (a, b) => {
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
        withBoth(async (a, b) => {
          const stream = await b.open('/v1/events/news')
          const { connection } = JSON.parse((await stream.next()).data)
          assert.equal(await deliveredTo(a, { connection }), 1)
          assert.equal(await deliveredTo(b, { connection }), 1)
          assert.equal(await deliveredTo(a, { connection: 'nobody' }), 0)
        }))

      it('and no more when streams end', () =>
        withBoth(async (a, b) => {
          const stream = await b.listen('/v1/events/news')
          await comes(async () => (await deliveredTo(a, { channel: 'news' })) === 1, 'the stream')
          await stream.close()
          await comes(async () => (await deliveredTo(a, { channel: 'news' })) === 0, 'its end')
        }))
    })

    describe('any hub answers for all', () => {
      it('with figures: their sums, and those of each', () =>
        withBoth(async (a, b) => {
          await listenAt(a, '/v1/events/news?user=u')
          await listenAt(b, '/v1/events/news?user=v', '/v1/events')
          const { id } = (await b.publish({ channel: 'news', data: 1 })).json
          await b.call('POST', '/v1/publish', 'no JSON')
          const { json: stats } = await a.call('GET', '/v1/stats')
          assert.deepEqual(
            [stats.connections, stats.users, stats.published, stats.opened, stats.head, stats.silent],
            [3, 2, 1, 3, id, []],
          )
          assert.deepEqual(stats.problems, { 'bad-json': 1 })
          assert.deepEqual(
            stats.nodes.map(({ node, stats }: { node: string; stats: HubStats }) => [
              node,
              stats.connections,
            ]),
            [
              ['a', 1],
              ['b', 2],
            ],
          )
          assert.deepEqual(
            a.hub.cluster.nodes().map(({ name }) => name),
            ['a', 'b'],
          )
        }))

      it('with the way of an event, also to who reads it later where nobody followed it then', () =>
        withBoth(async (a, b) => {
          const { client } = (await listenAt(b, '/v1/events/news?user=v'))[0]!
          const { id: before } = (await b.publish({ channel: 'other', data: 0 })).json
          const { id } = (await b.publish({ channel: 'news', data: 1 })).json
          await client.takeUntil(({ data }) => data === '1')
          const later = await a.open('/v1/events/news?user=u', { 'Last-Event-ID': before })
          await later.takeUntil(({ event }) => event === 'fanline.checkpoint')
          const { json: trace } = await a.call('GET', `/v1/trace/${id}`)
          assert.deepEqual(
            trace.hubs.map(({ node, publishes, connections }: PlacedTrace) => [
              node,
              publishes.length,
              connections.map(({ user, fate }) => [user, fate]),
            ]),
            [
              ['a', 0, [['u', 'caught-up']]],
              ['b', 1, [['v', 'written']]],
            ],
          )
          assert.deepEqual([trace.channels, trace.silent], [['news'], []])
        }))

      it('with what happens on each of them', () =>
        withBoth(async (a, b) => {
          const heard: Happening[] = []
          const stop = a.hub.cluster.watch(
            (happening) => heard.push(happening),
            (missed) => assert.equal(missed, 0),
          )
          await comes(async () => b.hub.happenings.areWatched, 'that b is looked at')
          await b.publish({ channel: 'news', data: 'there' })
          await a.publish({ channel: 'news', data: 'here' })
          await comes(async () => heard.length === 2, 'both')
          stop()
          assert.deepEqual(
            heard.map(({ node, event }) => [node, event?.data]),
            [
              ['a', 'here'],
              ['b', 'there'],
            ],
          )
        }))

      it('with a list of connections, each with its hub', () =>
        withBoth(async (a, b) => {
          const here = await listenAt(a, '/v1/events/news?user=u', '/v1/events')
          const there = await listenAt(b, '/v1/events/news?user=v', '/v1/events?user=u')
          const idsOf = async (query: string): Promise<string[][]> => {
            const { connections, next, silent } = (await a.call('GET', `/v1/connections${query}`)).json
            assert.deepEqual([next, silent], [null, []])
            return connections.map(({ id, node }: { id: string; node: string }) => [node, id]).sort()
          }
          const placed = (node: string, ...opened: { id: string }[]) => opened.map(({ id }) => [node, id])
          assert.deepEqual(await idsOf(''), [...placed('a', ...here), ...placed('b', ...there)].sort())
          assert.deepEqual(await idsOf('?channel=news'), [
            ...placed('a', here[0]!),
            ...placed('b', there[0]!),
          ])
          assert.deepEqual(await idsOf('?user=v'), placed('b', there[0]!))
          assert.deepEqual(await idsOf('?user=nobody'), [])
        }))

      it('page by page, each connection once', () =>
        withBoth(async (a, b) => {
          const paths = Array.from({ length: 5 }, () => '/v1/events')
          const opened = [...(await listenAt(a, ...paths)), ...(await listenAt(b, ...paths))].map(
            ({ id }) => id,
          )
          for (const limit of [1, 2, 3, 5, 9, 10]) {
            const found: string[] = []
            let pages = 0
            for (let after: string | undefined; pages === 0 || after !== undefined; pages++) {
              const page = await b.hub.cluster.connections({}, { after, limit })
              assert.ok(page.connections.length <= limit)
              found.push(...page.connections.map(({ id }) => id))
              after = page.next ?? undefined
            }
            assert.deepEqual(found.sort(), [...opened].sort(), `pages of ${limit}`)
            assert.ok(pages <= Math.ceil(10 / limit) + 2, `${pages} pages of ${limit}`)
          }
          for (const after of ['x', '-1', `${a.hub.cluster.nodes()[0]?.id}.`]) {
            await assert.rejects(a.hub.cluster.connections({}, { after }), { code: 'after-invalid' })
          }
        }))

      it('by ending streams wherever they are', () =>
        withBoth(async (a, b) => {
          const [one] = await listenAt(b, '/v1/events?user=w')
          const others = [
            ...(await listenAt(a, '/v1/events?user=u')),
            ...(await listenAt(b, '/v1/events?user=u')),
          ]
          const ended = await a.call('DELETE', `/v1/connections/${one?.id}`)
          assert.deepEqual(ended.json, { closed: 1, silent: [] })
          assert.equal(await byeOf(one!.client), 'kicked')
          assert.deepEqual((await a.call('DELETE', '/v1/users/u/connections')).json, {
            closed: 2,
            silent: [],
          })
          for (const { client } of others) assert.equal(await byeOf(client), 'kicked')
          const again = await a.call('DELETE', `/v1/connections/${one?.id}`)
          assert.deepEqual([again.status, again.json.code], [404, 'connection-not-found'])
          await assert.rejects(a.hub.cluster.disconnect({}), { code: 'bad-request' })
        }))

      it('by ending the streams of a token that was revoked', () =>
        withBoth(async (a, b) => {
          const [{ client } = {} as never] = await listenAt(b, '/v1/events?user=u')
          await a.hub.revoke({ user: 'u' })
          assert.equal(await byeOf(client), 'revoked')
        }))

      it('by letting a stream go on with a new token, and by making it follow other channels', () =>
        withBoth(async (a, b) => {
          const [{ client, id } = {} as never] = await listenAt(b, '/v1/events/news?user=u')
          const renewed = await a.call('POST', `/v1/connections/${id}/token?user=u`)
          assert.deepEqual([renewed.status, renewed.json], [200, { user: 'u', expiresAt: null }])
          const expiresAt = Date.now() + 3_600_000
          assert.equal(await a.hub.cluster.renew(id, { expiresAt, credential: { kind: 'custom' } }), true)
          assert.equal(b.hub.connection(id)?.expiresAt, new Date(expiresAt).toISOString())
          assert.deepEqual(b.hub.connection(id)?.credential, { kind: 'custom' })

          const followed = await a.call(
            'PUT',
            `/v1/connections/${id}/channels?user=u`,
            '{"channels":["other"]}',
          )
          assert.deepEqual([followed.status, followed.json], [200, { channels: ['other'] }])
          await a.publish({ channel: 'other', data: 'heard' })
          const heard = await client.takeUntil(isPublished)
          assert.equal(heard.at(-1)?.data, 'heard')

          await assert.rejects(a.hub.cluster.follow(id, ['no spaces']), { code: 'channel-invalid' })
          const tooMany = Array.from({ length: 101 }, (_, n) => `c${n}`)
          await assert.rejects(a.hub.cluster.follow(id, tooMany), { code: 'too-many-channels' })
          for (const [method, path] of [
            ['POST', '/v1/connections/nobody/token'],
            ['PUT', '/v1/connections/nobody/channels'],
          ] as const) {
            const answer = await a.call(method, path, '{"channels":[]}')
            assert.deepEqual([answer.status, answer.json.code], [404, 'connection-not-found'])
          }
        }))

      it('with the problem that another hub met', () =>
        withBoth(async (a, b) => {
          b.hub.follow = () => Promise.reject(new ProblemError('too-many-channels', 'At most 1 here.'))
          await assert.rejects(a.hub.cluster.follow('x', ['news']), {
            code: 'too-many-channels',
            detail: 'At most 1 here.',
          })
        }))

      it('not by changing the stream of another user', () =>
        withBoth(
          async (a, b) => {
            const [{ id } = {} as never] = await listenAt(b, '/v1/events/news?user=u')
            for (const [method, path] of [
              ['POST', `/v1/connections/${id}/token?user=v`],
              ['PUT', `/v1/connections/${id}/channels?user=v`],
            ] as const) {
              const answer = await a.call(method, path, method === 'PUT' ? '{"channels":["x"]}' : '')
              assert.deepEqual([answer.status, answer.json.code], [403, 'user-mismatch'])
            }
            assert.deepEqual(b.hub.connection(id)?.channels, ['news'])
          },
          { routes: { authenticator: listenersOnly } },
        ))

      it('and says who was silent', () =>
        withBoth(async (a, b) => {
          await listenAt(a, '/v1/events')
          await listenAt(b, '/v1/events')
          b.hub.cluster.answer = () => new Promise(() => undefined)
          const [stats, connections, ended] = await Promise.all([
            a.call('GET', '/v1/stats'),
            a.call('GET', '/v1/connections'),
            a.call('DELETE', '/v1/connections/somebody'),
          ])
          assert.deepEqual([stats.json.connections, stats.json.silent], [1, ['b']])
          assert.deepEqual([connections.json.connections.length, connections.json.silent], [1, ['b']])
          assert.equal(ended.json.detail, 'These hubs did not answer: b.')
        }))

      it('and believes nobody who says what cannot be', () =>
        withBoth(async (a, b) => {
          await listenAt(a, '/v1/events')
          for (const said of [
            null,
            7,
            'x',
            [],
            {},
            { connections: [{}], hasMore: false },
            { head: 'x' },
            { channels: 7 },
          ]) {
            for (const answer of [said, { said }, { problem: said }, { problem: { code: 'toString' } }]) {
              b.hub.cluster.answer = async () => answer
              const [stats, page, users] = await Promise.all([
                a.hub.cluster.stats(),
                a.hub.cluster.connections(),
                a.hub.cluster.users(),
              ])
              const text = JSON.stringify(answer)
              assert.deepEqual([stats.connections, stats.silent], [1, ['b']], text)
              assert.deepEqual([page.connections.length, page.silent], [1, ['b']], text)
              assert.deepEqual([users.users, users.silent], [[], ['b']], text)
              assert.equal(await a.hub.cluster.connection('x'), undefined, text)
              assert.equal(await a.hub.cluster.findTicket('x'), undefined, text)
              assert.equal(
                await a.hub.cluster.renew('x', { expiresAt: 1, credential: { kind: 'custom' } }),
                false,
              )
            }
          }
        }))

      it('and does nothing that is no question', () =>
        withBoth(async (a, b) => {
          await listenAt(b, '/v1/events?user=u')
          const junk = [
            null,
            7,
            'stats',
            [],
            {},
            { ask: 'toString' },
            { ask: 'constructor' },
            { ask: 'connections' },
          ]
          const filters = [null, {}, { user: 7 }, { user: undefined }, 'u']
          for (const question of [
            ...junk,
            ...filters.map((filter) => ({ ask: 'disconnect', filter, reason: 'kicked' })),
          ]) {
            const answer = await b.hub.cluster.answer(question)
            assert.ok(answer === undefined || 'problem' in Object(answer), JSON.stringify(question))
          }
          assert.equal(b.hub.stats().connections, 1)
          assert.equal(a.hub.stats().connections, 0)
        }))
    })

    describe('limits count the streams of all hubs', () => {
      const asking = { Accept: 'application/problem+json, text/event-stream' }

      it('of one user', () =>
        withBoth(
          async (a, b) => {
            await listenAt(a, '/v1/events?user=u')
            const [last] = await listenAt(b, '/v1/events?user=u')
            await comes(async () => (await a.hub.cluster.presence('u')).connections === 2, 'both streams')
            for (const hub of [a, b]) {
              const { status, json } = await hub.call('GET', '/v1/events?user=u', undefined, asking)
              assert.deepEqual([status, json.code], [429, 'too-many-connections-of-user'])
            }
            await listenAt(a, '/v1/events?user=v')
            await last?.client.close()
            await comes(async () => (await a.hub.cluster.presence('u')).connections === 1, 'one stream')
            await listenAt(a, '/v1/events?user=u')
          },
          { options: { limits: { connectionsPerUser: 2 } } },
        ))

      it('from one address', () =>
        withBoth(
          async (a, b) => {
            await listenAt(b, '/v1/events')
            await comes(
              async () => (await a.hub.cluster.countElsewhere(['@address:192.0.2.1']))[0] === 1,
              'it',
            )
            const { status, json } = await a.call('GET', '/v1/events', undefined, asking)
            assert.deepEqual([status, json.code], [429, 'too-many-connections-of-address'])
          },
          { options: { limits: { connectionsPerAddress: 1 } }, routes: { addressOf: () => '192.0.2.1' } },
        ))
    })

    describe('a ticket that one hub gave', () => {
      const withTickets = (test: (atA: TicketDesk, atB: TicketDesk) => Promise<void>) =>
        withBoth((a, b) => test(ticketDesk(a), ticketDesk(b)))
      const news = grantAccess({ user: 'u', subscribe: ['news'] })

      it('opens streams of the other, and outlives the first', () =>
        withTickets(async (atA, atB) => {
          const ticket = atA.issue(news)
          await assert.rejects(atB.open('no ticket'), { code: 'ticket-invalid' })
          await assert.rejects(atB.open('x'.repeat(43)), { code: 'ticket-invalid' })
          await assert.rejects(atB.open(ticket, 'https://evil.example'), { code: 'ticket-invalid' })
          const letIn = await atB.open(ticket)
          assert.deepEqual(
            [letIn?.user, letIn?.maySubscribe('news'), letIn?.maySubscribe('other')],
            ['u', true, false],
          )
          atA.forgetAll()
          assert.equal((await atB.open(ticket))?.user, 'u', 'b knows it by now')
        }))

      it('may end and come back as often as it likes', () =>
        withTickets(async (atA, atB) => {
          const access = grantAccess({ user: 'u', subscribe: ['*'] })
          const channels = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(200, 'a'))
          const ticket = atA.issue(access, channels)
          // Each copy takes 26 kB of the 1 MiB that a user has.
          for (let i = 0; i < 40; i++) {
            atB.clock.advance(TICKET_MS)
            assert.equal((await atB.open(ticket))?.user, 'u')
          }
          assert.ok(atB.issue(access, channels), 'there is room for another')
        }))

      it('is handed to no other once its access was withdrawn', () =>
        withTickets(async (atA, atB) => {
          let isWithdrawn = false
          const ticket = atA.issue({ ...news, isWithdrawn: () => isWithdrawn })
          const another = atA.issue({ ...news, isWithdrawn: () => isWithdrawn })
          await atB.open(another)
          isWithdrawn = true
          await assert.rejects(atB.open(ticket), { code: 'ticket-invalid' })
          // It ends where it was given, while it lives on where it was used.
          atA.clock.advance(TICKET_MS)
          assert.equal((await atA.open(another))?.isWithdrawn?.(), true)
        }))

      it('does not come back from the other when its key was withdrawn', () =>
        withTickets(async (atA, atB) => {
          const withKey = (id: string): Access => ({ ...news, credential: { kind: 'key', id } })
          const [first, other] = [atA.issue(withKey('k1')), atA.issue(withKey('k2'))]
          for (const ticket of [first, other]) await atB.open(ticket)
          atA.tickets.withdrawKey('k1')
          atB.clock.advance(5000)
          const late = atB.issue(withKey('k1'))
          atB.clock.advance(1)
          const later = atB.issue(withKey('k1'))
          for (const ticket of [first, late]) {
            await assert.rejects(atA.open(ticket), { code: 'ticket-invalid' })
          }
          for (const ticket of [other, later]) assert.equal((await atA.open(ticket))?.user, 'u')
        }))
    })

    describe('presence', () => {
      it('tells whether a user is online, and on which hubs', () =>
        withBoth(async (a, b) => {
          const user = '@user 7/8'
          const path = `/v1/events?user=${encodeURIComponent(user)}`
          const [{ client } = {} as never] = await listenAt(a, path)
          await listenAt(b, path, path)
          const presence = async (name: string) =>
            (await a.call('GET', `/v1/users/${encodeURIComponent(name)}`)).json
          await comes(async () => (await presence(user)).connections === 3, 'three streams')
          const nodes = (...counts: [string, number][]) =>
            counts.map(([node, connections]) => ({ node, connections }))
          assert.deepEqual(await presence(user), {
            user,
            online: true,
            connections: 3,
            nodes: nodes(['a', 1], ['b', 2]),
          })
          assert.deepEqual(await presence('nobody'), {
            user: 'nobody',
            online: false,
            connections: 0,
            nodes: [],
          })
          await client.close()
          await comes(async () => (await presence(user)).nodes.length === 1, 'one hub')
          assert.deepEqual((await presence(user)).nodes, nodes(['b', 2]))
        }))

      it('lists who is online, once, with their streams on all hubs', () =>
        withBoth(async (a, b) => {
          await listenAt(
            a,
            '/v1/events/news?user=u',
            '/v1/events/news?user=v',
            '/v1/events?user=x',
            '/v1/events',
          )
          await listenAt(b, '/v1/events/news?user=u', '/v1/events?user=u', '/v1/events/news?user=w')
          const of = (...counts: [string, number][]) =>
            counts.map(([user, connections]) => ({ user, connections }))
          const list = async (query: string) => (await b.call('GET', `/v1/users${query}`)).json
          const all = of(['u', 3], ['v', 1], ['w', 1], ['x', 1])
          assert.deepEqual(await list(''), { users: all, next: null, silent: [] })
          const followers = of(['u', 2], ['v', 1], ['w', 1])
          assert.deepEqual(await list('?channel=news'), { users: followers, next: null, silent: [] })
          assert.deepEqual((await list('?limit=2')).next, 'v')
          assert.deepEqual(await list('?limit=2&after=v'), { users: all.slice(2), next: null, silent: [] })
          assert.deepEqual((await list('?limit=0')).code, 'limit-invalid')
          assert.deepEqual(
            [...(await a.hub.cluster.connectionsByUser())],
            all.map(({ user, connections }) => [user, connections]),
          )
        }))
    })
  })
}
