import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { after, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createClient } from '@redis/client'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { redisLog } from './log/redis.ts'
import { eventually, inTime } from './testing/deadline.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { RedisServer } from './testing/redis-server.ts'
import { nodeDoor, type ServedHub, withHub } from './testing/served-hub.ts'
import { nextPiece, piecesOf, textOf } from './testing/stream-pieces.ts'
import { Tap } from './testing/tap.ts'

const server = await RedisServer.start()
after(() => server.stop())
let logs = 0

/** Runs a test with hubs that share a log on Redis, one for each clock. */
async function withHubs(
  clocks: readonly Clock[],
  test: (hubs: readonly ServedHub[], prefix: string) => Promise<void>,
): Promise<void> {
  const prefix = `streams-${++logs}`
  const open = (hubs: readonly ServedHub[]): Promise<void> => {
    const clock = clocks[hubs.length]
    if (!clock) return test(hubs, prefix)
    const log = redisLog({ client: createClient({ url: server.url }) as never, prefix })
    return withHub(nodeDoor, { clock, log, onProblem: () => undefined }, async (hub) => {
      await hub.hub.ready
      await open([...hubs, hub])
    })
  }
  await open([])
}

it('a stream is read, resumed and stopped on another hub than that of its producer', () =>
  withHubs([systemClock, systemClock], async ([a, b]) => {
    const tap = new Tap()
    const { id, ended } = await a!.hub.stream('chat', tap.source)
    tap.give('Once', ' upon')
    const first = await b!.listen('/v1/streams/chat')
    let text = ''
    while (text !== 'Once upon') text += textOf([await nextPiece(first)])
    await first.close()
    tap.give(' a', ' time')
    const second = await b!.resume('/v1/streams/chat', first.lastId)
    while (text !== 'Once upon a time') text += textOf([await nextPiece(second)])
    assert.equal((await b!.call('DELETE', '/v1/streams/chat')).json.cancelled, id)
    assert.equal((await nextPiece(second)).end, 'cancelled')
    assert.deepEqual(await inTime(ended, () => 'the end at its producer'), { end: 'cancelled' })
    assert.ok(tap.signal?.aborted)
    // What somebody else has read a moment ago is not taken for all there is.
    for (const hub of [a!, b!]) {
      const all = await hub.listen(`/v1/streams/chat?lastEventId=${id}`)
      assert.equal(textOf(await piecesOf(all)), 'Once upon a time')
      const { status } = await hub.call('GET', `/v1/streams/chat?lastEventId=${all.lastId}`)
      assert.equal(status, 204)
    }
    const again = await b!.hub.stream('chat', new Tap().source)
    await assert.rejects(a!.hub.stream('chat', new Tap().source), { code: 'stream-running' })
    assert.equal(await a!.hub.cancelStream('chat'), again.id)
  }))

it('who reads a stream whose process is killed hears that it has failed', () => {
  const clock = new FakeClock({ nowMs: Date.now() })
  return withHubs([clock], async ([served], prefix) => {
    const program = fileURLToPath(new URL('./testing/streaming-process.js', import.meta.url))
    const child = fork(program, [server.url, prefix])
    await inTime(once(child, 'message'), () => 'the stream', 60_000)
    const client = await served!.listen('/v1/streams/chat')
    let text = ''
    while (!text.includes(' 10 ')) text += textOf([await nextPiece(client)])
    child.kill('SIGKILL')
    await once(child, 'exit')
    const rest = piecesOf(client)
    let isOver = false
    void rest.finally(() => {
      isOver = true
    })
    await eventually(() => {
      clock.advance(100)
      return isOver
    }, 'the end of the stream')
    const pieces = await rest
    assert.equal(pieces.at(-1)?.end, 'failed')
    const numbers = (text + textOf(pieces)).trim().split(' ').map(Number)
    assert.deepEqual(
      numbers,
      Array.from({ length: numbers.length }, (_, i) => i),
    )
    assert.equal((await served!.call('GET', '/v1/streams/chat')).status, 204)
  })
})
