import assert from 'node:assert/strict'
import { it } from 'node:test'
import { eventually } from './testing/deadline.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { RawClient } from './testing/raw-client.ts'
import { nodeDoor, type ServedHub, withHub } from './testing/served-hub.ts'

const MIB = 1024 * 1024
/** Loopback sockets take some megabytes; this is more. */
const LARGE = 16 * MIB
const SMALL = MIB

it('of clients that do not read, the one for whom most waits is cut, and later misses nothing', () => {
  const clock = new FakeClock()
  const limits = { bufferedBytes: 4 * MIB, dataBytes: LARGE, bodyBytes: LARGE }
  return withHub(nodeDoor, { clock, limits }, async (served) => {
    const large = await RawClient.connect(served.url)
    const small = await RawClient.connect(served.url)
    try {
      await large.ask('/v1/events/large').until('fanline.hello')
      await small.ask('/v1/events/small').until('fanline.hello')
      for (const { socket } of [large, small]) socket.pause()
      const [, cursor] = /^id: (\d+)$/m.exec(large.text)!
      await served.hub.publish({ channel: 'small', data: 'x'.repeat(SMALL) })
      await served.hub.publish({ channel: 'large', data: 'x'.repeat(LARGE) })
      await eventually(() => bufferedBytes(served) > 4 * MIB, 'a full socket')
      assert.ok(bufferedBytes(served) < LARGE + SMALL + 1000, 'a byte that waits counts once')
      clock.advance(1000)
      assert.deepEqual(served.hub.stats().closedBy, { overloaded: 1 })
      assert.deepEqual(
        [...served.hub.connections()].map(({ channels }) => channels),
        [['small']],
      )
      large.socket.resume()
      await large.closed
      assert.ok(large.text.length < LARGE)

      const again = await served.resume('/v1/events/large', cursor)
      assert.equal((await again.next()).data.length, LARGE)
      small.socket.resume()
      await small.until('x\n\n')
    } finally {
      await large.close()
      await small.close()
    }
  })
})

function bufferedBytes({ hub }: ServedHub): number {
  return [...hub.connections()].reduce((sum, connection) => sum + connection.bufferedBytes, 0)
}
