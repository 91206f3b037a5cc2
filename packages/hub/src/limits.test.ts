import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProblemError } from '@fanline/protocol'
import { grantAccess } from './authenticator.ts'
import { createHub } from './create-hub.ts'
import { eventStreamDialect } from './dialect.ts'
import type { Sink, SinkListener } from './sink.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { as, saidAccess, withToken } from './testing/said-access.ts'
import { doors, nativeDoor, nodeDoor, withHub } from './testing/served-hub.ts'
import { json } from './testing/stream-client.ts'

const READS_PROBLEMS = { Accept: 'text/event-stream, application/problem+json' }
const ROUTES = { authenticator: saidAccess }

for (const door of doors) {
  describe(`streams of one user, by ${door.name}`, () => {
    it('have a bound, which counts for nobody else, and ends with a stream', () =>
      withHub(
        door,
        { limits: { connectionsPerUser: 2 } },
        async (served) => {
          const u = as({ user: 'u' })
          const first = await served.listen('/v1/events', u)
          await served.listen('/v1/events', u)
          const refused = await served.call('GET', '/v1/events', undefined, { ...u, ...READS_PROBLEMS })
          assert.equal(refused.status, 429)
          assert.equal(refused.json.code, 'too-many-connections-of-user')
          await served.listen('/v1/events', as({ user: 'v' }))
          await served.listen('/v1/events', as({}))
          await first.close()
          await served.hasConnections(3)
          await served.listen('/v1/events', u)
          assert.equal(served.hub.stats().problems['too-many-connections-of-user'], 1)
        },
        ROUTES,
      ))

    it('are refused to an EventSource in a way that it survives', () =>
      withHub(
        door,
        { limits: { connectionsPerUser: 1 } },
        async (served) => {
          const u = as({ user: 'u' })
          await served.listen('/v1/events', u)
          const refused = await served.open('/v1/events', u)
          assert.equal(refused.response.status, 200)
          const bye = await refused.next()
          assert.deepEqual(json(bye), { reason: 'overloaded', reconnect: true })
          assert.ok((refused.retryMs ?? 0) > 0)
          await refused.over
        },
        ROUTES,
      ))
  })

  describe(`publishing, by ${door.name}`, () => {
    it('has a bound for each user, which fills again', () => {
      const clock = new FakeClock()
      return withHub(
        door,
        { clock, limits: { publishesPerSecondPerUser: 2 } },
        async (served) => {
          const publish = (user: string) =>
            served.call('POST', '/v1/publish/a', 'x', as({ user, publish: ['a'] }))
          for (let n = 0; n < 2; n++) assert.equal((await publish('u')).status, 200)
          const refused = await publish('u')
          assert.equal(refused.status, 429)
          assert.equal(refused.json.code, 'too-many-publishes')
          assert.equal(refused.headers.get('retry-after'), '1')
          assert.equal(refused.headers.get('ratelimit-policy'), '"publish";q=2;w=1')
          assert.equal(refused.headers.get('ratelimit'), '"publish";r=0;t=1')
          assert.equal((await publish('v')).status, 200)
          clock.advance(500)
          assert.equal((await publish('u')).status, 200)
          assert.equal((await publish('u')).status, 429)
          assert.equal(served.hub.stats().problems['too-many-publishes'], 2)
        },
        ROUTES,
      )
    })

    it('counts each event of a list and each line of a stream', () =>
      withHub(
        door,
        { clock: new FakeClock(), limits: { publishesPerSecondPerUser: 3 } },
        async (served) => {
          const u = as({ user: 'u', publish: ['a'] })
          const event = '{"channel":"a","data":1}'
          const list = await served.call('POST', '/v1/publish', `[${event},${event}]`, u)
          assert.deepEqual(
            list.json.map((answer: { code?: string }) => answer.code),
            [undefined, undefined],
          )
          const lines = await served.call('POST', '/v1/publish', `${event}\n${event}\n`, {
            ...u,
            'Content-Type': 'application/x-ndjson',
          })
          const codes = lines.text
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line).code)
          assert.deepEqual(codes, [undefined, 'too-many-publishes'])
        },
        ROUTES,
      ))
  })
}

