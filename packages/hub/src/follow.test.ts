import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ChannelName, ProblemError } from '@fanline/protocol'
import { memoryLog } from './log/memory.ts'
import type { Log, LogQuery } from './log.ts'
import { eventually, inTime } from './testing/deadline.ts'
import { ADMIN, as, saidAccess } from './testing/said-access.ts'
import { doors, inProcessDoor, nativeDoor, type ServedHub, withHub } from './testing/served-hub.ts'
import { SharedLog } from './testing/shared-log.ts'
import { isPublished, json, type StreamClient, type StreamEvent } from './testing/stream-client.ts'

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

for (const door of doors) {
  describe(`channels that are added to an open stream, by ${door.name}`, () => {
    it('bring all that was published to them since its cursor, in order, and nothing older', () =>
      withHub(door, {}, async (served) => {
        await served.publish({ channel: 'b', data: 'before the stream' })
        const stream = await served.listen('/v1/events/a')
        await served.publish({ channel: 'b', data: 'before the cursor' })
        const { json: receipt } = await served.publish({ channel: 'a', data: 'the cursor' })
        await stream.next()
        const published: string[] = []
        // More than a page.
        for (let n = 0; n < 600; n++) {
          await served.hub.publish({ channel: 'b', data: n })
          published.push(String(n))
        }
        assert.equal(await served.hub.follow(idOf(stream), ['a', 'b']), true)
        const heard = await untilLive(stream)
        assert.deepEqual(dataOf(heard), published)
        assert.ok(heard.every(({ id }) => Number(id) > receipt.id))
        const checkpoint = stream.events.at(-1)!
        assert.deepEqual([checkpoint.id, json(checkpoint)], [heard.at(-1)!.id, { live: true }])
      }))

    it('name what they have lost since its cursor', () =>
      withHub(door, { history: { maxEvents: 10 } }, async (served) => {
        const stream = await served.listen('/v1/events/a')
        for (let n = 0; n < 25; n++) await served.hub.publish({ channel: 'b', data: n })
        await served.hub.follow(idOf(stream), ['a', 'b'])
        const [gap, ...rest] = await untilLive(stream)
        const { channel, reason } = json(gap!) as { channel: string; reason: string }
        assert.deepEqual([gap!.event, channel, reason], ['fanline.gap', 'b', 'trimmed'])
        assert.deepEqual(
          dataOf(rest),
          Array.from({ length: 10 }, (_, n) => String(15 + n)),
        )
      }))

    it('leave it what needs no grant, also when there is nothing else', () =>
      withHub(door, {}, async (served) => {
        const stream = await served.listen('/v1/events/a?user=u')
        await served.hub.follow(idOf(stream), [])
        await untilLive(stream)
        await served.publish({ channel: 'a', data: 'gone' })
        await served.publish({ user: 'u', data: 'mine' })
        await served.publish({ all: true, data: 'everyone’s' })
        assert.deepEqual(dataOf(await stream.take(2)), ['mine', 'everyone’s'])
      }))
  })
}

