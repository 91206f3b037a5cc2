import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Unauthorized } from '../errors.ts'
import type { ConnectOptions } from '../index.ts'
import { FakeBrowser } from '../testing/fake-tabs.ts'
import { type HubServer, serve } from '../testing/hub-server.ts'
import { inTime } from '../testing/of-hub.ts'
import { promptly, Tab, until, withTabs } from '../testing/sharing-tabs.ts'

const connections = ({ hub }: HubServer): number => [...hub.connections()].length

describe('tabs that share', () => {
  it('have one connection; each hears what it follows, and an event of several channels', () =>
    withTabs(async (server, open) => {
      const tabs = [open(['a']), open(['b']), open(['a', 'b']), open([]), open(['c'])]
      await Promise.all(tabs.map(({ stream }) => stream.caughtUp))
      await until(
        () => connections(server) === 1,
        () => connections(server),
      )
      await server.hub.publish({ channel: 'a', data: 1 })
      await server.hub.publish({ channel: 'b', data: 2 })
      await server.hub.publish({ channels: ['a', 'c'], data: 3 })
      await server.hub.publish({ channel: 'a', data: 4, ephemeral: true })
      await server.hub.publish({ all: true, data: 5 })
      const expected = [[1, 3, 4, 5], [2, 5], [1, 2, 3, 4, 5], [5], [3, 5]]
      await until(
        () => tabs.every(({ data }) => data.at(-1) === 5),
        () => tabs.map(({ data }) => data),
      )
      assert.deepEqual(
        tabs.map(({ data }) => data),
        expected,
      )
      assert.equal(tabs[4]!.heard[0]!.channel, 'c')
      assert.deepEqual(
        tabs.flatMap(({ errors }) => errors),
        [],
      )
    }))
})

