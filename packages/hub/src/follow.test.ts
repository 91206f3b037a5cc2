import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ADMIN, as, saidAccess } from './testing/said-access.ts'
import { doors, nativeDoor, type ServedHub, withHub } from './testing/served-hub.ts'
import { isPublished, json, type StreamClient } from './testing/stream-client.ts'

const ROUTES = { authenticator: saidAccess }
const U = as({ user: 'u', subscribe: ['a', 'b', 'c'] })

async function streamOf(served: ServedHub, path: string): Promise<{ stream: StreamClient; id: string }> {
  const stream = await served.open(path, U)
  const hello = json(await stream.next()) as { connection: string }
  return { stream, id: hello.connection }
}

function follow(served: ServedHub, id: string, channels: unknown, headers = U) {
  return served.call('PUT', `/v1/connections/${id}/channels`, JSON.stringify({ channels }), headers)
}

for (const door of doors) {
  it(`a stream hears what was added from its cursor on, and no longer what was removed, by ${door.name}`, () =>
    withHub(
      door,
      {},
      async (served) => {
        const { stream, id } = await streamOf(served, '/v1/events/a')
        await served.hub.publish({ channel: 'a', data: 'a1' })
        assert.equal((await stream.next()).data, 'a1')
        await served.hub.publish({ channel: 'b', data: 'b after a1' })
        const answer = await follow(served, id, ['b', 'c'])
        assert.deepEqual(answer.json, { channels: ['b', 'c'] })
        const caughtUp = await stream.takeUntil(({ event }) => event === 'fanline.checkpoint')
        assert.deepEqual(
          caughtUp.filter(isPublished).map(({ data }) => data),
          ['b after a1'],
        )
        await served.hub.publish({ channel: 'a', data: 'a2' })
        await served.hub.publish({ channel: 'c', data: 'c1' })
        assert.equal((await stream.next()).data, 'c1')
        assert.deepEqual(served.hub.connection(id)?.channels, ['b', 'c'])
        assert.equal(served.hub.isFollowed('a'), false)
      },
      ROUTES,
    ))

  it(`changes at once lose and double nothing, and the last one counts, by ${door.name}`, () =>
    withHub(
      door,
      {},
      async (served) => {
        const { stream, id } = await streamOf(served, '/v1/events/a')
        const sets = [['a', 'b'], ['a', 'c'], ['a'], ['a', 'b', 'c']]
        const published: string[] = []
        const changes = sets.map((channels) => follow(served, id, channels))
        for (let n = 0; n < 50; n++) {
          published.push(`a${n}`)
          await served.hub.publish({ channel: 'a', data: `a${n}` })
        }
        await Promise.all(changes)
        await follow(served, id, ['a', 'b', 'c'])
        await served.hub.publish({ channel: 'c', data: 'end' })
        const heard = (await stream.takeUntil(({ data }) => data === 'end')).filter(isPublished)
        assert.deepEqual(
          heard.filter(({ channel }) => channel === 'a').map(({ data }) => data),
          published,
        )
      },
      ROUTES,
    ))
}

describe('channels of an open stream', () => {
  const refusals: [what: string, channels: unknown, headers: Record<string, string>, code: string][] = [
    ['that its user may not read', ['a', 'secret'], U, 'channel-forbidden'],
    ['of the hub', ['@user:v'], U, 'channel-reserved'],
    ['that can be none', ['a b'], U, 'channel-invalid'],
    ['that are no list', 'a', U, 'bad-request'],
    ['that are no names', [1], U, 'bad-request'],
    ['that nobody named', undefined, U, 'bad-request'],
    ['of another user', ['a'], as({ user: 'v', subscribe: ['a'] }), 'user-mismatch'],
    ['without a credential', ['a'], {}, 'unauthorized'],
  ]
  for (const [what, channels, headers, code] of refusals) {
    it(`${what} are refused, and nothing changes`, () =>
      withHub(
        nativeDoor,
        {},
        async (served) => {
          const { stream, id } = await streamOf(served, '/v1/events/a')
          const answer = await follow(served, id, channels, headers)
          assert.equal(answer.json.code, code)
          await served.hub.publish({ channel: 'secret', data: 'not for u' })
          await served.hub.publish({ channel: 'a', data: 'for u' })
          assert.equal((await stream.next()).data, 'for u')
        },
        ROUTES,
      ))
  }

  it('have the bound that they have at its start', () =>
    withHub(
      nativeDoor,
      { limits: { channelsPerConnection: 2 } },
      async (served) => {
        const { id } = await streamOf(served, '/v1/events/a')
        assert.equal((await follow(served, id, ['a', 'b', 'c'])).json.code, 'too-many-channels')
      },
      ROUTES,
    ))

  it('may be changed by an admin', () =>
    withHub(
      nativeDoor,
      {},
      async (served) => {
        const { stream, id } = await streamOf(served, '/v1/events/a')
        await follow(served, id, ['elsewhere'], ADMIN)
        await stream.takeUntil(({ event }) => event === 'fanline.checkpoint')
        await served.hub.publish({ channel: 'elsewhere', data: 'x' })
        assert.equal((await stream.next()).data, 'x')
      },
      ROUTES,
    ))

  it('of nobody cannot be changed', () =>
    withHub(
      nativeDoor,
      {},
      async (served) => {
        assert.equal((await follow(served, 'nobody', ['a'])).json.code, 'connection-not-found')
      },
      ROUTES,
    ))
})
