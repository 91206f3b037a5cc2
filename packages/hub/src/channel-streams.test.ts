import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ProblemError } from '@fanline/protocol'
import type { CreateHubOptions } from './create-hub.ts'
import { memoryLog } from './log/memory.ts'
import type { LogQuery } from './log.ts'
import { eventually, inTime } from './testing/deadline.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { inProcessDoor, nativeDoor, type ServedHub, withHub } from './testing/served-hub.ts'
import type { LogPort } from './testing/shared-log.ts'
import { SharedLog } from './testing/shared-log.ts'
import { json } from './testing/stream-client.ts'
import { nextPiece, piecesOf, settled, textOf } from './testing/stream-pieces.ts'
import { Tap } from './testing/tap.ts'

const CHAT = '/v1/streams/chat'

/** A hub whose time stands still. */
function withStillHub(
  test: (served: ServedHub, clock: FakeClock) => Promise<void>,
  options: CreateHubOptions = {},
): Promise<void> {
  const clock = new FakeClock()
  return withHub(nativeDoor, { clock, ...options }, (served) => test(served, clock))
}

/** Two hubs on one log, another door to it, and time that stands still. */
async function withTwoHubs(
  test: (
    a: ServedHub,
    b: ServedHub,
    clock: FakeClock,
    ports: readonly LogPort[],
    /** Reads of the second hub. */
    reads: readonly LogQuery[],
  ) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock()
  const shared = new SharedLog(memoryLog({ clock }))
  const reads: LogQuery[] = []
  const reading = async (query: LogQuery): Promise<void> => void reads.push(query)
  const ports = [shared.port(), shared.port({ reading }), shared.port()] as const
  await ports[2].open({ entries: () => undefined, gap: () => undefined })
  await withHub(inProcessDoor, { log: ports[0], clock }, (a) =>
    withHub(inProcessDoor, { log: ports[1], clock }, async (b) => {
      await Promise.all([a.hub.ready, b.hub.ready])
      await test(a, b, clock, ports, reads)
    }),
  )
}