describe('a tab that shares', () => {
  it('gives up the connection when it is hidden, and another one is not', () =>
    withTabs(async (server, open, browser) => {
      const first = open(['a'])
      await first.stream.caughtUp
      assert.equal(browser.host, first.tab)
      const second = open(['a'])
      await second.stream.caughtUp
      first.tab.hidden = true
      await until(
        () => browser.host === second.tab,
        () => 'the second one is the host',
      )
      await Promise.all([first, second].map(({ stream }) => stream.caughtUp))
      await server.hub.publish({ channel: 'a', data: 1 })
      await until(
        () => first.data.length === 1 && second.data.length === 1,
        () => [first.data, second.data],
      )
    }))

  it('is refused alone, and leaves the others what they have', () =>
    withTabs(async (server, open) => {
      const good = open(['a'])
      await good.stream.caughtUp
      const bad = open(['no good'])
      await assert.rejects(bad.stream.ready, { name: 'StreamError', status: 400 })
      await assert.rejects(good.stream.follow('no good'), { name: 'StreamError', status: 400 })
      await good.stream.follow('b')
      await server.hub.publish({ channel: 'b', data: 1 })
      await until(
        () => good.data.length === 1,
        () => [good.data, good.stream.status],
      )
      assert.equal(connections(server), 1)
    }))

  it('is asked for a token, and is closed alone when nobody is logged in there', () =>
    withTabs(async (server, open) => {
      const asked: string[] = []
      const options = (name: string, isIn: () => boolean): ConnectOptions => ({
        shareKey: 'ann',
        getToken() {
          asked.push(name)
          if (!isIn()) throw new Unauthorized('logged out')
          return name
        },
      })
      let isIn = true
      const first = open(
        ['a'],
        options('first', () => isIn),
      )
      await first.stream.caughtUp
      const second = open(
        ['a'],
        options('second', () => true),
      )
      await second.stream.caughtUp
      assert.deepEqual(asked, ['first'])
      isIn = false
      server.cut()
      await until(
        () => first.stream.status.state === 'closed' && asked.includes('second'),
        () => [first.stream.status, asked],
      )
      assert.match(String(first.stream.status.error), /logged out/)
      await second.stream.caughtUp
      await server.hub.publish({ channel: 'a', data: 1 })
      await until(
        () => second.data.length === 1,
        () => second.data,
      )
    }))

  it('hears what it missed: from the host, or from the server', () =>
    withTabs(async (server, open) => {
      const ids: string[] = []
      for (let i = 0; i < 3; i++) ids.push((await server.hub.publish({ channel: 'a', data: i })).id as string)
      const first = open(['a', 'b'])
      await first.stream.caughtUp
      const [connection] = server.hub.connections()
      const late = open(['a'], { lastEventId: ids[0]! })
      await late.stream.caughtUp
      assert.deepEqual(late.data, [1, 2])
      assert.notEqual([...server.hub.connections()][0]?.id, connection?.id)
      const [other] = server.hub.connections()
      await server.hub.publish({ channel: 'a', data: 3 })
      await until(
        () => late.data.length === 3,
        () => late.data,
      )
      const later = open(['a'], { lastEventId: ids[2]! })
      await later.stream.caughtUp
      assert.deepEqual(later.data, [3])
      assert.equal([...server.hub.connections()][0]?.id, other?.id)
      await until(
        () => first.data.length > 0,
        () => first.data,
      )
      assert.deepEqual(first.data, [3])
    }))

  it('is caught up when nothing is left that it missed, also when another one is the reason', () =>
    withTabs(async (server, open) => {
      const ids: string[] = []
      for (let i = 0; i < 3; i++) ids.push((await server.hub.publish({ channel: 'a', data: i })).id as string)
      const live = open(['a'])
      await live.stream.caughtUp
      // The first that comes back makes the host begin anew; the second finds it there.
      const back = [0, 1].map((n) => open(['a'], { lastEventId: ids[n]! }))
      await Promise.all(
        back.map(async (tab, n) => {
          await tab.stream.caughtUp
          assert.deepEqual(tab.data, [1, 2].slice(n))
        }),
      )
      assert.deepEqual(live.data, [])
    }, promptly()))

  it('hears everything of a server without ids, too, while its host calls', async () => {
    const streams: ServerResponse[] = []
    const server = await serve((_, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': hello\n\n')
      streams.push(res)
    })
    const browser = new FakeBrowser()
    const tabs = [0, 1].map(() => new Tab(browser, server.origin, [], {}))
    await Promise.all(tabs.map(({ stream }) => stream.caughtUp))
    const expected = Array.from({ length: 100 }, (_, i) => String(i))
    for (const data of expected) {
      streams[0]!.write(`data: ${data}\n\n`)
      if (data.endsWith('0')) browser.host!.hidden = false
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    for (const tab of tabs) {
      await until(
        () => tab.data.at(-1) === expected.at(-1),
        () => tab.data,
      )
      assert.deepEqual(tab.data, expected)
      tab.stream.close()
    }
    await server.close()
  })

  const meanwhile: Readonly<Record<string, (host: Tab) => void>> = {
    'and more comes': () => undefined,
    'and its host calls': (host) => {
      host.tab.hidden = false
    },
    'and its host dies': (host) => host.kill(),
  }
  for (const [what, happens] of Object.entries(meanwhile)) {
    it(`holds up nobody but itself when it reads slowly, ${what}, and misses nothing unsaid`, () =>
      withTabs(async (server, open) => {
        const tabs: Tab[] = []
        for (let i = 0; i < 3; i++) {
          tabs.push(open(['a']))
          await tabs[i]!.stream.caughtUp
        }
        const [host, quick, slow] = tabs as [Tab, Tab, Tab]
        const events = slow.stream.readable(undefined, { limit: 10 }).getReader()
        let count = 0
        const publish = async (more: number) => {
          for (const end = count + more; count < end; count++)
            await server.hub.publish({ channel: 'a', data: count })
          await until(
            () => quick.data.at(-1) === count - 1,
            () => [quick.data.at(-1), count],
          )
        }
        // More than waits for it.
        await publish(1200)
        await server.hub.publish({ channel: 'a', data: 'now', ephemeral: true })
        await publish(1)
        happens(host)
        for (let i = 0; i < count; i++) {
          if (i < 1200 && i % 30 === 0) await publish(20)
          assert.equal((await inTime(events.read(), () => `${i}`)).value?.data, i)
        }
        assert.deepEqual(
          slow.gaps.map(({ channel, reason }) => [channel, reason]),
          [['a', 'ephemeral']],
        )
        assert.deepEqual(quick.gaps, [])
      }, promptly()))
  }
})

