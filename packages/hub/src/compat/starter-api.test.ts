import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EmbeddedHub } from '../create-hub.ts'
import { type AdapterDoors, throughBothDoors } from '../testing/adapter-doors.ts'
import { eventually } from '../testing/deadline.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import type { TextStream } from '../testing/text-stream.ts'
import type { Level } from './level.ts'
import { type StarterApi, starterApi } from './starter-api.ts'

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'

/** Waits for the greeting, and answers what comes after it from now on. */
async function clientIdOf(stream: TextStream): Promise<string> {
  await stream.until('\n\n')
  const [, id] = new RegExp(
    `^event: connected\\ndata: \\{"client_id":"(${UUID})","timestamp":\\d+\\}\\n\\n`,
  ).exec(stream.text)!
  return id!
}

function eventsOf(stream: TextStream): string {
  return stream.text.slice(stream.text.indexOf('\n\n') + 2)
}

for (const level of ['strict', 'enhanced'] satisfies Level[]) {
  const wire = (hub: EmbeddedHub) => {
    const api = starterApi(hub, { level })
    // An application reads this out of a token.
    const userOf = (url: string): string => new URL(url, 'http://localhost').pathname.slice(1)
    const doors: AdapterDoors = {
      handle: (req, res) => api.handle(req, res, userOf(req.url ?? '')),
      fetch: (request) => api.fetch(request, Number(userOf(request.url))),
    }
    return { api, doors }
  }
  const withApi = (test: Parameters<typeof throughBothDoors<StarterApi>>[2]): Promise<void> =>
    throughBothDoors({}, wire, test)

  describe(`the library of 004, ${level}`, () => {
    it('004.10 sends a message to one client, with its id and its reconnection time', () =>
      withApi(async (api, open) => {
        const [stream, other] = [await open('/10'), await open('/10')]
        const message = { event: 'custom_event', data: { key: 'value' }, id: 'msg-001', retry: 3000 }
        assert.equal(await api.getHub().sendToClient(await clientIdOf(stream), message), 1)
        assert.equal(await api.getHub().sendToClient('nobody', message), 0)
        await api.notifyAll('end', null)
        await stream.until('event: end')
        await other.until('event: end')
        const frame = 'event: custom_event\nid: msg-001\nretry: 3000\ndata: {"key":"value"}\n\n'
        assert.ok(eventsOf(stream).startsWith(frame), stream.text)
        assert.doesNotMatch(other.text, /custom_event/)
      }))

    it('sends to a user and to everybody, and answers how many took it', () =>
      withApi(async (api, open) => {
        const hub = api.getHub()
        const [ten, again, eleven] = [await open('/10'), await open('/10'), await open('/11')]
        assert.equal(await hub.sendToUser(10, { event: 'user.login', data: 'text', id: 'm-1' }), 2)
        assert.equal(await hub.sendToUser('99', { event: 'x', data: 1 }), 0)
        assert.equal(await hub.broadcast({ event: 'update', data: { a: 1 }, retry: 0 }), 3)
        for (const stream of [ten, again, eleven]) await stream.until('event: update\n')
        for (const stream of [ten, again]) {
          await stream.until('data: {"a":1}\n\n')
          const id = level === 'strict' ? 'm-1' : '\\d+'
          const tail = level === 'strict' ? '' : 'id: \\d+\\n'
          assert.match(
            eventsOf(stream),
            new RegExp(
              `^event: user\\.login\\nid: ${id}\\ndata: "text"\\n\\nevent: update\\n${tail}data: \\{"a":1\\}\\n\\n$`,
            ),
          )
        }
        assert.doesNotMatch(eleven.text, /user\.login/)
        assert.equal(hub.getClientCount(), 3)
        assert.equal(hub.getUserClientCount(10), 2)
        assert.deepEqual(api.getStats(), { totalClients: 3, userClients: { 10: 2, 11: 1 } })
      }))

    it('gives each notification an id of its own', () =>
      withApi(async (api, open) => {
        const stream = await open('/10')
        await clientIdOf(stream)
        assert.equal(await api.notifyUser(10, 'notification', { n: 1 }), 1)
        assert.equal(await api.notifyAll('notification', { n: 2 }), 1)
        await stream.until('data: {"n":2}\n\n')
        const ids = [...eventsOf(stream).matchAll(/^id: (.*)$/gm)].map(([, id]) => id!)
        assert.equal(new Set(ids).size, 2)
        for (const id of ids) assert.match(id, new RegExp(level === 'strict' ? `^${UUID}$` : '^\\d+$'))
      }))

    it('refuses what would break a frame', () =>
      withApi(async (api, open) => {
        const hub = api.getHub()
        const stream = await open('/10')
        for (const message of [
          { event: 'a', data: 1, id: '1\nevent: evil' },
          { event: 'a', data: 1, id: '1\0' },
          { event: 'a', data: 1, retry: 1.5 },
          { event: 'a\rb', data: 1 },
          { event: 'a', data: undefined },
        ]) {
          await assert.rejects(hub.sendToUser(10, message), { name: 'ProblemError', status: 422 })
        }
        await api.notifyAll('end', 'x')
        await stream.until('event: end')
        assert.doesNotMatch(stream.text, /evil|event: a/)
      }))

    it('004.4 says "ping" every 30 s of quiet', () => {
      const clock = new FakeClock()
      return throughBothDoors({ clock }, wire, async (_api, open, hub) => {
        const stream = await open('/10')
        await clientIdOf(stream)
        await eventually(() => [...hub.connections()].every(({ state }) => state === 'live'), 'a live stream')
        clock.advance(31_000)
        await stream.until('event: ping\n')
        await stream.until('}\n\nevent: ping')
        const [, timestamp] = /event: ping\ndata: \{"timestamp":(\d+)\}\n\n$/.exec(stream.text)!
        assert.ok(Math.abs(Number(timestamp) - clock.now() / 1000) <= 1)
      })
    })
  })
}

it('004.14 a client that comes back gets what it missed, in the enhanced level only', async () => {
  for (const level of ['strict', 'enhanced'] as const) {
    const wire = (hub: EmbeddedHub) => {
      const api = starterApi(hub, { level })
      const doors: AdapterDoors = {
        handle: (req, res) => api.handle(req, res, 10),
        fetch: (request) => api.fetch(request, 10),
      }
      return { api, doors }
    }
    await throughBothDoors({}, wire, async (api, open, hub) => {
      await api.notifyUser(10, 'notification', 'seen')
      const seen = String(hub.head)
      await api.notifyUser(10, 'notification', 'missed')
      const stream = await open('/', { 'Last-Event-ID': seen })
      await clientIdOf(stream)
      await eventually(() => [...hub.connections()].every(({ state }) => state === 'live'), 'a live stream')
      await api.notifyUser(10, 'notification', 'new')
      await stream.until('"new"')
      assert.equal(stream.text.includes('"missed"'), level === 'enhanced')
      assert.doesNotMatch(stream.text, /seen/)
    })
  }
})
