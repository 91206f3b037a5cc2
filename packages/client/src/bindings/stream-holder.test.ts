import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { connect } from '../index.ts'
import { withServer } from '../testing/hub-server.ts'
import { eventually } from '../testing/of-hub.ts'
import { StreamHolder } from './stream-holder.ts'

describe('a holder of a stream', () => {
  it('lets its users listen before the first event, and to any stream that comes in the place of the first', () =>
    withServer({}, async ({ hub, url }) => {
      const holder = new StreamHolder()
      const heard: unknown[] = []
      const leave = holder.use((stream) => stream.on('n', ({ data }) => heard.push(data)))
      const { id } = await hub.publish({ channel: 'c', event: 'n', data: 0 })
      for (const data of [1, 2]) await hub.publish({ channel: 'c', event: 'n', data })
      const first = connect(url, { channels: ['c'], lastEventId: id ?? '' })
      const release = holder.hold(first)
      await first.caughtUp
      assert.deepEqual(heard, [1, 2])
      release()
      await hub.publish({ channel: 'c', event: 'n', data: 'for nobody' })
      const second = connect(url, { channels: ['c'] })
      holder.hold(second)
      await second.ready
      await hub.publish({ channel: 'c', event: 'n', data: 3 })
      await eventually(() => heard.length >= 3, 'the event of the second stream')
      leave()
      await hub.publish({ channel: 'c', event: 'n', data: 'too late' })
      await hub.publish({ channel: 'c', event: 'last', data: null })
      await new Promise((resolve) => second.on('last', resolve))
      assert.deepEqual(heard, [1, 2, 3])
      first.close()
      second.close()
    }))

  it('tells of each status, of the stream that is there', () =>
    withServer({}, async ({ url }) => {
      const holder = new StreamHolder()
      const seen: (string | undefined)[] = []
      const leave = holder.watch(() => seen.push(holder.stream?.status.state))
      const stream = connect(url)
      const release = holder.hold(stream)
      await stream.ready
      release()
      leave()
      stream.close()
      assert.deepEqual(
        seen.filter((state, i) => state !== seen[i - 1]),
        ['connecting', 'live', undefined],
      )
    }))

  it('follows a channel as long as anybody asks for it, and asks the server once for what changes at once', () =>
    withServer({}, async ({ hub, url }) => {
      const asked: string[] = []
      const holder = new StreamHolder()
      const before = holder.follow('before')
      const stream = connect(url, {
        channels: ['own'],
        fetch(address, init) {
          asked.push(init?.method ?? 'GET')
          return fetch(address, init)
        },
      })
      holder.hold(stream)
      await stream.ready
      assert.deepEqual(followed(), ['before', 'own'])
      assert.deepEqual(asked, ['GET'], 'they were asked for together')

      const leave = ['a', 'a', 'b', 'own'].map((channel) => holder.follow(channel))
      await eventually(() => followed().length === 4, 'all')
      assert.deepEqual(followed(), ['a', 'b', 'before', 'own'])
      assert.deepEqual(asked, ['GET', 'PUT'])

      leave[0]!()
      holder.follow('c')()
      leave[3]!()
      await turn()
      assert.equal(asked.length, 2, 'one of two has left; one came and went')
      leave[1]!()
      before()
      await eventually(() => followed().length === 2, 'what is left')
      assert.deepEqual(followed(), ['b', 'own'])
      assert.equal(asked.length, 3)
      stream.close()

      function followed(): string[] {
        return [...hub.connections()].flatMap(({ channels }) => [...channels]).sort()
      }
    }))

  it('tells of a channel that is refused, and follows those which were asked for with it', () =>
    withServer({}, async ({ url }) => {
      const holder = new StreamHolder()
      const stream = connect(url, { channels: ['a'] })
      const refused = new Promise((resolve) => holder.hold(stream, resolve))
      await stream.ready
      for (const channel of ['b', 'not a channel', 'c']) holder.follow(channel)
      assert.match(String(await refused), /400.*channel/s)
      await eventually(() => stream.channels.length === 3, 'the others')
      assert.deepEqual(stream.channels, ['a', 'b', 'c'])
      assert.equal(stream.status.state, 'live')
      stream.close()
    }))
})

/** What was put off in this turn is done. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve))
}
