import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { inTime } from '../testing/of-hub.ts'
import { promptly, type Tab, until, withTabs } from '../testing/sharing-tabs.ts'

/** Longer than a host may take to answer, and than it follows what nobody wants. */
const LONG_MS = 7000

describe('tabs that share', () => {
  it('hear their host answer while they hold themselves up, and do not take its place', () =>
    withTabs(async (server, open, browser) => {
      const first = open(['a'])
      await first.stream.caughtUp
      const slow = open(['a'])
      await slow.stream.caughtUp
      const events = slow.stream.events(undefined, { overflow: 'wait', limit: 1 })
      for (let i = 0; i < 5; i++) await server.hub.publish({ channel: 'a', data: i })
      first.tab.hidden = false // which calls the other one
      await pause(LONG_MS)
      assert.equal(browser.host, first.tab)
      for (let i = 0; i < 5; i++) assert.equal((await events.next()).value?.data, i)
    }))

  it('hear nothing of what they do not follow, also when nobody follows it any more', () =>
    withTabs(async (server, open) => {
      const stays = open(['a'])
      await stays.stream.caughtUp
      const goes = open(['b'])
      await goes.stream.caughtUp
      goes.stream.close()
      const isFollowed = () => [...server.hub.connections()].some(({ channels }) => channels.includes('b'))
      while (isFollowed()) {
        for (let i = 0; i < 10; i++) await server.hub.publish({ channel: 'b', data: i })
        await pause(1)
      }
      await server.hub.publish({ channel: 'a', data: 'end' })
      await until(
        () => stays.data.at(-1) === 'end',
        () => stays.data,
      )
      assert.deepEqual(stays.data, ['end'])
    }, promptly()))

  it('each reads everything once and in order, however slowly', () =>
    fc.assert(
      fc.asyncProperty(fc.array(slowStep, { minLength: 5, maxLength: 20 }), (steps) =>
        withTabs(async (server, open, browser) => {
          const ids: string[] = []
          const publish = async (count: number) => {
            for (let i = 0; i < count; i++)
              ids.push((await server.hub.publish({ channel: 'a', data: ids.length })).id as string)
          }
          await publish(1)
          const readers = Array.from(
            { length: 3 },
            () => new SlowReader(open(['a'], { lastEventId: ids[0]! })),
          )
          for (const { what, who, count } of steps) {
            const reader = readers[who]!
            const host = readers.find(({ tab }) => tab.tab === browser.host) ?? reader
            if (what === 'publish') await publish(count)
            else if (what === 'read') await reader.read(Math.min(ids.length, reader.next + count))
            else if (what === 'call') host.tab.tab.hidden = false
            else if (what === 'cut') server.cut()
            else if (what === 'sleep') {
              reader.tab.source.rest()
              setTimeout(() => reader.tab.source.wake(), count % 20)
            } else {
              host.tab.kill()
              const next = new SlowReader(open(['a'], { lastEventId: ids[host.next - 1]! }), host.next)
              readers[readers.indexOf(host)] = next
            }
            await new Promise((resolve) => setTimeout(resolve, count % 8))
          }
          for (const reader of readers) await reader.read(ids.length)
          for (const { tab } of readers) assert.deepEqual([tab.gaps, tab.errors], [[], []])
        }, promptly()),
      ),
      { numRuns: 30, endOnFailure: true, includeErrorInReport: true },
    ))
})

const slowStep = fc.record({
  what: fc.constantFrom(
    'publish',
    'publish',
    'publish',
    'read',
    'read',
    'read',
    'call',
    'cut',
    'sleep',
    'kill',
  ),
  who: fc.nat({ max: 2 }),
  count: fc.nat({ max: 800 }),
})

/** A tab that takes events when it is told to; they are numbered. */
class SlowReader {
  readonly tab: Tab
  next: number
  readonly #events: ReadableStreamDefaultReader<{ readonly data: unknown }>

  constructor(tab: Tab, next = 1) {
    this.tab = tab
    this.next = next
    this.#events = tab.stream.readable(undefined, { limit: 10 }).getReader()
  }

  async read(end: number): Promise<void> {
    for (; this.next < end; this.next++) {
      const { value } = await inTime(this.#events.read(), () => `${this.next} of ${end}`)
      assert.equal(value?.data, this.next)
    }
  }
}
