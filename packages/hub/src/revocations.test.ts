import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SignJWT } from 'jose'
import { jwt } from './auth/jwt.ts'
import { Tickets } from './auth/ticket.ts'
import { grantAccess } from './authenticator.ts'
import { memoryLog } from './log/memory.ts'
import type { Log } from './log.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { ADMIN, as, saidAccess, withToken } from './testing/said-access.ts'
import { doors, inProcessDoor, nativeDoor, type ServedHub, withHub } from './testing/served-hub.ts'
import { type LogPort, SharedLog } from './testing/shared-log.ts'
import { json, type StreamClient } from './testing/stream-client.ts'

const HOUR_MS = 3_600_000
const ROUTES = { authenticator: saidAccess }

function revoke(served: ServedHub, request: unknown) {
  return served.call('POST', '/v1/revocations', JSON.stringify(request), ADMIN)
}

async function assertRevoked(client: StreamClient): Promise<void> {
  const bye = await client.next()
  assert.equal(bye.event, 'fanline.bye')
  assert.deepEqual(json(bye), { reason: 'revoked', reconnect: false })
  await client.over
}

async function assertRefused(served: ServedHub, headers: Record<string, string>): Promise<void> {
  const answer = await served.call('GET', '/v1/events/a', undefined, headers)
  assert.equal(answer.status, 401)
  assert.equal(answer.json.code, 'token-revoked')
}

for (const door of doors) {
  describe(`a revocation, by ${door.name}`, () => {
    it('of one token ends its streams, and no others, and refuses it from then on', () =>
      withHub(
        door,
        {},
        async (served) => {
          const token = withToken('t1', { user: 'u', subscribe: ['a'] })
          const other = withToken('t2', { user: 'u', subscribe: ['a'] })
          const revoked = await served.listen('/v1/events/a', token)
          const kept = await served.listen('/v1/events/a', other)
          const answer = await revoke(served, { jti: 't1' })
          assert.equal(answer.status, 200)
          assert.equal(answer.json.jti, 't1')
          await assertRevoked(revoked)
          await assertRefused(served, token)
          await served.call('POST', '/v1/publish/a', 'still here', ADMIN)
          assert.equal((await kept.next()).data, 'still here')
          assert.equal(served.hub.stats().closedBy.revoked, 1)
        },
        ROUTES,
      ))

    it('of a user takes all tokens of that user, and no other user', () =>
      withHub(
        door,
        {},
        async (served) => {
          const streams = [
            await served.listen('/v1/events/a', withToken('t1', { user: 'u', subscribe: ['a'] })),
            await served.listen('/v1/events/a', as({ user: 'u', subscribe: ['a'] })),
          ]
          await served.listen('/v1/events/a', withToken('t3', { user: 'v', subscribe: ['a'] }))
          await revoke(served, { user: 'u' })
          for (const stream of streams) await assertRevoked(stream)
          await assertRefused(served, withToken('t9', { user: 'u', subscribe: ['a'] }, Date.now() + HOUR_MS))
          await served.hasConnections(1)
        },
        ROUTES,
      ))
  })
}

