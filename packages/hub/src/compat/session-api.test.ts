import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EmbeddedHub } from '../create-hub.ts'
import { corsPolicy } from '../http/cors.ts'
import { type AdapterDoors, throughBothDoors } from '../testing/adapter-doors.ts'
import { eventually, inTime } from '../testing/deadline.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import type { Level } from './level.ts'
import { type SessionApi, sessionApi } from './session-api.ts'

const APP = 'http://app.test'

/** What an application does in its handler: it says which session, and perhaps whose. */
function application(api: SessionApi): AdapterDoors {
  const cors = corsPolicy([APP])
  const namesIn = (url: string): [session: string, uid: string | undefined] => {
    const { searchParams } = new URL(url, 'http://localhost')
    return [searchParams.get('session') ?? '', searchParams.get('uid') ?? undefined]
  }
  return {
    handle(req, res) {
      for (const [name, value] of Object.entries(cors.headers(req.headers.origin))) res.setHeader(name, value)
      const [session, uid] = namesIn(req.url ?? '/')
      return uid === undefined
        ? api.newSession(req, res, session)
        : api.newSessionWithUid(req, res, session, uid)
    },
    async fetch(request) {
      const response = await api.fetchSession(request, ...namesIn(request.url))
      for (const [name, value] of Object.entries(cors.headers(request.headers.get('origin') ?? undefined))) {
        response.headers.set(name, value)
      }
      return response
    },
  }
}