describe('a stream in a channel', () => {
  it('gives its first part at once, then what has collected, and its end', () =>
    withStillHub(async (served, clock) => {
      const tap = new Tap()
      const { id, ended } = await served.hub.stream('chat', tap.source)
      const client = await served.listen(CHAT)
      tap.give('Once')
      assert.deepEqual(await nextPiece(client), { stream: id, parts: ['Once'] })
      tap.give(' upon', ' a', { progress: 1 }, ' time')
      await settled()
      clock.advance(50)
      assert.deepEqual(await nextPiece(client), { stream: id, parts: [' upon a', { progress: 1 }, ' time'] })
      tap.give(' …')
      tap.end()
      assert.deepEqual(await nextPiece(client), { stream: id, parts: [' …'], end: 'complete' })
      assert.deepEqual(json(await client.next()), { reason: 'ended', reconnect: false })
      await inTime(client.over, () => 'the end of the response')
      assert.deepEqual(await ended, { end: 'complete' })
    }))

  it('comes rolled up to who is late, and then live', () =>
    withStillHub(async (served, clock) => {
      const tap = new Tap()
      const { id } = await served.hub.stream('chat', tap.source)
      for (let i = 0; i < 2000; i++) {
        tap.give(`${i} `)
        await Promise.resolve()
        if (i % 100 === 0) clock.advance(50)
      }
      tap.give({ done: 0.5 })
      await settled()
      clock.advance(50)
      const client = await served.listen(CHAT)
      const [text, progress, ...rest] = (await nextPiece(client)).parts ?? []
      assert.equal(text, Array.from({ length: 2000 }, (_, i) => `${i} `).join(''))
      assert.deepEqual([progress, ...rest], [{ done: 0.5 }])
      await settled()
      clock.advance(50)
      tap.give('live')
      assert.deepEqual(await nextPiece(client), { stream: id, parts: ['live'] })
    }))

  it('goes on where a reader was cut, once and in order, also behind its end', () =>
    withStillHub(async (served, clock) => {
      const tap = new Tap()
      const { id } = await served.hub.stream('chat', tap.source)
      const first = await served.listen(CHAT)
      tap.give('one ')
      await nextPiece(first)
      const cutAt = { 'Last-Event-ID': first.lastId! }
      await first.close()
      for (const part of ['two ', 'three ']) {
        tap.give(part)
        await settled()
        clock.advance(50)
      }
      const second = await served.listen(CHAT, cutAt)
      assert.deepEqual(await nextPiece(second), { stream: id, parts: ['two three '] })
      tap.end()
      await piecesOf(second)
      assert.equal((await served.call('GET', CHAT)).status, 204)
      const late = await served.listen(CHAT, cutAt)
      assert.deepEqual(await nextPiece(late), { stream: id, parts: ['two three '], end: 'complete' })
      assert.equal((await served.call('GET', CHAT, undefined, { 'Last-Event-ID': late.lastId! })).status, 204)
      const whole = await served.listen(`${CHAT}?lastEventId=${id}`)
      assert.equal(textOf(await piecesOf(whole)), 'one two three ')
    }))

  it('is nothing but events of its channel to who listens to that', () =>
    withStillHub(async (served) => {
      const client = await served.listen('/v1/events/chat')
      const tap = new Tap()
      const { id } = await served.hub.stream('chat', tap.source)
      tap.give('x')
      tap.end()
      const pieces = await piecesOf(client)
      assert.deepEqual(pieces[0], {})
      assert.deepEqual(
        pieces.slice(1).map(({ stream }) => stream),
        pieces.slice(1).map(() => id),
      )
      assert.equal(textOf(pieces), 'x')
      await served.hub.publish({ channel: 'chat', data: 'after it' })
      assert.equal((await client.next()).data, 'after it')
    }))

  it('fails without telling readers more than it should, and another one may follow', () => {
    const problems: ProblemError[] = []
    return withStillHub(
      async (served) => {
        const error = new Error('password=secret')
        const tap = new Tap()
        const { ended, id } = await served.hub.stream('chat', tap.source)
        const client = await served.listen(CHAT)
        tap.give('Once')
        tap.end(error)
        const pieces = await piecesOf(client)
        assert.deepEqual(pieces.at(-1), { stream: id, end: 'failed', error: 'The stream failed.' })
        assert.deepEqual(await ended, { end: 'failed', error })
        assert.equal(problems[0]?.cause, error)

        const next = await served.hub.stream('chat', new Tap().source)
        await assert.rejects(served.hub.stream('chat', new Tap().source), { code: 'stream-running' })
        assert.equal(await served.hub.cancelStream('chat'), next.id)
      },
      { onProblem: (problem) => problems.push(problem) },
    )
  })

  it('fails also when nobody knows what to say of it', () =>
    withStillHub(
      async (served) => {
        const tap = new Tap()
        const errorText = (): string => {
          throw new Error('I do not know.')
        }
        const { ended } = await served.hub.stream('chat', tap.source, { errorText })
        const client = await served.listen(CHAT)
        tap.end(new Error('of the source'))
        assert.equal((await piecesOf(client)).at(-1)?.error, 'The stream failed.')
        assert.equal((await ended).end, 'failed')
      },
      { onProblem: () => undefined },
    ))

  it('fails when it gives what cannot travel', () =>
    withStillHub(
      async ({ hub }) => {
        for (const [part, code] of [
          [undefined, 'data-missing'],
          [1n, 'data-invalid'],
          ['x'.repeat(2000), 'data-too-large'],
        ] as const) {
          const tap = new Tap()
          const { ended } = await hub.stream('chat', tap.source)
          tap.give(part)
          const { end, error } = await ended
          assert.equal(end, 'failed')
          assert.equal((error as ProblemError).code, code)
          assert.ok(tap.signal?.aborted)
        }
      },
      { limits: { dataBytes: 1000 }, onProblem: () => undefined },
    ))

  it('fits into events of any size, and its end is written whatever its last part was', () =>
    withStillHub(
      async (served, clock) => {
        const text = Array.from({ length: 300 }, (_, i) => `${i} \n"`)
        const { id, ended } = await served.hub.stream(
          'chat',
          (async function* () {
            yield* text
            yield 'x'.repeat(900)
          })(),
        )
        let end: string | undefined
        void ended.then((outcome) => {
          end = outcome.end
        })
        await eventually(() => {
          clock.advance(50)
          return end !== undefined
        }, 'the end')
        assert.equal(end, 'complete')
        const pieces = await piecesOf(await served.listen(`/v1/events/chat?lastEventId=${id}`))
        assert.equal(textOf(pieces), text.join('') + 'x'.repeat(900))

        const tap = new Tap()
        tap.give('Once', 'x'.repeat(2000))
        tap.end()
        const failing = await served.hub.stream('chat', tap.source)
        const read = await piecesOf(await served.listen(`${CHAT}?lastEventId=${failing.id}`))
        assert.deepEqual([textOf(read), read.at(-1)?.end], ['Once', 'failed'])
      },
      { limits: { dataBytes: 1000 }, onProblem: () => undefined },
    ))

  it('takes an iterable, also a ReadableStream, and lets go of it when it is cancelled', () =>
    withStillHub(async ({ hub }, clock) => {
      let cancelled = false
      const readable = new ReadableStream<string>({
        pull: (controller) => controller.enqueue('more '),
        cancel: () => {
          cancelled = true
        },
      })
      const { ended } = await hub.stream('chat', readable)
      await settled()
      await hub.cancelStream('chat')
      assert.deepEqual(await ended, { end: 'cancelled' })
      await eventually(() => {
        clock.advance(50)
        return cancelled
      }, 'the source is let go')
    }))

  it('does not ask its source for more than the log takes', () => {
    const clock = new FakeClock()
    return withHub(inProcessDoor, { clock }, async ({ hub }) => {
      let given = 0
      const source = async function* () {
        for (; ; given++) yield 'x'.repeat(1024)
      }
      await hub.stream('chat', source())
      await settled()
      assert.ok(given > 32 && given < 200, `${given} KiB while the log was asked for nothing more`)
      await hub.cancelStream('chat')
    })
  })

  it('says that there is a loss when its beginning is no longer kept', () =>
    withStillHub(
      async (served, clock) => {
        const tap = new Tap()
        await served.hub.stream('chat', tap.source)
        for (let i = 0; i < 10; i++) {
          tap.give(`${i} `)
          await settled()
          clock.advance(50)
        }
        const client = await served.listen(CHAT)
        const gap = await client.next()
        assert.equal(gap.event, 'fanline.gap')
        assert.equal((json(gap) as { reason: string }).reason, 'trimmed')
        tap.end()
        assert.equal(textOf(await piecesOf(client)), '5 6 7 8 9 ')
      },
      { history: { maxEvents: 5 } },
    ))

  it('ends with its hub, and says so first', async () => {
    const clock = new FakeClock()
    const tap = new Tap()
    await withHub(nativeDoor, { clock, onProblem: () => undefined }, async (served) => {
      const { ended } = await served.hub.stream('chat', tap.source)
      const client = await served.listen(CHAT)
      const closed = served.hub.close({ drainMs: 1000 })
      const pieces = await piecesOf(client)
      assert.equal(pieces.at(-1)?.end, 'failed')
      assert.equal((await ended).end, 'failed')
      assert.ok(tap.signal?.aborted)
      await closed
    })
  })
})

