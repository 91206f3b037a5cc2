import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from './testing/fake-clock.ts'
import { doors, nativeDoor, type ServedHub, withHub } from './testing/served-hub.ts'
import { isPublished, json, type StreamClient, type StreamEvent } from './testing/stream-client.ts'

for (const door of doors) {
  describe(`coming back, by ${door.name}`, () => {
    it('misses nothing and gets nothing twice while everything is published at full speed', () =>
      withHub(door, {}, async (served) => {
        const total = 10_000
        const heard: StreamEvent[] = []
        let client = await served.listen('/v1/events/a')
        const published = publishAtFullSpeed(served, total)
        let reconnects = 0
        while (heard.length < total) {
          const cut = Date.now() + 50
          while (heard.length < total && Date.now() < cut) {
            const event = await client.next()
            if (isPublished(event)) heard.push(event)
          }
          if (heard.length === total) break
          await client.close()
          // What came before the stream was cut counts: the id that is sent next is behind it.
          heard.push(...client.events.slice(client.taken).filter(isPublished))
          client = await served.resume('/v1/events/a', client.lastId)
          reconnects++
        }
        await published
        assert.deepEqual(
          heard.map(({ data }) => Number(data)),
          Array.from({ length: total }, (_, i) => i),
        )
        assert.ok(reconnects > 0, 'the client never came back')
        assert.equal(served.hub.stats().gaps, 0)
      }))

    it('brings all of a burst of 2,200 events', () =>
      withHub(door, {}, async (served) => {
        const client = await served.listen('/v1/events/a')
        await Promise.all(
          Array.from({ length: 2200 }, (_, n) => served.hub.publish({ channel: 'a', data: n })),
        )
        const heard = await client.takeUntil(({ data }) => data === '2199')
        assert.deepEqual(
          heard.map(({ data }) => data),
          Array.from({ length: 2200 }, (_, n) => String(n)),
        )
      }))

    it('names the gap once, brings what is left, and says when the client is live', () =>
      withHub(door, { history: { maxEvents: 100 } }, async (served) => {
        const first = await served.listen('/v1/events/a?user=u')
        await first.close()
        const ids: string[] = []
        for (let n = 0; n < 200; n++) ids.push((await served.hub.publish({ channel: 'a', data: n })).id!)
        const again = await served.resume('/v1/events/a?user=u', first.lastId)
        const [gap, ...rest] = await again.takeUntil(({ event }) => event === 'fanline.checkpoint')
        assert.equal(gap!.event, 'fanline.gap')
        assert.equal(gap!.id, undefined)
        assert.deepEqual(json(gap!), { channel: 'a', from: first.lastId, to: ids[99], reason: 'trimmed' })
        assert.deepEqual(
          rest.slice(0, -1).map(({ id, data }) => [id, data]),
          ids.slice(100).map((id, i) => [id, String(100 + i)]),
        )
        const checkpoint = rest.at(-1)!
        assert.deepEqual(
          { id: checkpoint.id, data: json(checkpoint) },
          { id: ids.at(-1), data: { live: true } },
        )
        await served.publish({ channel: 'a', data: 'live' })
        assert.equal((await again.next()).data, 'live')
        const { gaps, gapsBy, caughtUp } = served.hub.stats()
        assert.deepEqual({ gaps, gapsBy, caughtUp }, { gaps: 1, gapsBy: { trimmed: 1 }, caughtUp: 1 })
      }))

    it('has lost nothing where nothing was published', () =>
      withHub(door, { history: { maxEvents: 5 } }, async (served) => {
        const first = await served.listen('/v1/events/quiet?user=u')
        for (let n = 0; n < 50; n++) await served.hub.publish({ channel: 'busy', data: n })
        await first.close()
        const again = await served.resume('/v1/events/quiet?user=u', first.lastId)
        assert.equal((await again.next()).event, 'fanline.checkpoint')
        assert.equal(served.hub.stats().gaps, 0)
      }))

    it('repeats the id of the client in the hello, so that a cut before the first event loses nothing', () =>
      withHub(door, {}, async (served) => {
        const first = await served.listen('/v1/events/a')
        const start = first.lastId!
        await first.close()
        for (let n = 0; n < 3; n++) await served.hub.publish({ channel: 'a', data: n })
        const cut = await served.open('/v1/events/a', { 'Last-Event-ID': start })
        const hello = await cut.next()
        assert.equal(hello.id, start)
        assert.equal((json(hello) as { resumed: boolean }).resumed, true)
        await cut.close()
        const again = await served.resume('/v1/events/a', hello.id)
        assert.deepEqual(
          (await again.take(3)).map(({ data }) => data),
          ['0', '1', '2'],
        )
      }))

    it('takes the cursor from the header, then from the address, then from since', () =>
      withHub(door, {}, async (served) => {
        const ids: string[] = []
        for (let n = 0; n < 5; n++) ids.push((await served.hub.publish({ channel: 'a', data: n })).id!)
        const cases: [string, string | undefined, string[]][] = [
          [`?lastEventId=${ids[2]}`, undefined, ['3', '4']],
          [`?lastEventId=${ids[0]}&since=start`, ids[3], ['4']],
          [`?lastEventId=${ids[1]}&since=start`, undefined, ['2', '3', '4']],
          ['?since=start', undefined, ['0', '1', '2', '3', '4']],
          ['?since=10m', undefined, ['0', '1', '2', '3', '4']],
          ['?since=start', '', ['0', '1', '2', '3', '4']],
        ]
        for (const [query, id, expected] of cases) {
          const client = await served.resume(`/v1/events/a${query}`, id)
          assert.deepEqual(await published(client), expected, `${query} ${id}`)
          assert.ok(
            client.events.every(({ event }) => event !== 'fanline.gap'),
            query,
          )
        }
      }))

    it('answers a cursor that is none of ours with a gap and everything, never with a refusal', () =>
      withHub(door, {}, async (served) => {
        await served.publish({ channel: 'a', data: 'kept' })
        for (const id of ['nonsense', '-1', '9007199254740991', '12345678901234567890', '0x10', '1.5']) {
          const client = await served.resume('/v1/events/a', id)
          const heard = await client.takeUntil(({ event }) => event === 'fanline.checkpoint')
          const gap = heard.find(
            ({ event, data }) => event === 'fanline.gap' && JSON.parse(data).channel === 'a',
          )
          assert.equal((json(gap!) as { reason: string }).reason, 'bad-cursor', id)
          assert.deepEqual(
            heard.filter(isPublished).map(({ data }) => data),
            ['kept'],
          )
          assert.equal(client.response.status, 200)
          // A client that is cut right after the hello must not come back with what one day may look like ours.
          assert.equal(client.events[0]?.id, '0', id)
          await client.close()
        }
      }))
  })
}

