import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from './testing/fake-clock.ts'
import { ADMIN, as, saidAccess, withToken } from './testing/said-access.ts'
import { doors, nativeDoor, type ServedHub, withHub } from './testing/served-hub.ts'
import { json, type StreamClient } from './testing/stream-client.ts'

const MINUTE_MS = 60_000
const ROUTES = { authenticator: saidAccess }

async function streamOf(
  served: ServedHub,
  headers: Record<string, string>,
): Promise<{ stream: StreamClient; id: string }> {
  const stream = await served.open('/v1/events/a', headers)
  const hello = json(await stream.next()) as { connection: string }
  return { stream, id: hello.connection }
}

function renew(served: ServedHub, id: string, headers: Record<string, string>) {
  return served.call('POST', `/v1/connections/${id}/token`, undefined, headers)
}

for (const door of doors) {
  it(`a stream lives on with a new token, and is warned before the end of that one, by ${door.name}`, () => {
    const clock = new FakeClock()
    return withHub(
      door,
      { clock },
      async (served) => {
        const start = clock.now()
        const grants = { user: 'u', subscribe: ['a'] }
        const { stream, id } = await streamOf(served, as({ ...grants, expiresAt: start + 2 * MINUTE_MS }))
        clock.advance(MINUTE_MS + 1000)
        const warning = await stream.takeUntil(({ event }) => event === 'fanline.expiring')
        assert.deepEqual(json(warning.at(-1)!), { at: new Date(start + 2 * MINUTE_MS).toISOString() })

        const renewed = await renew(
          served,
          id,
          withToken('t2', { ...grants, expiresAt: start + 5 * MINUTE_MS }),
        )
        assert.deepEqual(renewed.json, {
          user: 'u',
          expiresAt: new Date(start + 5 * MINUTE_MS).toISOString(),
        })
        clock.advance(MINUTE_MS + 1000)
        await served.hub.publish({ channel: 'a', data: 'still here' })
        const heard = await stream.takeUntil(({ data }) => data === 'still here')
        assert.ok(heard.every(({ event }) => event !== 'fanline.bye'))
        assert.equal(served.hub.connection(id)?.credential.id, 't2')

        clock.advance(2 * MINUTE_MS)
        const again = await stream.takeUntil(({ event }) => event === 'fanline.expiring')
        assert.deepEqual(json(again.at(-1)!), { at: new Date(start + 5 * MINUTE_MS).toISOString() })
        clock.advance(MINUTE_MS)
        const bye = await stream.takeUntil(({ event }) => event === 'fanline.bye')
        assert.deepEqual(json(bye.at(-1)!), { reason: 'expired', reconnect: false })
      },
      ROUTES,
    )
  })
}

describe('a token for an open stream', () => {
  const refusals: [what: string, headers: Record<string, string>, status: number, code: string][] = [
    ['of another user', as({ user: 'v', subscribe: ['a'] }), 403, 'user-mismatch'],
    ['of nobody', as({ subscribe: ['a'] }), 403, 'user-mismatch'],
    ['that no longer covers its channels', as({ user: 'u', subscribe: ['b'] }), 403, 'channel-forbidden'],
    ['that is none', {}, 401, 'unauthorized'],
  ]
  for (const [what, headers, status, code] of refusals) {
    it(`${what} is refused, and changes nothing`, () => {
      const clock = new FakeClock()
      return withHub(
        nativeDoor,
        { clock },
        async (served) => {
          const expiresAt = clock.now() + MINUTE_MS
          const { stream, id } = await streamOf(served, as({ user: 'u', subscribe: ['a'], expiresAt }))
          const answer = await renew(served, id, headers)
          assert.equal(answer.status, status)
          assert.equal(answer.json.code, code)
          clock.advance(MINUTE_MS + 1000)
          const heard = await stream.takeUntil(({ event }) => event === 'fanline.bye')
          assert.deepEqual(json(heard.at(-1)!), { reason: 'expired', reconnect: false })
        },
        ROUTES,
      )
    })
  }

  it('may also end it sooner', () => {
    const clock = new FakeClock()
    const grants = { user: 'u', subscribe: ['a'] }
    return withHub(
      nativeDoor,
      { clock },
      async (served) => {
        const { stream, id } = await streamOf(served, as(grants))
        await renew(served, id, as({ ...grants, expiresAt: clock.now() + 10_000 }))
        clock.advance(10_000)
        const heard = await stream.takeUntil(({ event }) => event === 'fanline.bye')
        assert.deepEqual(json(heard.at(-1)!), { reason: 'expired', reconnect: false })
      },
      ROUTES,
    )
  })

  it('is the one whose revocation ends it', () =>
    withHub(
      nativeDoor,
      {},
      async (served) => {
        const grants = { user: 'u', subscribe: ['a'] }
        const { stream, id } = await streamOf(served, withToken('old', grants))
        await renew(served, id, withToken('new', grants))
        await served.hub.revoke({ jti: 'old' })
        await served.hub.publish({ channel: 'a', data: 'still here' })
        assert.equal((await stream.next()).data, 'still here')
        await served.hub.revoke({ jti: 'new' })
        assert.deepEqual(json(await stream.next()), { reason: 'revoked', reconnect: false })
      },
      ROUTES,
    ))

  it('may be that of an admin, who may let anybody’s stream live on for ever', () => {
    const clock = new FakeClock()
    return withHub(
      nativeDoor,
      { clock },
      async (served) => {
        const expiresAt = clock.now() + MINUTE_MS
        const { stream, id } = await streamOf(served, as({ user: 'u', subscribe: ['a'], expiresAt }))
        assert.deepEqual((await renew(served, id, ADMIN)).json, { user: 'u', expiresAt: null })
        clock.advance(60 * MINUTE_MS)
        await served.hub.publish({ channel: 'a', data: 'still here' })
        await stream.takeUntil(({ data }) => data === 'still here')
        assert.ok(stream.events.every(({ event }) => !/bye|expiring/.test(event)))
      },
      ROUTES,
    )
  })

  it('has to find it open', () =>
    withHub(
      nativeDoor,
      {},
      async (served) => {
        const answer = await renew(served, 'nobody', as({ user: 'u' }))
        assert.equal(answer.status, 404)
        assert.equal(answer.json.code, 'connection-not-found')
      },
      ROUTES,
    ))
})