describe('publishing', () => {
  it('has a bound for each API key of its own', () =>
    withHub(
      nativeDoor,
      { clock: new FakeClock(), limits: { publishesPerSecondPerKey: 1 } },
      async (served) => {
        const key = (id: string) => as({ admin: true, credential: { kind: 'key', id } })
        const publish = (id: string) => served.call('POST', '/v1/publish/a', 'x', key(id))
        assert.equal((await publish('one')).status, 200)
        assert.equal((await publish('one')).status, 429)
        assert.equal((await publish('two')).status, 200)
      },
      ROUTES,
    ))

  it('has a bound for each token that names no user', () =>
    withHub(
      nativeDoor,
      { clock: new FakeClock(), limits: { publishesPerSecondPerUser: 1 } },
      async (served) => {
        const publish = (id: string) =>
          served.call('POST', '/v1/publish/a', 'x', withToken(id, { publish: ['a'] }))
        assert.equal((await publish('one')).status, 200)
        assert.equal((await publish('one')).status, 429)
        assert.equal((await publish('two')).status, 200)
      },
      ROUTES,
    ))

  it('has none where nobody is asked who one is', () =>
    withHub(nativeDoor, { limits: { publishesPerSecondPerUser: 1 } }, async (served) => {
      for (let n = 0; n < 5; n++) assert.equal((await served.publish({ channel: 'a', data: n })).status, 200)
    }))

  it('fills no faster, and stops for no longer, when the clock is set back', () => {
    const clock = new FakeClock()
    return withHub(
      nativeDoor,
      { clock, limits: { publishesPerSecondPerUser: 2 } },
      async (served) => {
        const statuses: number[] = []
        const publish = async (): Promise<void> => {
          statuses.push(
            (await served.call('POST', '/v1/publish/a', 'x', as({ user: 'u', publish: ['a'] }))).status,
          )
        }
        for (let n = 0; n < 3; n++) await publish()
        clock.jump(clock.now() - 3_600_000)
        await publish()
        clock.advance(500)
        for (let n = 0; n < 2; n++) await publish()
        // At rest nothing more gathers than one second's worth.
        clock.advance(60_000)
        for (let n = 0; n < 3; n++) await publish()
        assert.deepEqual(statuses, [200, 200, 429, 429, 200, 429, 200, 200, 429])
      },
      ROUTES,
    )
  })

  it('is owed for as long as it takes, when other hubs let in more at once', () => {
    const clock = new FakeClock()
    return withHub(
      nativeDoor,
      { clock, limits: { publishesPerSecondPerUser: 2 } },
      async (served) => {
        const publish = async (user: string): Promise<number> =>
          (await served.call('POST', '/v1/publish/a', 'x', as({ user, publish: ['a'] }))).status
        assert.equal(await publish('u'), 200)
        served.hub.cluster.takenElsewhere({ publisher: 'user u', limit: 2, events: 9 })
        for (let second = 1; second <= 3; second++) {
          clock.advance(1000)
          assert.equal(await publish('v'), 200)
        }
        clock.advance(999)
        assert.equal(await publish('u'), 429)
        clock.advance(502)
        assert.equal(await publish('u'), 200)
        assert.equal(await publish('u'), 429)
      },
      ROUTES,
    )
  })

  it('is counted for as many users as there are, at the same cost', async () => {
    const clock = new FakeClock()
    const hub = createHub({ clock, limits: { publishesPerSecondPerUser: 1 } })
    const take = (n: number): boolean | undefined =>
      hub.rates.take(grantAccess({ user: `u${n}`, credential: { kind: 'token' } }))?.isWithin
    const all = (from: number, isWithin: boolean): void => {
      for (let n = from; n < from + 50_000; n++) assert.equal(take(n), isWithin)
    }
    all(0, true)
    all(0, false)
    clock.advance(1000)
    all(50_000, true)
    all(50_000, false)
    all(0, true)
    await hub.close()
  })

  it('may have none', () =>
    withHub(
      nativeDoor,
      { clock: new FakeClock(), limits: { publishesPerSecondPerUser: 0 } },
      async (served) => {
        const u = as({ user: 'u', publish: ['a'] })
        for (let n = 0; n < 300; n++)
          assert.equal((await served.call('POST', '/v1/publish/a', 'x', u)).status, 200)
      },
      ROUTES,
    ))
})