describe('tabs that come and go', () => {
  it('each hears everything of its channels once and in order, whoever dies', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) =>
        withTabs(async (server, open, browser) => {
          let living = [open(['a']), open(['b', 'c'])]
          const all = [...living]
          const publisher = new Publisher(server)
          for (const tab of living) void publisher.judgeFrom(tab)
          for (const { what, who, channels } of steps) {
            const tab = living[who % Math.max(1, living.length)]
            if (what === 'open' || !tab) {
              const lastEventId = who % 2 === 0 ? publisher.someId(who) : undefined
              const opened = open(channels, { lastEventId })
              void publisher.judgeFrom(opened, lastEventId)
              living.push(opened)
              all.push(opened)
            } else if (what === 'kill' || what === 'close' || what === 'kill the host') {
              const gone = (what === 'kill the host' && living.find((one) => one.tab === browser.host)) || tab
              if (what === 'close') gone.stream.close()
              else gone.kill()
              living = living.filter((one) => one !== gone)
            } else if (what === 'cut') server.cut()
            else if (what === 'hide') tab.tab.hidden = true
            else if (what === 'show') {
              tab.tab.hidden = false
              tab.source.wake()
            } else if (what === 'sleep') {
              tab.source.rest()
              setTimeout(() => tab.source.wake(), who % 60)
            } else void publisher.judgeFollow(tab, channels)
            await new Promise((resolve) => setTimeout(resolve, who % 80))
          }
          await inTime(Promise.all(living.map(({ stream }) => stream.caughtUp)), () => 'all live')
          await publisher.end()
          await until(
            () => living.every((tab) => tab.data.at(-1) === 'end'),
            () => living.map(({ stream, data }) => [stream.status, data.length]),
          )
          await until(
            () => connections(server) <= 1,
            () => connections(server),
          )
          for (const tab of all) {
            assert.deepEqual(tab.errors, [])
            assert.deepEqual(tab.gaps, [])
            publisher.judge(tab)
          }
        }),
      ),
      { numRuns: 8, endOnFailure: true, includeErrorInReport: true },
    ))
})

const step = fc.record({
  what: fc.constantFrom(
    ...(['open', 'open', 'kill', 'kill the host', 'kill the host', 'close'] as const),
    ...(['cut', 'hide', 'show', 'sleep', 'follow'] as const),
  ),
  who: fc.nat({ max: 1000 }),
  channels: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 3 }),
})

/** Publishes all the time, and knows what every tab must have heard. */
class Publisher {
  readonly #published: { readonly id: number; readonly channels: readonly string[] }[] = []
  /** After which id a tab must hear everything of a channel. */
  readonly #from = new Map<Tab, Map<string, number>>()
  readonly #server: HubServer
  readonly #publishing: Promise<void>
  #isOver = false

  constructor(server: HubServer) {
    this.#server = server
    this.#publishing = this.#publish()
  }

  /** An id among the last. */
  someId(n: number): string | undefined {
    const id = this.#published.at(-1 - (n % 30))?.id
    return id === undefined ? undefined : String(id)
  }

  /** From its cursor on, or from when it is live. */
  async judgeFrom(tab: Tab, lastEventId?: string): Promise<void> {
    const from = new Map<string, number>()
    this.#from.set(tab, from)
    for (const channel of tab.channels) from.set(channel, Number(lastEventId ?? Number.POSITIVE_INFINITY))
    if (lastEventId !== undefined) return
    await tab.stream.caughtUp.catch(() => undefined) // it may be killed before
    for (const channel of tab.channels) from.set(channel, this.#last)
  }

  async judgeFollow(tab: Tab, channels: readonly string[]): Promise<void> {
    const from = this.#from.get(tab)!
    const added = channels.filter((channel) => !from.has(channel))
    for (const channel of added) from.set(channel, Number.POSITIVE_INFINITY)
    // Before it is live it stands nowhere.
    await Promise.all([tab.stream.follow(...added), tab.stream.caughtUp]).catch(() => undefined)
    for (const channel of added) from.set(channel, this.#last)
  }

  async end(): Promise<void> {
    this.#isOver = true
    await this.#publishing
    await this.#server.hub.publish({ all: true, data: 'end' })
  }

  judge(tab: Tab): void {
    const from = this.#from.get(tab)!
    const heard = tab.heard.filter(({ data }) => data !== 'end').map(({ id }) => id)
    assert.ok(
      heard.every((id, i) => i === 0 || id > heard[i - 1]!),
      `out of order: ${heard}`,
    )
    const last = tab.data.at(-1) === 'end' ? Number.POSITIVE_INFINITY : (heard.at(-1) ?? 0)
    const known = new Set(heard)
    const missed = this.#published.filter(
      ({ id, channels }) =>
        id <= last && !known.has(id) && channels.some((channel) => id > (from.get(channel) ?? Infinity)),
    )
    assert.deepEqual(
      missed,
      [],
      `${[...from].join(' ')} (began with ${tab.channels}): missed beside ${heard}`,
    )
    for (const { channel } of tab.heard)
      assert.ok(channel === '@all' || from.has(channel!), `heard ${channel}`)
  }

  get #last(): number {
    return this.#published.at(-1)?.id ?? 0
  }

  async #publish(): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const channels = ['a', 'b', 'c', 'd'].filter((_, n) => ((i * 7919) >> n) % 3 === 0)
      if (channels.length > 0) {
        const { id } = await this.#server.hub.publish({ channels, data: i })
        this.#published.push({ id: Number(id), channels })
      }
      await new Promise((resolve) => setTimeout(resolve, i % 4))
    }
  }
}
