// What is promised to those who come from five other systems (docs/migrate), by its number; more of them in e2e.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { composed } from '../testing/composed.ts'
import { eventually } from '../testing/eventually.ts'
import { freePort } from '../testing/free-port.ts'
import { type HeardEvent, type OpenStream, openStream } from '../testing/heard-stream.ts'
import { type Post, postMany } from '../testing/post-many.ts'
import { figure, type PresetProgram, startPresets } from '../testing/preset-program.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { takesUnder } from '../testing/takes-under.ts'

const ALL = 'user-channel,client-id,notification,session,starter'
const MIB = 1024 * 1024

/** How clients of each system listen as a user, and how its publishers send to one. */
const SYSTEMS: Readonly<
  Record<string, { listen: (user: string) => string; send: (user: string, text: string) => Post }>
> = {
  'user-channel': {
    listen: (user) => `/sse?userID=${user}`,
    send: (userID, value) => ({ path: '/send-to-user', body: JSON.stringify({ userID, value }) }),
  },
  'client-id': {
    listen: (user) => `/sse?id=${user}`,
    send: (user) => ({ path: `/ping/${user}` }),
  },
  notification: {
    listen: (user) => `/notifications?userID=${user}`,
    send: (userID, message) => ({ path: '/send', body: JSON.stringify({ userID, message }) }),
  },
  session: {
    listen: (user) => `/sse?session=${user}`,
    send: (user, data) => ({ path: `/pm?session=${user}`, body: JSON.stringify({ event: 'n', data }) }),
  },
  starter: {
    listen: (user) => `/sse/stream?user_id=${user}`,
    send: (user, data) => ({
      path: '/api/sse/send-to-user',
      body: `{"user_id":${user},"event":"n","data":${JSON.stringify(data)}}`,
    }),
  },
}

const NAMES = Object.keys(SYSTEMS)

/** The text in the data of an event, however its system wraps it. */
function textOf({ data }: HeardEvent): string {
  const text = data.startsWith('{"data":') ? JSON.parse(data).data : data
  return text.startsWith('"') ? JSON.parse(text) : text
}

/** What publishers sent, without what the system itself says. */
function sentOf(stream: OpenStream): readonly HeardEvent[] {
  return stream.events.filter(({ event }) => !['connected', 'ping', 'fanline.gap'].includes(event))
}

/** The losses of which a stream was told, as an event or as a comment. */
function gapsOf(
  stream: OpenStream,
): readonly { channel: string; from: string; to: string; reason: string }[] {
  const events = stream.events.filter(({ event }) => event === 'fanline.gap').map(({ data }) => data)
  const comments = stream.comments
    .filter((text) => text.startsWith('fanline.gap '))
    .map((text) => text.slice(12))
  return [...events, ...comments].map((text) => JSON.parse(text))
}

/** Opens a stream of each system for a user of its own, and waits until all of them are live. */
async function openAll(
  t: TestContext,
  base: string,
  lastIds: readonly string[] = [],
): Promise<readonly OpenStream[]> {
  const before = await figure(base, 'fanline_connections')
  const streams = await Promise.all(
    NAMES.map((name, i) => {
      const lastId = lastIds[i]
      return openStream(
        t,
        base + SYSTEMS[name]!.listen(userOf(name)),
        lastId === undefined ? {} : { 'Last-Event-ID': lastId },
      )
    }),
  )
  const open = before + NAMES.length
  await eventually(async () => (await figure(base, 'fanline_connections')) === open, `${open} streams`)
  return streams
}

function userOf(name: string): string {
  return String(NAMES.indexOf(name) + 1)
}

