import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ProblemError } from '@fanline/protocol'
import { parsePublication } from '@fanline/protocol'
import { type Access, type CredentialSource, grantAccess } from '../authenticator.ts'
import { eventually } from '../testing/deadline.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { as, saidAccess } from '../testing/said-access.ts'
import { doors, nativeDoor, type ServedHub, withHub } from '../testing/served-hub.ts'
import { type TicketExchange, Tickets } from './ticket.ts'

const LIFETIME_MS = 60_000
const ORIGIN = 'https://app.example'
const U = as({ user: 'u', subscribe: ['a.*'] })

function routesWith(tickets: Tickets) {
  return {
    tickets,
    authenticator: async (source: CredentialSource) =>
      (await tickets.authenticate(source)) ?? saidAccess(source),
  }
}

async function ticketFor(served: ServedHub, body: object, headers = U): Promise<string> {
  return (await served.call('POST', '/v1/tickets', JSON.stringify(body), headers)).json.ticket
}

async function codeOf(
  served: ServedHub,
  path: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const { status, json } = await served.call('GET', path, undefined, headers)
  return `${status} ${json.code}`
}

for (const door of doors) {
  it(`a ticket opens a stream of its user to its channels, again and again, by ${door.name}`, () => {
    const tickets = new Tickets({ lifetimeMs: LIFETIME_MS })
    return withHub(
      door,
      {},
      async (served) => {
        const ticket = await ticketFor(served, { channels: ['a.1', 'a.2'] })
        const first = await served.listen(`/v1/events?channel=a.1,a.2&ticket=${ticket}`)
        const second = await served.listen(`/v1/events/a.2?ticket=${ticket}`)
        await served.hub.publish({ user: 'u', data: 'for u' })
        assert.equal((await first.next()).data, 'for u')
        assert.equal((await second.next()).data, 'for u')
        await first.close()
        await served.resume(`/v1/events/a.1?ticket=${ticket}`, first.lastId)
      },
      routesWith(tickets),
    )
  })
}