for (const level of ['strict', 'enhanced'] satisfies Level[]) {
  const wire = (hub: EmbeddedHub) => {
    const api = sessionApi(hub, { level })
    return { api, doors: application(api) }
  }
  const withApi = (test: Parameters<typeof throughBothDoors<SessionApi>>[2]): Promise<void> =>
    throughBothDoors({}, wire, test)

  describe(`the tests of 003 itself (003.8), ${level}`, () => {
    it('a broadcast reaches a session, under the right headers', () =>
      withApi(async (api, open) => {
        const stream = await open('/?session=user-123', { Origin: APP })
        const { headers } = stream.response
        assert.equal(headers.get('content-type'), 'text/event-stream')
        assert.equal(headers.get('cache-control'), 'no-cache')
        assert.equal(headers.get('access-control-allow-origin'), APP)
        assert.equal(headers.get('access-control-allow-credentials'), 'true')
        assert.equal(await api.broadcastEvent('notification', { msg: 'hello' }), 1)
        await stream.until('data: {"msg":"hello"}\n\n')
        assert.match(
          stream.text,
          /^retry: 15000\n\nid: \d+\nevent: notification\ndata: \{"msg":"hello"\}\n\n$/,
        )
      }))

    it('whoever comes back with Last-Event-ID gets only what was later', () =>
      withApi(async (api, open) => {
        const stream = await open('/?session=s')
        await api.broadcastEvent('e', 'first')
        await api.broadcastEvent('e', 'second')
        await stream.until('data: "second"\n\n')
        await stream.close()
        const [, first] = /id: (\d+)/.exec(stream.text)!
        const again = await open('/?session=s', { 'Last-Event-ID': first! })
        await again.until('data: "second"\n\n')
        assert.doesNotMatch(again.text, /first/)
      }))

    it('003.7 a shutdown by session id ends its streams within 2 s, and no others', () =>
      withApi(async (api, open, hub) => {
        const [one, two, other] = [
          await open('/?session=x'),
          await open('/?session=x'),
          await open('/?session=y'),
        ]
        assert.equal(api.shutdownBySessionId('x'), 2)
        await inTime(Promise.all([one.over, two.over]), () => 'the end of both', 2000)
        assert.equal(await api.broadcastEvent('e', 'still here'), 1)
        await other.until('still here')
        assert.equal(api.shutdownBySessionIds(['x', 'y']), 1)
        await other.over
        await eventually(() => hub.stats().connections === 0, 'nobody')
      }))
  })

  describe(`the library of 003, ${level}`, () => {
    it('003.13 refuses a line break in the name of an event, and no list where a list is due', () =>
      withApi(async (api, open) => {
        const stream = await open('/?session=s')
        await assert.rejects(api.broadcastEvent('a\nevent: evil', 1), { code: 'event-type-invalid' })
        const absent = undefined as unknown as string[]
        await assert.rejects(api.sendSessionsEvent('e', 1, absent), { code: 'target-missing' })
        await assert.rejects(api.sendEventToUids('e', 1, absent), { code: 'target-missing' })
        await assert.rejects(api.broadcastEventExceptUids('e', 1, absent), { code: 'target-missing' })
        assert.equal(await api.sendSessionsEvent('e', 1, []), 0)
        assert.equal(await api.sendEventToUids('e', 1, []), 0)
        await api.broadcastEvent('end', 1)
        await stream.until('event: end')
        assert.doesNotMatch(stream.text, /evil|event: e\n/)
      }))

    it('sends to sessions by id, whatever is in it, and keeps it for who is away', () =>
      withApi(async (api, open) => {
        const odd = 'a b,c*d%e'
        const [one, two] = [await open(`/?session=${encodeURIComponent(odd)}`), await open('/?session=two')]
        assert.equal(await api.sendSessionEvent('e', 'odd', odd), 1)
        assert.equal(await api.sendSessionsEvent('e', 'both', [odd, 'two', 'away']), 2)
        await one.until('data: "odd"\n\n')
        for (const stream of [one, two]) await stream.until('data: "both"\n\n')
        assert.doesNotMatch(two.text, /odd/)
        assert.equal(api.hasActiveSessionsForSessionId(odd), true)
        assert.equal(api.hasActiveSessionsForSessionId('away'), false)
        const away = await open('/?session=away', { 'Last-Event-ID': '0' })
        await away.until('data: "both"\n\n')
        // Who asks for everything has lost nothing.
        assert.doesNotMatch(away.text, /odd|fanline/)
      }))

    it('sends by uid, also to who was away, and to everybody but some', () =>
      withApi(async (api, open) => {
        const a1 = await open('/?session=s1&uid=team-a')
        const a2 = await open('/?session=s2&uid=team-a')
        const b = await open('/?session=s2&uid=team-b')
        // A session has the name of a uid, and is still not its.
        const named = await open('/?session=team-a')
        assert.deepEqual(api.listActiveUids('team-'), ['team-a', 'team-b'])
        assert.deepEqual(api.listActiveUids('x'), [])
        assert.equal(api.hasActiveSessionForUid('team-b'), true)
        assert.equal(api.hasActiveSessionForUid('s1'), false)

        assert.equal(await api.sendEventToUid('e', 'for a', 'team-a'), 2)
        assert.equal(await api.sendEventToUids('e', 'for c', ['team-c']), 0)
        assert.equal(await api.broadcastEventExceptUids('e', 'not a', ['team-a']), 2)
        await api.broadcastEvent('e', 'end')
        for (const stream of [a1, a2, b, named]) await stream.until('"end"')
        for (const stream of [a1, a2]) assert.match(stream.text, /"for a"(?!.*"not a")/s)
        for (const stream of [b, named]) assert.match(stream.text, /^(?!.*"for a").*"not a"/s)

        const c = await open('/?session=s9&uid=team-c', { 'Last-Event-ID': '0' })
        await c.until('"for c"')
        assert.equal(api.shutdownByUid('team-a'), 2)
        assert.equal(api.shutdownByUids(['team-b', 'team-c']), 2)
        await Promise.all([a1, a2, b, c].map(({ over }) => over))
        assert.deepEqual(api.listActiveUids(''), [])
      }))

    it('003.5 says ": keep-alive" every 10 s of quiet', () => {
      const clock = new FakeClock()
      return throughBothDoors({ clock }, wire, async (_api, open, hub) => {
        const stream = await open('/?session=s')
        await stream.until('retry: 15000\n\n')
        await eventually(() => [...hub.connections()].every(({ state }) => state === 'live'), 'a live stream')
        clock.advance(9000)
        await hub.publish({ user: 'nobody', data: 1 })
        assert.equal(stream.text, 'retry: 15000\n\n')
        clock.advance(2000)
        await stream.until(': keep-alive\n\n')
        clock.advance(10_000)
        await stream.until(': keep-alive\n\n: keep-alive\n\n')
      })
    })
  })
}
