import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { connect } from '../index.ts'
import { serveHub } from '../testing/hub-server.ts'
import { eventually } from '../testing/of-hub.ts'

const skip = globalThis.navigator?.locks ? false : 'this runtime has no Web Locks'

describe('connect with share', () => {
  it('has one connection for all streams of this runtime, whichever is closed', { skip }, async () => {
    const server = await serveHub()
    const open = (share: true | 'locks' | 'worker') => connect(server.url, { channels: ['a'], share })
    const streams = [open(true), open('locks'), open('worker')]
    const heard: unknown[][] = streams.map(() => [])
    streams.forEach((stream, i) => {
      stream.onAny(({ data }) => heard[i]!.push(data))
    })
    await Promise.all(streams.map(({ caughtUp }) => caughtUp))
    await eventually(() => [...server.hub.connections()].length === 1, 'one connection')
    for (let i = 0; i < 20; i++) {
      await server.hub.publish({ channel: 'a', data: i })
      if (i === 10) streams[0]?.close()
    }
    await eventually(() => heard[1]!.length === 20 && heard[2]!.length === 20, 'all events')
    const expected = Array.from({ length: 20 }, (_, i) => i)
    assert.deepEqual(heard.slice(1), [expected, expected])
    await eventually(() => [...server.hub.connections()].length === 1, 'one connection')
    for (const stream of streams) stream.close()
    await eventually(() => [...server.hub.connections()].length === 0, 'no connection')
    await server.close()
  })

  it('has a connection of its own where nothing can be shared', async () => {
    const server = await serveHub()
    const errors: unknown[] = []
    const { reportError } = globalThis
    globalThis.reportError = (error) => errors.push(error)
    // Whose token it is cannot be seen.
    const streams = [1, 2].map(() => connect(server.url, { share: true, getToken: () => 'secret' }))
    await Promise.all(streams.map(({ caughtUp }) => caughtUp))
    globalThis.reportError = reportError
    assert.equal([...server.hub.connections()].length, 2)
    assert.match(String(errors), /shareKey must name the user/)
    for (const stream of streams) stream.close()
    await server.close()
  })
})