describe('a ticket that is not known here', () => {
  /** Other hubs, which know nothing and answer when they are told to. */
  class OtherHubs implements TicketExchange {
    readonly asked: string[] = []
    #answer: (() => void)[] = []

    shareTickets(): void {
      // They ask for none.
    }

    findTicket(ticket: string): Promise<undefined> {
      this.asked.push(ticket)
      return new Promise((resolve) => this.#answer.push(() => resolve(undefined)))
    }

    answerAll(): void {
      for (const answer of this.#answer.splice(0)) answer()
    }
  }

  const codesOf = async (answers: readonly unknown[]): Promise<unknown[]> =>
    (await Promise.allSettled(answers)).map((each) => each.status === 'rejected' && each.reason.code)

  const made = (n: number): string => `${n}`.padStart(43, '-')
  const asking = (ticket: string): CredentialSource => ({
    method: 'GET',
    path: '/v1/events',
    query: new URLSearchParams({ ticket }),
    header: () => undefined,
  })

  it('is asked for once by all who bring it at the same time, and not at all when it cannot be one', async () => {
    const cluster = new OtherHubs()
    const { authenticate } = new Tickets({ lifetimeMs: LIFETIME_MS, cluster })
    for (const junk of [
      '',
      'x',
      made(1).slice(1),
      `${made(1)}x`,
      made(1).replace('-', '+'),
      `${made(1)}\n`,
    ]) {
      assert.throws(() => authenticate(asking(junk)), { code: 'ticket-invalid' }, JSON.stringify(junk))
    }
    assert.deepEqual(cluster.asked, [])
    const answers = [1, 2, 1, 1].map((n) => authenticate(asking(made(n))))
    assert.deepEqual(cluster.asked, [made(1), made(2)])
    cluster.answerAll()
    assert.deepEqual(await codesOf(answers), Array(4).fill('ticket-invalid'))
    const again = authenticate(asking(made(1)))
    assert.deepEqual(cluster.asked, [made(1), made(2), made(1)])
    cluster.answerAll()
    assert.deepEqual(await codesOf([again]), ['ticket-invalid'])
  })

  it('is asked for later when too many are, of which an EventSource hears in its stream', () => {
    const cluster = new OtherHubs()
    const tickets = new Tickets({ lifetimeMs: LIFETIME_MS, cluster })
    return withHub(
      nativeDoor,
      {},
      async (served) => {
        const answers = Array.from({ length: 256 }, (_, n) => tickets.authenticate(asking(made(n))))
        const path = `/v1/events?ticket=${made(256)}`
        const refused = await served.open(path)
        assert.deepEqual(JSON.parse((await refused.next()).data), { reason: 'overloaded', reconnect: true })
        const accept = { Accept: 'application/problem+json, text/event-stream' }
        assert.equal(await codeOf(served, path, accept), '503 too-many-tickets')
        assert.equal(cluster.asked.length, 256)
        cluster.answerAll()
        assert.deepEqual(await codesOf(answers), Array(256).fill('ticket-invalid'))
        const status = codeOf(served, path)
        await eventually(() => cluster.asked.length === 257, 'it is asked for')
        cluster.answerAll()
        assert.equal(await status, '401 ticket-invalid')
      },
      routesWith(tickets),
    )
  })
})

describe('a ticket', () => {
  it('is long, and never the same', () => {
    const tickets = new Tickets({ lifetimeMs: LIFETIME_MS })
    const given = Array.from(
      { length: 100 },
      () => tickets.issue(grantAccess({ user: 'u' }), { channels: [], origin: undefined }).ticket,
    )
    assert.equal(new Set(given).size, 100)
    for (const ticket of given) assert.match(ticket, /^[\w-]{43}$/)
  })

  it('opens nothing else', () => {
    const tickets = new Tickets({ lifetimeMs: LIFETIME_MS })
    return withHub(
      nativeDoor,
      {},
      async (served) => {
        const ticket = await ticketFor(served, { channels: ['a.1'] })
        assert.equal(await codeOf(served, `/v1/events/a.2?ticket=${ticket}`), '403 channel-forbidden')
        assert.equal(await codeOf(served, `/v1/events/a.1?ticket=${ticket}x`), '401 ticket-invalid')
        assert.equal(await codeOf(served, '/v1/events/a.1?ticket='), '401 ticket-invalid')
        for (const path of ['/v1/channels/a.1/history', '/v1/stats', '/v1/connections']) {
          assert.equal(await codeOf(served, `${path}?ticket=${ticket}`), '401 unauthorized', path)
        }
        const publish = await served.call('POST', `/v1/publish/a.1?ticket=${ticket}`, 'x')
        assert.equal(publish.json.code, 'unauthorized')
      },
      routesWith(tickets),
    )
  })

  it('is given only for what its token covers', () => {
    const tickets = new Tickets({ lifetimeMs: LIFETIME_MS })
    return withHub(
      nativeDoor,
      {},
      async (served) => {
        const ask = (body: string, headers = U) => served.call('POST', '/v1/tickets', body, headers)
        assert.equal((await ask('{"channels":["b"]}')).json.code, 'channel-forbidden')
        assert.equal((await ask('{"channels":["@user:v"]}')).json.code, 'channel-reserved')
        assert.equal((await ask('{"channels":"a.1"}')).json.code, 'bad-request')
        assert.equal((await ask('{"user":"v"}')).json.code, 'bad-request')
        assert.equal((await ask('{"origin":"app.example"}')).json.code, 'bad-request')
        const many = Array.from({ length: 101 }, (_, i) => `a.${i}`)
        assert.equal((await ask(JSON.stringify({ channels: many }))).json.code, 'too-many-channels')
        assert.equal((await ask('', {})).json.code, 'unauthorized')
        assert.equal(typeof (await ask('')).json.ticket, 'string')
      },
      routesWith(tickets),
    )
  })

  it('of one user leaves room for those of others, and is room again when it has ended', () => {
    const clock = new FakeClock()
    const tickets = new Tickets({ lifetimeMs: LIFETIME_MS, clock })
    const giveAll = (user: string | undefined): number => {
      const access = grantAccess({ user, subscribe: ['**'] })
      const channels = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(200, 'a'))
      for (let given = 0; ; given++) {
        try {
          tickets.issue(access, { channels, origin: undefined })
        } catch (error) {
          assert.equal((error as ProblemError).code, 'too-many-tickets')
          return given
        }
      }
    }
    assert.equal(giveAll('greedy'), 39)
    assert.equal(giveAll('honest'), 39)
    clock.advance(LIFETIME_MS - 1)
    assert.equal(giveAll('greedy'), 0)
    clock.advance(LIFETIME_MS)
    assert.equal(giveAll('greedy'), 39)
    const all = giveAll(undefined)
    assert.ok(all > 2000 && all < 3000, `${all} tickets of 26 kB`)
    clock.advance(LIFETIME_MS)
    assert.equal(giveAll(undefined), all + 39)
  })

  it('ends when no stream used it in time, and no sooner than that after a stream', () => {
    const clock = new FakeClock()
    const tickets = new Tickets({ lifetimeMs: LIFETIME_MS, clock })
    return withHub(
      nativeDoor,
      { clock, delivery: { stallTimeoutMs: 3_600_000 } },
      async (served) => {
        const unused = await ticketFor(served, {})
        const used = await ticketFor(served, {})
        const stream = await served.listen(`/v1/events?ticket=${used}`)
        clock.advance(LIFETIME_MS)
        assert.equal(await codeOf(served, `/v1/events?ticket=${unused}`), '401 ticket-invalid')
        await stream.close()
        await served.hasConnections(0)
        clock.advance(LIFETIME_MS - 1)
        const again = await served.listen(`/v1/events?ticket=${used}`)
        await again.close()
        await served.hasConnections(0)
        clock.advance(LIFETIME_MS)
        assert.equal(await codeOf(served, `/v1/events?ticket=${used}`), '401 ticket-invalid')
      },
      routesWith(tickets),
    )
  })

  it('lives while a stream of it is open, and its time begins anew with the last of them', () => {
    const clock = new FakeClock()
    const tickets = new Tickets({ lifetimeMs: LIFETIME_MS, clock })
    return withHub(
      nativeDoor,
      { clock },
      async (served) => {
        const path = `/v1/events?ticket=${await ticketFor(served, {})}`
        const first = await served.listen(path)
        clock.advance(10 * LIFETIME_MS)
        const second = await served.listen(path)
        await first.close()
        await served.hasConnections(1)
        clock.advance(10 * LIFETIME_MS)
        const third = await served.listen(path)
        for (const stream of [second, third]) await stream.close()
        await served.hasConnections(0)
        clock.advance(LIFETIME_MS - 1)
        await (await served.listen(path)).close()
      },
      routesWith(tickets),
    )
  })

  it('lets even an admin do nothing but listen', () => {
    const tickets = new Tickets({ lifetimeMs: LIFETIME_MS })
    const { ticket } = tickets.issue(grantAccess({ admin: true }), { channels: ['a'], origin: undefined })
    const ask = (method: string) =>
      tickets.authenticate({
        method,
        path: '/v1/events',
        query: new URLSearchParams({ ticket }),
        header: () => undefined,
      })
    const access = ask('GET') as Access
    assert.equal(access.role, undefined)
    assert.deepEqual([access.maySubscribe('a'), access.maySubscribe('b')], [true, false])
    assert.equal(access.mayPublish(parsePublication({ channel: 'a', data: 1 })), false)
    assert.equal(ask('POST'), undefined)
  })

  it('is not given where nobody gives any', () =>
    withHub(
      nativeDoor,
      {},
      async (served) => {
        const answer = await served.call('POST', '/v1/tickets', '{}', U)
        assert.deepEqual([answer.status, answer.json.code], [404, 'not-found'])
      },
      { authenticator: saidAccess },
    ))

  it('never outlives its token', () => {
    const clock = new FakeClock()
    const tickets = new Tickets({ lifetimeMs: LIFETIME_MS, clock })
    return withHub(
      nativeDoor,
      { clock },
      async (served) => {
        const expiresAt = clock.now() + 10_000
        const ticket = await ticketFor(served, {}, as({ user: 'u', expiresAt }))
        const stream = await served.listen(`/v1/events?ticket=${ticket}`)
        clock.advance(11_000)
        const heard = await stream.takeUntil(({ event }) => event === 'fanline.bye')
        assert.match(heard.at(-1)!.data, /expired/)
        assert.equal(await codeOf(served, `/v1/events?ticket=${ticket}`), '401 ticket-invalid')
      },
      routesWith(tickets),
    )
  })

  const host = 'hub.example'
  const rows: [
    what: string,
    bound: string | undefined,
    headers: Record<string, string>,
    accepted: boolean,
  ][] = [
    ['its page', ORIGIN, { origin: ORIGIN }, true],
    ['a program that is no browser', ORIGIN, {}, true],
    ['an address somebody typed', ORIGIN, { 'sec-fetch-site': 'none' }, true],
    ['another page', ORIGIN, { origin: 'https://evil.example' }, false],
    ['a page that hides its origin', ORIGIN, { origin: 'null' }, false],
    ['an origin that begins like its own', ORIGIN, { origin: `${ORIGIN}.evil.example` }, false],
    ['another scheme', ORIGIN, { origin: 'http://app.example' }, false],
    ['another port', ORIGIN, { origin: `${ORIGIN}:8443` }, false],
    ['a page of the server, bound to another', ORIGIN, { 'sec-fetch-site': 'same-origin' }, false],
    ['a page of the server, bound to it', `https://${host}`, { 'sec-fetch-site': 'same-origin' }, true],
    ['another site without its origin', ORIGIN, { 'sec-fetch-site': 'cross-site' }, false],
    ['a neighbour without its origin', undefined, { 'sec-fetch-site': 'same-site' }, false],
    ['a page of the server, bound to none', undefined, { origin: `https://${host}` }, true],
    ['another page, bound to none', undefined, { origin: ORIGIN }, false],
    ['another port of the server, bound to none', undefined, { origin: `https://${host}:8443` }, false],
    ['a page of no origin, bound to none', undefined, { origin: 'null' }, false],
    ['a page of no origin, where a host is called so', undefined, { origin: 'null', host: 'null' }, false],
    ['a page of a host in capitals', undefined, { origin: `https://${host}`, host: 'HUB.example' }, true],
    ['a site that browsers may one day tell', undefined, { 'sec-fetch-site': 'something new' }, false],
    ['a page of no origin, bound to such', 'null', { origin: 'null' }, true],
    ['another page, bound to one of no origin', 'null', { origin: ORIGIN }, false],
  ]
  for (const [what, bound, headers, accepted] of rows) {
    it(`is ${accepted ? 'accepted' : 'refused'} from ${what}`, () => {
      const tickets = new Tickets({ lifetimeMs: LIFETIME_MS })
      const { ticket } = tickets.issue(grantAccess({ user: 'u' }), { channels: [], origin: bound })
      const sent: Record<string, string> = { host, ...headers }
      const source: CredentialSource = {
        method: 'GET',
        path: '/v1/events',
        query: new URLSearchParams({ ticket }),
        header: (name) => sent[name],
      }
      if (accepted) assert.ok(tickets.authenticate(source))
      else assert.throws(() => tickets.authenticate(source), { code: 'ticket-invalid' })
    })
  }

  it('is bound to the origin of the page that asked for it', () => {
    const tickets = new Tickets({ lifetimeMs: LIFETIME_MS })
    return withHub(
      nativeDoor,
      {},
      async (served) => {
        const ticket = await ticketFor(served, {}, { ...U, Origin: ORIGIN })
        const evil = { Origin: 'https://evil.example' }
        assert.equal(await codeOf(served, `/v1/events?ticket=${ticket}`, evil), '401 ticket-invalid')
        await served.listen(`/v1/events?ticket=${ticket}`, { Origin: ORIGIN })
      },
      routesWith(tickets),
    )
  })
})
