import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { eventually } from './testing/deadline.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { doors, inProcessDoor, nativeDoor, type ServedHub, withHub } from './testing/served-hub.ts'
import { json, type StreamClient } from './testing/stream-client.ts'

const HEARTBEAT_MS = 15_000
const STALL_MS = 30_000
const OPTIONS = { delivery: { heartbeatMs: HEARTBEAT_MS, stallTimeoutMs: STALL_MS, retryMs: 2000 } }

for (const door of doors) {
  describe(`a quiet stream, by ${door.name}`, () => {
    it('hears a heartbeat when nothing was written for so long, and none before', () => {
      const clock = new FakeClock()
      return withHub(door, { ...OPTIONS, clock }, async (served) => {
        const client = await served.listen('/v1/events/a')
        clock.advance(HEARTBEAT_MS - 1000)
        await served.publish({ channel: 'a', data: 1 })
        await client.next()
        clock.advance(HEARTBEAT_MS - 2000)
        await served.publish({ channel: 'a', data: 2 })
        await client.next()
        assert.equal(client.comments, 0)
        const heard = client.heartbeat()
        clock.advance(HEARTBEAT_MS + 1000)
        await heard
        const again = client.heartbeat()
        clock.advance(HEARTBEAT_MS)
        await again
      })
    })

    it('is moved on by a checkpoint, so that its cursor does not age', () => {
      const clock = new FakeClock()
      return withHub(door, { ...OPTIONS, history: { maxEvents: 3 }, clock }, async (served) => {
        const quiet = await served.listen('/v1/events/quiet')
        const busy = await served.listen('/v1/events/busy')
        const ids: string[] = []
        for (let n = 0; n < 5; n++) ids.push((await served.publish({ channel: 'busy', data: n })).json.id)
        await busy.take(5)
        clock.advance(HEARTBEAT_MS + 1000)
        const checkpoint = await quiet.next()
        assert.equal(checkpoint.event, 'fanline.checkpoint')
        // The very newest may not be proven complete before the next one.
        assert.ok(checkpoint.id === ids[3] || checkpoint.id === ids[4], `${checkpoint.id} of ${ids}`)
        assert.deepEqual(json(checkpoint), { live: true })
        await quiet.close()
        const again = await served.resume('/v1/events/quiet?channel=busy', quiet.lastId)
        const heard = await again.takeUntil(({ event }) => event === 'fanline.checkpoint')
        assert.ok(heard.every(({ event }) => event !== 'fanline.gap'))
      })
    })

    it('of NDJSON hears an empty line', () => {
      const clock = new FakeClock()
      return withHub(door, { ...OPTIONS, clock }, async (served) => {
        const response = await served.fetch(`${served.url}/v1/events/a`, {
          headers: { Accept: 'application/x-ndjson' },
        })
        const reader = response.body!.getReader()
        const decoder = new TextDecoder()
        const hello = decoder.decode((await reader.read()).value)
        assert.equal(JSON.parse(hello).event, 'fanline.hello')
        clock.advance(HEARTBEAT_MS + 1000)
        assert.equal(decoder.decode((await reader.read()).value), '\n')
        await reader.cancel()
      })
    })
  })

  describe(`closing, by ${door.name}`, () => {
    it('says bye to everyone, with reconnection times spread over the drain window', () => {
      const clock = new FakeClock()
      return withHub(door, { ...OPTIONS, clock }, async (served) => {
        const clients: StreamClient[] = []
        for (let i = 0; i < 20; i++) clients.push(await served.listen('/v1/events/a'))
        const drainMs = 100_000
        const closed = served.hub.close({ drainMs })
        for (const client of clients) {
          const bye = await client.next()
          assert.equal(bye.event, 'fanline.bye')
          assert.deepEqual(json(bye), { reason: 'drain', reconnect: true })
          await client.over
        }
        // No time has passed for the hub: it waited for its clients, not for the deadline.
        await closed
        const retries = clients.map(({ retryMs }) => retryMs!)
        assert.ok(
          retries.every((retryMs) => retryMs >= 1000 && retryMs <= 1000 + drainMs),
          String(retries),
        )
        const spread = Math.max(...retries) - Math.min(...retries)
        assert.ok(spread > drainMs / 2, `all come back within ${spread} ms`)
      })
    })

    it('sends what was published before it', () =>
      withHub(door, {}, async (served) => {
        const client = await served.listen('/v1/events/a')
        const burst = Array.from({ length: 300 }, (_, n) => served.hub.publish({ channel: 'a', data: n }))
        await Promise.all(burst)
        const closed = served.hub.close()
        const heard = await client.takeUntil(({ event }) => event === 'fanline.bye')
        await closed
        const missed = 300 - (heard.length - 1)
        assert.ok(
          missed === 0 || Number(client.lastId) < Number((await burst[299]!).id),
          'what is missing is told by the id',
        )
      }))

    it('refuses what comes after it, softly where only an EventSource asks', () =>
      withHub(door, {}, async (served) => {
        await served.hub.close()
        const soft = await served.open('/v1/events/a')
        assert.equal(soft.response.status, 200)
        assert.equal(soft.response.headers.get('content-type'), 'text/event-stream')
        const bye = await soft.next()
        assert.deepEqual([bye.event, json(bye)], ['fanline.bye', { reason: 'drain', reconnect: true }])
        assert.ok(soft.retryMs! >= 1000)
        await soft.over
        const accept = { Accept: 'text/event-stream, application/problem+json' }
        const real = await served.call('GET', '/v1/events/a', undefined, accept)
        assert.equal(real.status, 503)
        assert.equal(real.json.code, 'shutting-down')
        const publish = await served.publish({ channel: 'a', data: 1 })
        assert.equal(publish.status, 503)
        assert.equal(publish.json.code, 'shutting-down')
        assert.equal(publish.json.retryable, true)
      }))
  })
}