describe('claims', () => {
  for (const level of ['strict', 'enhanced'] as const) {
    it(`10.1 headers come at once on a quiet stream, and first bytes where there are any (${level})`, async (t) => {
      const { base } = await startPresets(t, ALL, ['--preset-level', level])
      for (const name of NAMES) {
        await takesUnder(200, async () => {
          const began = performance.now()
          const stream = await openStream(t, base + SYSTEMS[name]!.listen('q'))
          assert.equal(stream.status, 200)
          if (level === 'enhanced') await stream.until(/\n\n/)
          const ms = performance.now() - began
          t.diagnostic(`${name}: ${ms.toFixed(1)} ms`)
          return ms
        })
      }
    })
  }

  it('10.2 a reading client of each system gets all of a burst of 2,200, in order', async (t) => {
    const { port, base } = await startPresets(t, ALL)
    const streams = await openAll(t, base)
    const texts = Array.from({ length: 2200 }, (_, i) => String(i))
    for (const [i, name] of NAMES.entries()) {
      const user = userOf(name)
      const posts = texts.map((text) => SYSTEMS[name]!.send(user, `n${text}`))
      const answers = await postMany(port, posts, { count: 1, inFlight: 500 })
      assert.equal(
        [...answers.values()].reduce((sum, count) => sum + count, 0),
        2200,
      )
      const stream = streams[i]!
      await eventually(() => sentOf(stream).length >= 2200, `${name}: all of the burst`)
      const expected =
        name === 'client-id' ? texts.map(() => `Hello ${user}`) : texts.map((text) => `n${text}`)
      assert.deepEqual(sentOf(stream).map(textOf), expected, name)
    }
  })

  it('10.3 clients that stopped reading harm nobody, and cost little memory', async (t) => {
    const server = await composed(t, {}, { preset: ALL })
    const readers = await openAll(t, `http://127.0.0.1:${server.port}`)
    for (const name of NAMES) {
      const stalled = connect(server.port, '127.0.0.1')
      t.after(() => stalled.destroy())
      stalled.write(`GET ${SYSTEMS[name]!.listen(userOf(name))} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      await once(stalled, 'data')
      stalled.pause()
    }
    // The same to everybody, 16 MB in all: more than the kernel takes for a client.
    const count = 2000
    const body = JSON.stringify({ event: 'n', data: 'x'.repeat(8000) })
    const posts = Array.from({ length: count }, () => ({ path: '/api/sse/broadcast', body }))
    await postMany(server.port, posts, { count: 2, inFlight: 20 })
    for (const [i, reader] of readers.entries()) {
      await eventually(() => sentOf(reader).length >= count, `${NAMES[i]}: all broadcasts`)
      assert.equal(sentOf(reader).length, count)
      assert.deepEqual(gapsOf(reader), [])
    }
    const behind = [...server.hub.connections()].filter(({ state }) => state === 'behind')
    assert.equal(behind.length, NAMES.length)
    const buffered = behind.map(({ bufferedBytes }) => bufferedBytes)
    t.diagnostic(`${buffered.map((bytes) => Math.round(bytes / 1024)).join(', ')} KiB wait for them`)
    // What left in one turn of a busy process, and not the ten megabytes that the kernel did not take.
    assert(Math.max(...buffered) < 5 * MIB)
  })

  it('10.5 after kill -9 and a restart with history in memory, the loss is announced', async (t) => {
    const port = await freePort()
    const at = ['--port', String(port)]
    const first = await startPresets(t, ALL, at)
    const before = await openAll(t, first.base)
    const posts = NAMES.map((name) => SYSTEMS[name]!.send(userOf(name), 'before'))
    await postMany(port, posts, { count: 1 })
    const lastIds: string[] = []
    for (const [i, stream] of before.entries()) {
      await eventually(() => sentOf(stream).length === 1, `${NAMES[i]}: the message`)
      lastIds.push(sentOf(stream)[0]?.id ?? '')
    }
    first.program.signal('SIGKILL')
    for (const stream of before) assert.equal(await stream.over, false)

    const { base } = await startPresets(t, ALL, at)
    const after = await openAll(t, base, lastIds)
    await postMany(
      port,
      NAMES.map((name) => SYSTEMS[name]!.send(userOf(name), 'after')),
      { count: 1 },
    )
    for (const [i, stream] of after.entries()) {
      const name = NAMES[i] as string
      await eventually(() => sentOf(stream).length === 1, `${name}: the new message`)
      const [event] = sentOf(stream)
      assert(Number(event?.id) > Number(lastIds[i]), `${name}: ids only grow`)
      const gaps = gapsOf(stream).filter(({ channel }) => channel === `@user:${userOf(name)}`)
      assert.equal(gaps.length, 1, name)
      assert.equal(gaps[0]?.from, lastIds[i], name)
      assert.equal(gaps[0]?.reason, 'restarted', name)
      const saysFirst = stream.text.indexOf('fanline.gap') < stream.text.indexOf(`id: ${event?.id}`)
      assert(saysFirst, `${name}: the loss before what comes after it`)
    }
  })

  it('10.5 after kill -9 of one of two instances, clients go on at the other: each message once, in order', async (t) => {
    const redis = await RedisServer.start()
    t.after(() => redis.stop())
    const both = [1, 2].map(() =>
      startPresets(t, ALL, [], { env: { REDIS_ADDR: `127.0.0.1:${redis.port}` } }),
    )
    const [a, b] = (await Promise.all(both)) as [PresetProgram, PresetProgram]
    const before = await openAll(t, a.base)
    const count = 500
    const posts = Array.from({ length: count }, (_, i) =>
      NAMES.map((name) => SYSTEMS[name]!.send(userOf(name), `n${i}`)),
    )
    const sending = postMany(b.port, posts.flat(), { count: 1, inFlight: 10 })
    for (const stream of before) await eventually(() => sentOf(stream).length > 50, 'some messages')
    a.program.signal('SIGKILL')
    for (const stream of before) assert.equal(await stream.over, false)
    const heard = before.map((stream) => sentOf(stream))
    const after = await openAll(
      t,
      b.base,
      heard.map((events) => events.at(-1)?.id ?? ''),
    )
    await sending
    for (const [i, stream] of after.entries()) {
      const name = NAMES[i] as string
      const own = heard[i] as readonly HeardEvent[]
      assert(own.length < count, `${name}: it was cut in the middle`)
      await eventually(() => own.length + sentOf(stream).length >= count, `${name}: all messages`)
      const all = [...own, ...sentOf(stream)]
      assert.equal(new Set(all.map(({ id }) => id)).size, count, name)
      const sent = posts.map((_, n) => (name === 'client-id' ? `Hello ${userOf(name)}` : `n${n}`))
      assert.deepEqual(all.map(textOf), sent, name)
      assert.deepEqual(gapsOf(stream), [], name)
    }
  })

  it('10.6 who comes back for 200 where 100 are kept is told what is lost', async (t) => {
    const { port, base } = await startPresets(t, ALL, ['--history-max-events', '100'])
    const streams = await openAll(t, base)
    for (const name of NAMES) {
      const posts = Array.from({ length: 201 }, (_, i) => SYSTEMS[name]!.send(userOf(name), `n${i}`))
      await postMany(port, posts, { count: 1, inFlight: 50 })
    }
    const ids: (readonly string[])[] = []
    for (const [i, stream] of streams.entries()) {
      await eventually(() => sentOf(stream).length === 201, `${NAMES[i]}: all messages`)
      ids.push(sentOf(stream).map(({ id }) => id as string))
    }
    const resumed = await openAll(
      t,
      base,
      ids.map(([oldest]) => oldest as string),
    )
    for (const [i, stream] of resumed.entries()) {
      const name = NAMES[i] as string
      const own = ids[i] as readonly string[]
      await eventually(() => sentOf(stream).length === 100, `${name}: the newest hundred`)
      assert.deepEqual(
        sentOf(stream).map(({ id }) => id),
        own.slice(101),
      )
      const lost = { channel: `@user:${userOf(name)}`, from: own[0], to: own[100], reason: 'trimmed' }
      assert.deepEqual(gapsOf(stream), [lost], name)
      assert(stream.text.indexOf('fanline.gap') < stream.text.indexOf('id: '), name)
    }
  })

  it('10.8 a client that left is noticed within a second', async (t) => {
    const { base } = await startPresets(t, ALL)
    await takesUnder(1000, async () => {
      const streams = await openAll(t, base)
      for (const { leave } of streams) leave()
      const left = performance.now()
      await eventually(async () => (await figure(base, 'sse_active_clients')) === 0, 'no client')
      const ms = performance.now() - left
      t.diagnostic(`${ms.toFixed(0)} ms`)
      return ms
    })
  })

  it('10.8 a client that takes nothing any more is noticed after the stall time-out', async (t) => {
    const server = await composed(t, {}, { preset: ALL, 'delivery.stallTimeoutMs': '1000' })
    for (const name of NAMES) {
      const stalled = connect(server.port, '127.0.0.1')
      t.after(() => stalled.destroy())
      stalled.write(`GET ${SYSTEMS[name]!.listen('7')} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      await once(stalled, 'data')
      stalled.pause()
    }
    const body = JSON.stringify({ user: '7', data: 'x'.repeat(500_000) })
    for (let sent = 0; server.hub.stats().behind < NAMES.length; sent++) {
      assert(sent < 100, 'they never fell behind')
      await postMany(server.port, [{ path: '/v1/publish', body }], { count: 1 })
    }
    await eventually(() => server.hub.stats().connections === 0, 'no connection')
    assert.equal(server.hub.stats().closedBy.stalled, NAMES.length)
  })

  it('10.9 SIGTERM ends 1,000 streams with reconnection times spread, and the program with 0 in time', async (t) => {
    const users = Array.from({ length: 200 }, (_, user) => String(user))
    await takesUnder(5000, async () => {
      const { program, base } = await startPresets(t, ALL)
      const streams = await Promise.all(
        NAMES.flatMap((name) => users.map((user) => openStream(t, base + SYSTEMS[name]!.listen(user)))),
      )
      await eventually(async () => (await figure(base, 'fanline_connections')) === 1000, '1,000 streams')
      const began = performance.now()
      program.signal('SIGTERM')
      const ended = await Promise.all(streams.map(({ over }) => over))
      assert(ended.every(Boolean), 'all ended, none was cut')
      assert.equal(await program.exitCode, 0)
      const ms = performance.now() - began
      t.diagnostic(`${ms.toFixed(0)} ms`)
      const hints = streams.map(({ retries }) => retries.at(-1) ?? 0).sort((a, b) => a - b)
      assert(hints[0]! >= 1000, 'all were told when to come back')
      for (let quarter = 0; quarter < 4; quarter++) {
        const from = 1000 + (quarter * 4500) / 4
        const inQuarter = hints.filter((hint) => hint >= from && hint < from + 4500 / 4).length
        assert(inQuarter > 150, `${inQuarter} of 1,000 come back in the quarter that begins after ${from} ms`)
      }
      return ms
    })
  })

  it('10.11 the metrics of 2,000 users are as long as those of 200', async (t) => {
    const { port, base } = await startPresets(t, ALL)
    const send = async (from: number, to: number): Promise<number> => {
      const posts = Array.from({ length: to - from }, (_, i) =>
        SYSTEMS.notification!.send(`u${from + i}`, 'm'),
      )
      await postMany(port, posts, { count: 4, inFlight: 100 })
      const text = await (await fetch(`${base}/metrics`)).text()
      return [...text.matchAll(/^(?:fanline|sse)_/gm)].length
    }
    const few = await send(0, 200)
    assert(few > 100)
    assert.equal(await send(200, 2000), few)
  })
})