describe('a revocation', () => {
  it('of what was issued before a time leaves what was issued then or later', () => {
    const clock = new FakeClock()
    const before = clock.now()
    return withHub(
      nativeDoor,
      { clock },
      async (served) => {
        const old = withToken('t1', { user: 'u', subscribe: ['a'] }, before - 1000)
        const young = withToken('t2', { user: 'u', subscribe: ['a'] }, before)
        const undated = withToken('t3', { user: 'u', subscribe: ['a'] })
        await revoke(served, { user: 'u', issuedBefore: before / 1000 })
        await assertRefused(served, old)
        await assertRefused(served, undated)
        await served.listen('/v1/events/a', young)
        await revoke(served, { user: 'u', issuedBefore: new Date(before + 1).toISOString() })
        await assertRefused(served, young)
      },
      ROUTES,
    )
  })

  it('lasts until its time, and no longer', () => {
    const clock = new FakeClock()
    return withHub(
      nativeDoor,
      { clock },
      async (served) => {
        const token = withToken('t1', { user: 'u', subscribe: ['a'] })
        await revoke(served, { jti: 't1', until: new Date(clock.now() + HOUR_MS).toISOString() })
        clock.advance(HOUR_MS - 1)
        await assertRefused(served, token)
        assert.equal(served.hub.revocations().length, 1)
        clock.advance(1)
        await served.listen('/v1/events/a', token)
        assert.deepEqual(served.hub.revocations(), [])
      },
      ROUTES,
    )
  })

  it('can be lifted, and is listed until then', () =>
    withHub(
      nativeDoor,
      {},
      async (served) => {
        const { id } = (await revoke(served, { user: 'u' })).json
        const list = await served.call('GET', '/v1/revocations', undefined, ADMIN)
        assert.deepEqual(
          list.json.revocations.map((revocation: { id: string; user: string }) => [
            revocation.id,
            revocation.user,
          ]),
          [[id, 'u']],
        )
        const lifted = await served.call('DELETE', `/v1/revocations/${id}`, undefined, ADMIN)
        assert.deepEqual(lifted.json, { lifted: id })
        await served.listen('/v1/events/a', as({ user: 'u', subscribe: ['a'] }))
        const again = await served.call('DELETE', `/v1/revocations/${id}`, undefined, ADMIN)
        assert.equal(again.json.code, 'revocation-not-found')
      },
      ROUTES,
    ))

  it('that is lifted leaves others in force, and one that has ended cannot be lifted', () => {
    const clock = new FakeClock()
    return withHub(
      nativeDoor,
      { clock },
      async (served) => {
        const token = withToken('t1', { user: 'u', subscribe: ['a'] })
        const ofUser = await served.hub.revoke({ user: 'u' })
        const ofToken = await served.hub.revoke({ jti: 't1', until: (clock.now() + HOUR_MS) / 1000 })
        const ofOther = await served.hub.revoke({ user: 'v', until: (clock.now() + HOUR_MS) / 1000 })
        assert.equal(await served.hub.liftRevocation(ofUser.id), true)
        await assertRefused(served, token)
        assert.equal(await served.hub.liftRevocation(ofToken.id), true)
        await served.listen('/v1/events/a', token)
        assert.deepEqual(served.hub.revocations(), [ofOther])
        clock.advance(HOUR_MS)
        assert.equal(await served.hub.liftRevocation(ofOther.id), false)
      },
      ROUTES,
    )
  })

  it('of a token is not one of a key with the same id', () => {
    const key = as({ subscribe: ['a'], credential: { kind: 'key', id: 't1' } })
    return withHub(
      nativeDoor,
      {},
      async (served) => {
        const stream = await served.listen('/v1/events/a', key)
        await revoke(served, { jti: 't1' })
        await served.hub.publish({ channel: 'a', data: 'still here' })
        assert.equal((await stream.next()).data, 'still here')
      },
      ROUTES,
    )
  })

  it('counts for a token that was verified before, and is remembered', async () => {
    const secret = 'a secret that is long enough for HS256'
    const token = await new SignJWT({ jti: 't1', sub: 'u', fanline: { admin: true } })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(secret))
    const headers = { Authorization: `Bearer ${token}` }
    await withHub(
      nativeDoor,
      {},
      async (served) => {
        assert.equal((await served.call('GET', '/v1/stats', undefined, headers)).status, 200)
        await served.hub.revoke({ jti: 't1' })
        const answer = await served.call('GET', '/v1/stats', undefined, headers)
        assert.deepEqual([answer.status, answer.json.code], [401, 'token-revoked'])
        assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
      },
      { authenticator: jwt({ secret }) },
    )
  })

  it('counts for streams that an application opens without a credential', () =>
    withHub(inProcessDoor, {}, async ({ hub }) => {
      const open = (): Promise<Response> => hub.fetch(new Request('http://app.test/'), { user: 'u' })
      const before = await open()
      await hub.revoke({ user: 'u' })
      assert.match(await before.text(), /fanline\.bye\ndata: \{"reason":"revoked"/)
      const after = await open()
      assert.deepEqual(
        [after.status, ((await after.json()) as { code: string }).code],
        [401, 'token-revoked'],
      )
    }))

  it('is heard by nobody, and its channel has no name', () =>
    withHub(nativeDoor, {}, async (served) => {
      const stream = await served.listen('/v1/events/a')
      await served.hub.revoke({ user: 'u' })
      await served.hub.publish({ channel: 'a', data: 'next' })
      assert.equal((await stream.next()).data, 'next')
      for (const path of ['/v1/events/@revocations', '/v1/channels/@revocations/history']) {
        assert.equal((await served.call('GET', path)).json.code, 'channel-reserved', path)
      }
      const forged = await served.publish({ channel: '@revocations', event: 'lifted', data: 'x' })
      assert.equal(forged.json.code, 'channel-reserved')
    }))

  it('ends a stream that was opened with a ticket for the token', () => {
    const tickets = new Tickets({ lifetimeMs: 60_000 })
    const authenticator: typeof saidAccess = (source) => tickets.authenticate(source) ?? saidAccess(source)
    return withHub(
      nativeDoor,
      {},
      async (served) => {
        const token = withToken('t1', { user: 'u', subscribe: ['a'] })
        const body = JSON.stringify({ channels: ['a'] })
        const { ticket } = (await served.call('POST', '/v1/tickets', body, token)).json
        const stream = await served.listen(`/v1/events/a?ticket=${ticket}`)
        await revoke(served, { jti: 't1' })
        await assertRevoked(stream)
        await assertRefused(served, token)
        const answer = await served.call('GET', `/v1/events/a?ticket=${ticket}`)
        assert.equal(answer.json.code, 'token-revoked')
      },
      { authenticator, tickets },
    )
  })

  it('stops a stream of publishes between two lines', () =>
    withHub(
      nativeDoor,
      {},
      async (served) => {
        let revoked: Promise<unknown> | undefined
        const lines = new ReadableStream<Uint8Array>({
          async start(controller) {
            const encoder = new TextEncoder()
            controller.enqueue(encoder.encode('{"channel":"a","data":1}\n'))
            // The first line has its answer when the channel has it.
            while ((await served.hub.history('a')).events.length === 0)
              await new Promise((go) => setTimeout(go, 1))
            revoked = revoke(served, { jti: 't1' })
            await revoked
            controller.enqueue(encoder.encode('{"channel":"a","data":2}\n'))
            controller.close()
          },
        })
        const headers = { ...withToken('t1', { publish: ['a'] }), 'Content-Type': 'application/x-ndjson' }
        const answer = await served.call('POST', '/v1/publish', lines, headers)
        const [first, second] = answer.text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line))
        assert.equal(typeof first.id, 'string')
        assert.equal(second.code, 'token-revoked')
        assert.equal((await served.hub.history('a')).events.length, 1)
      },
      ROUTES,
    ))

  it('outlives the hub on a log that does', async () => {
    const memory = memoryLog()
    let isOpen = false
    const log: Log = {
      append: (drafts) => memory.append(drafts),
      read: (query) => memory.read(query),
      watch: (channel) => memory.watch(channel),
      unwatch: (channel) => memory.unwatch(channel),
      removeRevocations: (positions) => memory.removeRevocations(positions),
      close: async () => undefined,
      async open(listener) {
        if (!isOpen) await memory.open(listener)
        isOpen = true
      },
    }
    await withHub(nativeDoor, { log }, async (served) => void (await revoke(served, { jti: 't1' })), ROUTES)
    await withHub(
      nativeDoor,
      { log },
      (served) => assertRefused(served, withToken('t1', { user: 'u', subscribe: ['a'] })),
      ROUTES,
    )
    await memory.close()
  })

  const wrong: [what: string, request: unknown, code: string][] = [
    ['of nothing', {}, 'revocation-invalid'],
    ['of two things', { jti: 'a', user: 'u' }, 'revocation-invalid'],
    ['that is no object', [], 'revocation-invalid'],
    ['with an unknown field', { jti: 'a', exp: 1 }, 'revocation-invalid'],
    ['of a token that is no string', { jti: 7 }, 'revocation-invalid'],
    ['of a token by its age', { jti: 'a', issuedBefore: 1 }, 'revocation-invalid'],
    ['of a user that can be none', { user: '' }, 'user-invalid'],
    ['with a time that is none', { user: 'u', issuedBefore: 'yesterday' }, 'revocation-invalid'],
    ['that has ended', { user: 'u', until: 1 }, 'revocation-invalid'],
    ['for longer than there is time', { user: 'u', until: 1e300 }, 'revocation-invalid'],
  ]
  for (const [what, request, code] of wrong) {
    it(`${what} is refused`, () =>
      withHub(
        nativeDoor,
        {},
        async (served) => {
          const answer = await revoke(served, request)
          assert.equal(answer.json.code, code)
          assert.deepEqual(served.hub.revocations(), [])
        },
        ROUTES,
      ))
  }

  it('is for admins', () =>
    withHub(
      nativeDoor,
      {},
      async (served) => {
        const listener = as({ user: 'u', subscribe: ['a'] })
        for (const [method, path] of [
          ['GET', '/v1/revocations'],
          ['POST', '/v1/revocations'],
          ['DELETE', '/v1/revocations/x'],
        ] as const) {
          assert.equal((await served.call(method, path, undefined, listener)).status, 403, method)
        }
      },
      ROUTES,
    ))
})