describe('changing the channels of a stream', () => {
  it('counts each of them once, and takes no other field', () =>
    withHub(nativeDoor, { limits: { channelsPerConnection: 2 } }, async (served) => {
      const stream = await served.listen('/v1/events/a')
      const path = `/v1/connections/${idOf(stream)}/channels`
      const change = (fields: object) => served.call('PUT', path, JSON.stringify(fields))
      assert.deepEqual((await change({ channels: ['a', 'b', 'a'] })).json, { channels: ['a', 'b'] })
      assert.equal((await change({ channels: ['c'], user: 'v' })).json.code, 'bad-request')
      assert.deepEqual(served.hub.connection(idOf(stream))?.channels, ['a', 'b'])
    }))

  it('that has ended changes nothing', () =>
    withHub(nativeDoor, {}, async (served) => {
      const stream = await served.listen('/v1/events/a')
      await stream.close()
      await served.hasConnections(0)
      assert.equal(await served.hub.follow(idOf(stream), ['b']), false)
      assert.equal(served.hub.isFollowed('b'), false)
    }))

  it('names the events without history that passed meanwhile, of channels it still follows', async () => {
    const { log, confirm } = slowLog()
    await withHub(nativeDoor, { log }, async (served) => {
      const client = await served.listen('/v1/events?channel=a,b,c')
      const id = idOf(client)
      const changes = [served.hub.follow(id, ['a', 'b', 'slow'])]
      for (const channel of ['a', 'b', 'c']) await served.hub.publish({ channel, data: 'x', ephemeral: true })
      await eventually(() => served.hub.stats().ephemeralSkipped === 2, 'two skipped events')
      changes.push(served.hub.follow(id, ['a', 'slow']))
      confirm('slow')
      await Promise.all(changes)
      const gaps = (await client.takeUntil(isLive)).filter(({ event }) => event === 'fanline.gap')
      assert.deepEqual(
        gaps.map((gap) => (json(gap) as { channel: string }).channel),
        ['a'],
      )
    })
  })

  it('loses nothing of a channel that the log announces late, and doubles nothing', async () => {
    const { log, confirm } = slowLog()
    await withHub(nativeDoor, { log }, async (served) => {
      const client = await served.listen('/v1/events/a')
      await served.publish({ channel: 'slow', data: '1' })
      const changed = served.hub.follow(idOf(client), ['a', 'slow'])
      await eventually(() => served.hub.isFollowed('slow'), 'the change')
      await served.publish({ channel: 'slow', data: '2' })
      await served.publish({ channel: 'a', data: '3' })
      confirm('slow')
      await served.publish({ channel: 'slow', data: '4' })
      await changed
      assert.deepEqual(dataOf(await untilLive(client)).slice(0, 3), ['1', '2', '3'])
      await served.publish({ channel: 'slow', data: '5' })
      await eventually(() => dataOf(client.events).length >= 5, 'all of them')
      assert.deepEqual(dataOf(client.events), ['1', '2', '3', '4', '5'])
    })
  })

  it('twice at once leaves the later, whichever channel the log announces first', async () => {
    for (const order of [
      ['slow.1', 'slow.2'],
      ['slow.2', 'slow.1'],
    ]) {
      const { log, confirm } = slowLog()
      await withHub(nativeDoor, { log }, async (served) => {
        const client = await served.listen('/v1/events/a')
        const id = idOf(client)
        const changes = [served.hub.follow(id, ['slow.1', 'both']), served.hub.follow(id, ['slow.2', 'both'])]
        assert.deepEqual(served.hub.connection(id)?.channels, ['slow.2', 'both'])
        for (const channel of ['slow.1', 'slow.2', 'both', 'a'])
          await served.publish({ channel, data: channel })
        for (const channel of order) {
          confirm(channel)
          await someTurns()
          await served.publish({ channel: 'slow.2', data: `after ${channel}` })
        }
        assert.deepEqual(await inTime(Promise.all(changes), () => 'both changes'), [true, true])
        await served.publish({ channel: 'slow.1', data: 'no longer' })
        await served.publish({ channel: 'both', data: 'live' })
        assert.deepEqual(dataOf(await client.takeUntil(({ data }) => data === 'live')), [
          'slow.2',
          'both',
          ...order.map((channel) => `after ${channel}`),
          'live',
        ])
        assert.equal(served.hub.isFollowed('slow.1'), false)
      })
    }
  })

  const earlier: [what: string, change: (hub: ServedHub['hub'], id: string) => Promise<unknown>][] = [
    ['added the same channel', async (hub, id) => void hub.follow(id, ['slow'])],
    ['is about to be live again', (hub, id) => hub.follow(id, ['b'])],
  ]
  for (const [what, change] of earlier) {
    it(`waits until all of it is announced, also when an earlier change ${what}`, async () => {
      const { log, confirm } = slowLog()
      await withHub(nativeDoor, { log }, async (served) => {
        const client = await served.listen('/v1/events/a')
        const id = idOf(client)
        await change(served.hub, id)
        const changed = served.hub.follow(id, ['slow', 'b'])
        await someTurns()
        assert.deepEqual(
          [...served.hub.connections()].map(({ state }) => state),
          ['catching-up'],
        )
        await served.publish({ channel: 'slow', data: 'not announced' })
        confirm('slow')
        await changed
        assert.deepEqual(dataOf(await untilLive(client)), ['not announced'])
      })
    })
  }

  it('writes nothing that was read for the channels before', async () => {
    let give = (): void => undefined
    const reading = ({ channels }: LogQuery): Promise<void> | undefined =>
      channels.includes('a' as ChannelName)
        ? new Promise((resolve) => {
            give = resolve
          })
        : undefined
    const log = new SharedLog(memoryLog()).port({ reading })
    await withHub(nativeDoor, { log }, async (served) => {
      const first = await served.listen('/v1/events/b')
      for (const channel of ['a', 'b']) await served.publish({ channel, data: channel })
      await first.close()
      await served.hasConnections(0)
      // Its first page is held back.
      const client = served.open('/v1/events/a', { 'Last-Event-ID': first.events[0]!.id! })
      await served.hasConnections(1)
      await someTurns()
      const [{ id } = { id: '' }] = served.hub.connections()
      await served.hub.follow(id, ['b'])
      give()
      assert.deepEqual(dataOf(await untilLive(await client)), ['b'])
    })
  })

  it('that the log cannot announce ends the stream, and says why', async () => {
    const log: Log = memoryLog()
    log.watch = async (channel: ChannelName) => {
      if (channel === ('broken' as ChannelName)) throw new ProblemError('log-unavailable')
    }
    await withHub(nativeDoor, { log, onProblem: () => undefined }, async (served) => {
      const client = await served.listen('/v1/events/a')
      await assert.rejects(served.hub.follow(idOf(client), ['broken']), { code: 'log-unavailable' })
      const bye = await client.next()
      assert.deepEqual([bye.event, json(bye)], ['fanline.bye', { reason: 'log-failed', reconnect: true }])
    })
  })

  it('while its client takes nothing loses nothing and doubles nothing', () =>
    withHub(inProcessDoor, {}, async (served) => {
      const response = await served.fetch(`${served.url}/v1/events?channel=a,b`)
      const [{ id } = { id: '' }] = served.hub.connections()
      const expected: string[] = []
      const publish = async (channels: string[], count: number, isHeard: boolean): Promise<void> => {
        for (let n = 0; n < count; n++) {
          const event = `${channels.join('+')}.${expected.length}.${n}`
          await served.hub.publish({ channels, event, data: 'x'.repeat(32 * 1024) })
          if (isHeard) expected.push(event)
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
      await publish(['a'], 30, true)
      assert.equal(served.hub.stats().behind, 1)
      // Not followed yet, but after the cursor at which the client stands.
      await publish(['c'], 30, true)
      await publish(['b', 'c'], 5, true)
      await served.hub.follow(id, ['a', 'c'])
      assert.equal(served.hub.stats().behind, 1)
      await publish(['b'], 5, false)
      await publish(['c', 'a', 'b'], 30, true)
      const text = await readUntil(response, '"live":true')
      assert.deepEqual(
        [...text.matchAll(/^event: (?!fanline)(.+)$/gm)].map(([, name]) => name),
        expected,
      )
      assert.equal(served.hub.stats().gaps, 0)
    }))
})

/** A log that announces channels whose names start with "slow" only when the test says so. */
function slowLog(): { log: Log; confirm: (channel: string) => void } {
  const waiting = new Map<string, () => void>()
  const watching = (channel: ChannelName): Promise<void> | undefined =>
    channel.startsWith('slow') ? new Promise((resolve) => waiting.set(channel, resolve)) : undefined
  const log = new SharedLog(memoryLog()).port({ watching })
  return { log, confirm: (channel) => waiting.get(channel)?.() }
}

/** Lets everything happen that waits for nothing but its turn. */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function idOf(stream: StreamClient): string {
  return (json(stream.events[0]!) as { connection: string }).connection
}

function isLive({ event }: StreamEvent): boolean {
  return event === 'fanline.checkpoint'
}

/** Takes all events up to the word that the stream is live again. */
async function untilLive(stream: StreamClient): Promise<StreamEvent[]> {
  return (await stream.takeUntil(isLive)).slice(0, -1)
}

function dataOf(events: readonly StreamEvent[]): string[] {
  return events.filter(isPublished).map(({ data }) => data)
}

async function readUntil(response: Response, end: string): Promise<string> {
  const reader = response.body!.getReader()
  const decoder = new TextDecoder()
  let text = ''
  while (!text.includes(end)) {
    const { value, done } = await inTime(reader.read(), () => end)
    if (done) break
    text += decoder.decode(value, { stream: true })
  }
  await reader.cancel()
  return text
}