describe('a hub that was started anew', () => {
  it('tells who comes back what it no longer has, and its positions go on upwards', async () => {
    let lastId: string | undefined
    let lastPublished = 0
    const clock = new FakeClock()
    await withHub(nativeDoor, { clock }, async (served) => {
      const client = await served.listen('/v1/events/a')
      lastPublished = Number((await served.hub.publish({ channel: 'a', data: 'old' })).id)
      await client.next()
      lastId = client.lastId
    })
    // No process starts faster.
    clock.advance(5)
    await withHub(nativeDoor, { clock }, async (served) => {
      const again = await served.resume('/v1/events/a', lastId)
      const heard = await again.takeUntil(({ event }) => event === 'fanline.checkpoint')
      const gaps = heard.filter(({ event }) => event === 'fanline.gap').map(json) as {
        channel: string
        reason: string
        from: string
      }[]
      // Everyone's channel was lost, too.
      assert.deepEqual(gaps.map(({ channel }) => channel).toSorted(), ['@all', 'a'])
      assert.ok(gaps.every(({ reason, from }) => reason === 'restarted' && from === lastId))
      assert.ok(Number(heard.at(-1)!.id) > lastPublished)
      const { id } = await served.hub.publish({ channel: 'a', data: 'new' })
      assert.ok(Number(id) > lastPublished)
      const { data } = await again.next()
      assert.equal(data, 'new')
    })
  })
})

async function publishAtFullSpeed({ hub }: ServedHub, total: number): Promise<void> {
  for (let n = 0; n < total; n++) {
    await hub.publish({ channel: 'a', data: n })
    // A publisher is somebody else's turn of the event loop.
    if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 0))
  }
}

/** The events of publishers up to the point where the client is live. */
async function published(client: StreamClient): Promise<string[]> {
  const heard = await client.takeUntil(({ event }) => event === 'fanline.checkpoint')
  return heard.filter(isPublished).map(({ data }) => data)
}