describe('a revocation in a log of several hubs', () => {
  const token = withToken('t1', { user: 'u', subscribe: ['a'] })

  it('ends streams of each of them, and so does its end', () =>
    twoHubs(async (here, there) => {
      const stream = await there.listen('/v1/events/a', token)
      const { id } = await here.hub.revoke({ user: 'u' })
      await assertRevoked(stream)
      await assertRefused(there, token)
      assert.deepEqual(there.hub.revocations(), here.hub.revocations())
      assert.equal(await there.hub.liftRevocation(id), true)
      await here.listen('/v1/events/a', token)
      assert.deepEqual(here.hub.revocations(), [])
    }))

  it('is known to a hub that begins later, and so is its end', async () => {
    const log = new SharedLog(memoryLog())
    await withHub(nativeDoor, { log: log.port() }, async ({ hub }) => {
      await hub.revoke({ user: 'u' })
      // More than a page.
      for (let n = 0; n < 600; n++) await hub.revoke({ jti: `other ${n}` })
      await hub.liftRevocation((await hub.revoke({ user: 'v' })).id)
    })
    await withHub(
      nativeDoor,
      { log: log.port() },
      async (served) => {
        await assertRefused(served, token)
        await served.listen('/v1/events', as({ user: 'v' }))
        assert.equal(served.hub.revocations().length, 601)
      },
      ROUTES,
    )
  })

  it('counts for those who ask before the log is open', async () => {
    const log = new SharedLog(memoryLog())
    await withHub(nativeDoor, { log: log.port() }, async ({ hub }) => {
      await hub.revoke({ jti: 't1' })
    })
    let open = (): void => undefined
    const opening = new Promise<void>((resolve) => {
      open = resolve
    })
    const admin = grantAccess({ admin: true, credential: { kind: 'token', id: 't1' } })
    await withHub(
      inProcessDoor,
      { log: log.port({ opening }) },
      async (served) => {
        const asked = [
          served.call('GET', '/v1/events'),
          served.call('POST', '/v1/publish/a', 'x'),
          served.call('GET', '/v1/revocations'),
          served.call('POST', '/v1/revocations', '{"user":"v"}'),
        ]
        // All of them have come as far as they get.
        await new Promise((resolve) => setImmediate(resolve))
        open()
        for (const { json: problem } of await Promise.all(asked)) assert.equal(problem.code, 'token-revoked')
        assert.equal(served.hub.stats().published, 0)
        assert.equal(served.hub.revocations().length, 1)
      },
      { authenticator: () => admin },
    )
  })

  it('is waited for until a log that does not open is given up, but not by operators', () => {
    const clock = new FakeClock()
    const log = new SharedLog(memoryLog()).port({ opening: new Promise(() => undefined) })
    return withHub(
      inProcessDoor,
      { clock, log },
      async (served) => {
        assert.equal((await served.call('GET', '/v1/stats', undefined, ADMIN)).status, 200)
        const asked = served.call('GET', '/v1/channels/a/history', undefined, token)
        await new Promise((resolve) => setImmediate(resolve))
        clock.advance(60_000)
        const { status, json: problem } = await asked
        assert.deepEqual([status, problem.code], [503, 'log-unavailable'])
      },
      ROUTES,
    )
  })

  it('counts where its announcement was lost, as soon as the log admits that', () =>
    twoHubs(async (here, there, port) => {
      const stream = await there.listen('/v1/events/a', token)
      port.cutOff()
      await here.hub.revoke({ user: 'u' })
      assert.deepEqual(there.hub.revocations(), [])
      port.comeBack()
      await assertRevoked(stream)
      assert.deepEqual(there.hub.revocations(), here.hub.revocations())
    }))
})

/** Two hubs on one log, and the port of the second. */
async function twoHubs(
  test: (here: ServedHub, there: ServedHub, port: LogPort) => Promise<void>,
): Promise<void> {
  const log = new SharedLog(memoryLog())
  const port = log.port()
  await withHub(
    nativeDoor,
    { log: log.port() },
    (here) => withHub(nativeDoor, { log: port }, (there) => test(here, there, port), ROUTES),
    ROUTES,
  )
}
