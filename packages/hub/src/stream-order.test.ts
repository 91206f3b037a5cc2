import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { memoryLog } from './log/memory.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { inProcessDoor, type ServedHub, withHub } from './testing/served-hub.ts'
import { SharedLog } from './testing/shared-log.ts'
import type { StreamClient } from './testing/stream-client.ts'
import { settled, textOf } from './testing/stream-pieces.ts'
import { Tap } from './testing/tap.ts'

/** What happens to a stream and those who read it. */
type Step =
  | { readonly do: 'give'; readonly parts: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'join'; readonly hub: number }
  | { readonly do: 'cut'; readonly reader: number }
  | { readonly do: 'return'; readonly reader: number; readonly hub: number }
  | { readonly do: 'cancel'; readonly hub: number }
  | { readonly do: 'end' }

const hub = fc.nat(1)
const reader = fc.nat(9)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('give' as const), parts: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 200 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('join' as const), hub }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('cut' as const), reader }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('return' as const), reader, hub }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), hub }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const) }) },
)

/** Reads one stream over any number of connections, as a client that remembers its last id. */
class Reader {
  #client: StreamClient | undefined
  #lastId: string
  text = ''
  end: string | undefined

  constructor(lastId: string) {
    this.#lastId = lastId
  }

  async open(served: ServedHub, lastId: string | undefined = this.#lastId): Promise<void> {
    if (this.#client || this.end) return
    const headers: Record<string, string> = lastId === undefined ? {} : { 'Last-Event-ID': lastId }
    const client = await served.open('/v1/streams/chat', headers)
    if (client.response.status === 200) this.#client = client
  }

  /** Takes what has come. */
  async cut(): Promise<void> {
    const client = this.#client
    if (!client) return
    this.#client = undefined
    await client.close()
    for (const { event, data } of client.events) {
      assert.notEqual(event, 'fanline.gap')
      if (event !== 'fanline.stream') continue
      assert.equal(this.end, undefined, 'nothing comes after the end')
      const piece = JSON.parse(data)
      this.text += textOf([piece])
      this.end = piece.end
    }
    this.#lastId = client.lastId ?? this.#lastId
  }
}

it('each reader has each part once and in order, whenever it comes, goes, and whoever ends the stream', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 30 }),
      fc.boolean(),
      async (steps, heedsSignal) => {
        const clock = new FakeClock()
        const shared = new SharedLog(memoryLog({ clock }))
        const log = (): { log: ReturnType<SharedLog['port']>; clock: FakeClock } => ({
          log: shared.port(),
          clock,
        })
        await withHub(inProcessDoor, log(), (a) =>
          withHub(inProcessDoor, log(), (b) => runs([a, b], clock, steps, new Tap({ heedsSignal }))),
        )
      },
    ),
    { numRuns: 50 },
  )
})

async function runs(
  hubs: readonly ServedHub[],
  clock: FakeClock,
  steps: readonly Step[],
  tap: Tap,
): Promise<void> {
  const { id, ended } = await hubs[0]!.hub.stream('chat', tap.source)
  const readers: Reader[] = []
  let given = ''
  let count = 0
  let decided: 'complete' | 'cancelled' | undefined
  for (const step of steps) {
    if (step.do === 'give' && !decided) {
      for (let i = 0; i < step.parts; i++) {
        tap.give(`<${++count}>`)
        given += `<${count}>`
        if (i % 2 === 0) await Promise.resolve()
      }
    } else if (step.do === 'pass') {
      await settled()
      clock.advance(step.ms)
    } else if (step.do === 'join') {
      const joined = new Reader(id)
      readers.push(joined)
      // As a page that was just loaded: it knows of no id.
      await joined.open(hubs[step.hub]!, decided ? id : '')
    } else if (step.do === 'cut') {
      await readers[step.reader]?.cut()
    } else if (step.do === 'return') {
      await readers[step.reader]?.open(hubs[step.hub]!)
    } else if (step.do === 'cancel' && !decided) {
      decided = 'cancelled'
      await hubs[step.hub]!.hub.cancelStream('chat')
    } else if (step.do === 'end' && !decided) {
      decided = 'complete'
      tap.end()
    }
  }
  tap.end()
  const { end } = await ended
  assert.equal(end, decided ?? 'complete')
  await settled()
  clock.advance(1)
  await settled()
  for (const each of readers) {
    await each.cut()
    await each.open(hubs[0]!)
    await settled()
    await each.cut()
  }
  const judge = new Reader(id)
  await judge.open(hubs[1]!)
  await settled()
  await judge.cut()
  if (end === 'complete') assert.equal(judge.text, given)
  else assert.ok(given.startsWith(judge.text))
  for (const each of readers) {
    assert.equal(each.text, judge.text)
    assert.equal(each.end, end)
  }
}