describe('closing', () => {
  it('twice is closing once', () =>
    withHub(nativeDoor, {}, async ({ hub }) => {
      await Promise.all([hub.close(), hub.close(), hub.close()])
      assert.equal(hub.closing, true)
    }))
})

describe('a full hub', () => {
  it('asks an EventSource to come back later, and tells others 503', () =>
    withHub(nativeDoor, { limits: { connections: 1 } }, async (served) => {
      const first = await served.listen('/v1/events/a')
      const second = await served.open('/v1/events/a')
      assert.deepEqual(json(await second.next()), { reason: 'overloaded', reconnect: true })
      await second.over
      const real = await served.call('GET', '/v1/events/a', undefined, {
        Accept: 'application/problem+json, */*',
      })
      assert.deepEqual([real.status, real.json.code], [503, 'too-many-connections'])
      await first.close()
      await served.hasConnections(0)
      await served.listen('/v1/events/a')
    }))
})

describe('a client that takes nothing', () => {
  it('is behind, costs no more memory, and is disconnected when it has taken nothing for the time-out', () => {
    const clock = new FakeClock()
    return withHub(inProcessDoor, { ...OPTIONS, clock }, async (served) => {
      const stalled = await served.fetch(`${served.url}/v1/events/a`)
      const reading = await served.listen('/v1/events/a')
      await publishTurnByTurn(served, 100)
      await reading.take(100)
      assert.deepEqual(states(served), ['behind', 'live'])
      assert.equal(served.hub.stats().behind, 1)
      const [info] = served.hub.connections()
      assert.ok(info!.bufferedBytes < 200_000, `${info!.bufferedBytes} bytes wait`)
      clock.advance(STALL_MS - 2000)
      assert.deepEqual(states(served), ['behind', 'live'])
      clock.advance(3000)
      assert.deepEqual(states(served), ['live'])
      await assert.rejects(stalled.text())
    })
  })

  it('catches up to the last event when it reads again', () =>
    withHub(inProcessDoor, {}, async (served) => {
      const slow = await served.open('/v1/events/a')
      const response = await served.fetch(`${served.url}/v1/events/a`)
      await slow.next()
      await publishTurnByTurn(served, 100)
      await slow.take(100)
      await eventually(() => served.hub.stats().behind === 1, 'a client that is behind')
      const text = await readUntil(response, '"live":true')
      const names = [...text.matchAll(/^event: (\d+)$/gm)].map((match) => Number(match[1]))
      assert.deepEqual(
        names,
        Array.from({ length: 100 }, (_, n) => n),
      )
      assert.equal(served.hub.stats().gaps, 0)
    }))

  it('is told the gap when what it missed is gone', () =>
    withHub(inProcessDoor, { history: { maxEvents: 10 } }, async (served) => {
      const response = await served.fetch(`${served.url}/v1/events/a`)
      await publishTurnByTurn(served, 100)
      const text = await readUntil(response, '"live":true')
      const names = [...text.matchAll(/^event: (\d+)$/gm)].map((match) => Number(match[1]))
      assert.deepEqual(
        names.slice(-10),
        Array.from({ length: 10 }, (_, n) => 90 + n),
      )
      assert.equal(names.length, new Set(names).size)
      assert.equal([...text.matchAll(/^event: fanline\.gap$/gm)].length, 1)
      const firstAfterGap = /fanline\.gap[\s\S]*?^event: (\d+)$/m.exec(text)
      assert.equal(firstAfterGap?.[1], '90')
    }))

  it('is told that it missed events without history', () =>
    withHub(inProcessDoor, {}, async (served) => {
      const response = await served.fetch(`${served.url}/v1/events/a`)
      await publishTurnByTurn(served, 100)
      const { delivered } = await served.hub.publish({ channel: 'a', data: 'passing', ephemeral: true })
      assert.equal(delivered, 0)
      await eventually(() => served.hub.stats().ephemeralSkipped === 1, 'a skipped event')
      const text = await readUntil(response, '"live":true')
      assert.ok(!text.includes('passing'))
      const gaps = [...text.matchAll(/^event: fanline\.gap\ndata: (.*)$/gm)].map((match) =>
        JSON.parse(match[1]!),
      )
      assert.deepEqual(
        gaps.map(({ channel, reason }) => ({ channel, reason })),
        [{ channel: 'a', reason: 'ephemeral' }],
      )
      assert.equal([...text.matchAll(/^event: \d+$/gm)].length, 100)
    }))
})

/** Publishes large events called 0, 1, 2 …; each gets a turn of its own, and so a write of its own. */
async function publishTurnByTurn({ hub }: ServedHub, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await hub.publish({ channel: 'a', event: String(n), data: 'x'.repeat(32 * 1024) })
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function states({ hub }: ServedHub): string[] {
  return [...hub.connections()].map(({ state }) => state)
}

async function readUntil(response: Response, end: string): Promise<string> {
  const reader = response.body!.getReader()
  const decoder = new TextDecoder()
  let text = ''
  while (!text.includes(end)) {
    const { value, done } = await reader.read()
    if (done) break
    text += decoder.decode(value, { stream: true })
  }
  await reader.cancel()
  return text
}
