import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EmbeddedHub } from '../create-hub.ts'
import { throughBothDoors } from '../testing/adapter-doors.ts'
import { eventually } from '../testing/deadline.ts'
import { type ClientIdApi, clientIdApi } from './client-id-api.ts'
import type { Level } from './level.ts'

const LEVELS: readonly Level[] = ['strict', 'enhanced']

const wire = (level: Level) => (hub: EmbeddedHub) => {
  const api = clientIdApi(hub, { level })
  return { api, doors: api }
}

for (const level of LEVELS) {
  const withApi = (test: Parameters<typeof throughBothDoors<ClientIdApi>>[2]): Promise<void> =>
    throughBothDoors({}, wire(level), test)

  describe(`the library of 001, ${level}`, () => {
    it('001.5 broadcasts to every connection, also to those without an id', () =>
      withApi(async (api, open) => {
        const streams = [await open('/?id=u1'), await open('/?id=u2'), await open('/')]
        assert.equal(await api.broadcast('x'), 3)
        for (const stream of streams) await stream.until('data: x\n\n')
      }))

    it('publishes to all connections of an id, and to no others', () =>
      withApi(async (api, open) => {
        const [one, two, other] = [await open('/?id=u1'), await open('/?id=u1'), await open('/?id=u2')]
        assert.equal(await api.publish('u1', 'two\nlines'), 2)
        await api.broadcast('end')
        for (const stream of [one, two]) await stream.until('data: two\ndata: lines\n\n')
        await other.until('data: end\n\n')
        assert.doesNotMatch(other.text, /lines/)
      }))

    it('knows who is not there, also after they have left', () =>
      withApi(async (api, open, hub) => {
        await assert.rejects(api.publish('u1', 'x'), { code: 'connection-not-found', status: 404 })
        const stream = await open('/?id=u1')
        await api.publish('u1', 'x')
        await stream.close()
        await eventually(() => hub.stats().connections === 0, 'that it has left')
        await assert.rejects(api.publish('u1', 'x'), { code: 'connection-not-found' })
      }))
  })
}

it('a client of 001 that comes back gets what it missed, in the enhanced level only', async () => {
  for (const level of LEVELS) {
    await throughBothDoors({}, wire(level), async (api, open, hub) => {
      const stream = await open('/?id=u1')
      const before = hub.head
      await api.publish('u1', 'missed')
      await stream.until('data: missed\n\n')
      const again = await open('/?id=u1', { 'Last-Event-ID': String(before) })
      await api.publish('u1', 'new')
      await again.until('data: new\n\n')
      assert.equal(again.text.includes('missed'), level === 'enhanced')
    })
  }
})