describe('all streams together', () => {
  it('have a bound, of which a reader of lines hears in a line', () =>
    withHub(nativeDoor, { limits: { connections: 1 } }, async (served) => {
      await served.listen('/v1/events/a')
      const refused = await served.call('GET', '/v1/events/a', undefined, { Accept: 'application/x-ndjson' })
      assert.deepEqual([refused.status, refused.headers.get('content-type')], [200, 'application/x-ndjson'])
      assert.equal(refused.json.event, 'fanline.bye')
      assert.deepEqual(refused.json.data, { reason: 'overloaded', reconnect: true })
      assert.ok(refused.json.retry > 0)
      assert.equal(served.hub.stats().problems['too-many-connections'], 1)
    }))

  it('may have none for one user, and none for one address', () =>
    withHub(
      nodeDoor,
      { limits: { connectionsPerUser: 0, connectionsPerAddress: 0 } },
      async (served) => {
        for (let n = 0; n < 5; n++) await served.listen('/v1/events', as({ user: 'u' }))
      },
      { ...ROUTES, addressOf: () => '203.0.113.1' },
    ))
})

describe('streams from one address', () => {
  it('that an application opens are counted by the address that it names', async () => {
    const hub = createHub({ limits: { connectionsPerAddress: 1 } })
    const open = async (address: string): Promise<number> =>
      (await hub.fetch(new Request('http://app.test/', { headers: READS_PROBLEMS }), { address })).status
    assert.deepEqual(
      [await open('203.0.113.1'), await open('203.0.113.1'), await open('203.0.113.2')],
      [200, 429, 200],
    )
    await hub.close({ drainMs: 0 })
  })

  it('have a bound, which counts for no other address', () =>
    withHub(
      nodeDoor,
      { limits: { connectionsPerAddress: 1 } },
      async (served) => {
        const from = (address: string) => ({ ...as({}), ...READS_PROBLEMS, 'X-Test-Address': address })
        const first = await served.listen('/v1/events', from('203.0.113.1'))
        const refused = await served.call('GET', '/v1/events', undefined, from('203.0.113.1'))
        assert.equal(refused.status, 429)
        assert.equal(refused.json.code, 'too-many-connections-of-address')
        await served.listen('/v1/events', from('203.0.113.2'))
        await first.close()
        await served.hasConnections(1)
        await served.listen('/v1/events', from('203.0.113.1'))
      },
      { ...ROUTES, addressOf: (req) => req.headers['x-test-address'] as string },
    ))
})

/** A client that has not read so many bytes. */
class FullSink implements Sink {
  isDestroyed = false
  readonly #bytes: number
  #listener: SinkListener | undefined

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  open(listener: SinkListener): void {
    this.#listener = listener
  }

  flush(): void {
    // There is no head to send.
  }

  write(): boolean {
    return false
  }

  progress(): number {
    return this.#bytes
  }

  bufferedBytes(): number {
    return this.#bytes
  }

  end(): void {
    this.#listener?.closed()
  }

  destroy(): void {
    this.isDestroyed = true
    this.#listener?.closed()
  }
}

describe('what waits for slow clients', () => {
  it('has a bound: those for whom most waits are cut', async () => {
    const MIB = 1024 * 1024
    const clock = new FakeClock()
    const hub = createHub({ clock, limits: { bufferedBytes: 4 * MIB } })
    const sinks = [3, 1, 2, 1].map((mib) => new FullSink(mib * MIB))
    for (const sink of sinks) await hub.connect({}, sink, eventStreamDialect)
    clock.advance(1000)
    assert.deepEqual(
      sinks.map((sink) => sink.isDestroyed),
      [true, false, false, false],
    )
    assert.equal(hub.stats().closedBy.overloaded, 1)
    assert.equal(hub.stats().connections, 3)
    await hub.close({ drainMs: 0 })
  })
})

describe('a limit', () => {
  it('is inside its bounds', () => {
    for (const limits of [
      { bufferedBytes: 1 },
      { connectionsPerUser: -1 },
      { publishesPerSecondPerUser: 0.5 },
    ]) {
      assert.throws(
        () => createHub({ limits }),
        (error) => error instanceof ProblemError && error.code === 'option-invalid',
      )
    }
  })
})