describe('streams of hubs on one log', () => {
  it('a cancel on one hub aborts the producer on another', () =>
    withTwoHubs(async (a, b) => {
      const tap = new Tap({ heedsSignal: false })
      const { id, ended } = await a.hub.stream('chat', tap.source)
      const client = await b.listen(CHAT)
      tap.give('Once')
      await nextPiece(client)
      const answer = await b.call('DELETE', CHAT)
      assert.deepEqual(answer.json, { cancelled: id })
      assert.deepEqual(await nextPiece(client), { stream: id, end: 'cancelled' })
      assert.deepEqual(await inTime(ended, () => 'the end at its producer'), { end: 'cancelled' })
      assert.ok(tap.signal?.aborted)
      assert.equal((await b.call('DELETE', CHAT)).json.code, 'stream-not-found')
    }))

  it('a cancel that its hub was not told of is found in the log', () =>
    withTwoHubs(async (a, b, _, [port]) => {
      const { ended } = await a.hub.stream('chat', new Tap().source)
      port?.cutOff()
      await b.hub.cancelStream('chat')
      port?.comeBack()
      assert.deepEqual(await inTime(ended, () => 'the end at its producer'), { end: 'cancelled' })
    }))

  it('of two that begin at the same moment one runs', () =>
    withTwoHubs(async (a, b) => {
      for (let round = 0; round < 3; round++) {
        const begun = await Promise.allSettled(
          [a, b, a].map(({ hub }) => hub.stream('chat', new Tap().source)),
        )
        const [first, ...others] = begun.filter(({ status }) => status === 'fulfilled')
        assert.ok(first?.status === 'fulfilled')
        assert.deepEqual(others, [])
        assert.equal(await b.hub.cancelStream('chat'), first.value.id)
        await first.value.ended
      }
    }))

  it('streams may follow each other at any pace', () =>
    withTwoHubs(async (a, b, clock) => {
      for (const pauseMs of [0, 40_000, 1000, 100_000, 40_000]) {
        clock.advance(pauseMs)
        const { id, ended } = await a.hub.stream('chat', [].values() as never)
        assert.deepEqual(await ended, { end: 'complete' })
        assert.equal(textOf(await piecesOf(await b.listen(`${CHAT}?lastEventId=${id}`))), '')
      }
    }))

  it('a stream whose producer is dead is told as failed by who notices', () =>
    withTwoHubs(async (a, b, clock, [, , port]) => {
      const channels = ['chat' as never]
      const draft = { channels, except: [], key: undefined, ephemeral: false }
      const piece = (data: object) => ({
        ...draft,
        event: { type: 'fanline.stream', data: JSON.stringify(data), json: true },
      })
      const [begun] = await port!.append([piece({})])
      const stream = String(begun?.position)
      await port!.append([piece({ stream, parts: ['Once upon'] })])
      const client = await b.listen(CHAT)
      assert.deepEqual(await nextPiece(client), { stream, parts: ['Once upon'] })
      for (let second = 0; second < 15; second++) clock.advance(1000)
      await settled()
      assert.equal(b.hub.stats().published, 0, 'looked for, and not yet taken for dead')
      for (let second = 0; second < 10; second++) clock.advance(1000)
      assert.equal((await nextPiece(client)).end, 'failed')
      // Nobody reads on the other hub, and it needs nobody to know.
      assert.equal((await a.call('GET', CHAT)).status, 204)
      assert.equal((await a.hub.stream('chat', new Tap().source)).channel, 'chat')
    }))

  it('a hub whose readers have left no longer looks after a stream', () =>
    withTwoHubs(async (a, b, clock, _, reads) => {
      const { id } = await a.hub.stream('chat', new Tap().source)
      const client = await b.listen(CHAT)
      await client.close()
      await b.hasConnections(0)
      const before = reads.length
      for (let second = 0; second < 60; second++) {
        clock.advance(1000)
        await settled()
      }
      assert.equal(reads.length, before)
      assert.equal(await a.hub.cancelStream('chat'), id)
    }))

  it('a producer that has nothing to say is not taken for dead, nor one that was not heard for a while', () =>
    withTwoHubs(async (a, b, clock, [, port]) => {
      const tap = new Tap()
      await a.hub.stream('chat', tap.source)
      const client = await b.listen(CHAT)
      for (let second = 0; second < 60; second++) {
        if (second === 20) port?.cutOff()
        clock.advance(1000)
        await settled()
      }
      port?.comeBack()
      tap.give('Here I am')
      await settled()
      clock.advance(50)
      tap.end()
      const pieces = await piecesOf(client)
      assert.deepEqual(textOf(pieces), 'Here I am')
      assert.equal(pieces.at(-1)?.end, 'complete')
    }))
})
