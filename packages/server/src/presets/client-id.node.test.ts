import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { EventSource } from 'eventsource'
import type { RunningServer } from '../compose.ts'
import { comeAndGo, pingStalledClient } from '../testing/client-id-load.ts'
import { composed } from '../testing/composed.ts'
import { curl, curlStream } from '../testing/curl.ts'
import { eventually } from '../testing/eventually.ts'
import { openStream } from '../testing/heard-stream.ts'

const GREETING = { strict: '', enhanced: ':\n\n' }

for (const level of ['strict', 'enhanced'] as const) {
  const start = async (
    test: TestContext,
    options: Readonly<Record<string, string>> = {},
  ): Promise<{ server: RunningServer; base: string }> => {
    const server = await composed(test, {}, { preset: 'client-id', presetLevel: level, ...options })
    return { server, base: `http://127.0.0.1:${server.port}` }
  }
  /** What every level sends beside the fields that all of them have. */
  const withoutIds = (text: string): string => text.replace(GREETING[level], '').replace(/^id: \d+\n/gm, '')

  describe(`clients of ayo-awe’s go-sse, ${level}`, () => {
    it('001.1 a ping says hello to its id', async (t) => {
      const { server, base } = await start(t)
      const stream = curlStream(t, `${base}/sse?id=u1`)
      const other = curlStream(t, `${base}/sse?id=u2`)
      await eventually(() => server.hub.stats().connections === 2, 'two streams')
      const answer = await curl('-i', '-X', 'POST', `${base}/ping/u1`)
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
      assert.match(answer, /^Content-Length: 0\r$/m)
      assert.doesNotMatch(answer, /^Content-Type/im)
      await stream.until(/^data: Hello u1$/m)
      assert.equal(withoutIds(stream.text), 'data: Hello u1\n\n')
      assert.equal(/^id: \d+$/m.test(stream.text), level === 'enhanced')
      assert.equal(other.text, GREETING[level])
    })

    it('001.2 two connections with the same id both get it', async (t) => {
      const { server, base } = await start(t)
      const streams = [1, 2].map(() => curlStream(t, `${base}/sse?id=u%2F1`))
      await eventually(() => server.hub.connectionsOf('u/1') === 2, 'two streams')
      await curl('-X', 'POST', `${base}/ping/u%2F1`)
      for (const stream of streams) await stream.until(/^data: Hello u\/1$/m)
    })

    it('001.3 a ping to nobody is 404', async (t) => {
      const { base } = await start(t)
      const answer = await curl('-w', ' %{http_code}', '-X', 'POST', `${base}/ping/nobody`)
      assert.equal(answer, 'failed to publish event 404')
    })

    it('001.4 without an id there is a stream that gets what is for everybody', async (t) => {
      const { server, base } = await start(t)
      const stream = await openStream(t, `${base}/sse`)
      assert.equal(stream.status, 200)
      assert.equal(stream.headers['content-type'], 'text/event-stream')
      assert.equal(stream.headers['cache-control'], 'no-cache')
      assert.equal(stream.headers['access-control-allow-origin'], undefined)
      await server.hub.publish({ all: true, data: 'x' })
      await stream.until(/^data: x$/m)
    })

    it('001.5 a broadcast reaches every connection', async (t) => {
      const { server, base } = await start(t)
      const streams = await Promise.all(
        ['?id=u1', '?id=u2', ''].map((id) => openStream(t, `${base}/sse${id}`)),
      )
      await eventually(() => server.hub.stats().connections === 3, 'three streams')
      await server.hub.publish({ all: true, data: 'x' })
      for (const stream of streams) {
        await stream.until(/^data: x$/m)
        assert.equal(withoutIds(stream.text), 'data: x\n\n')
      }
    })

    it('001.5 the demo clock sends one line a second, to its own streams', async (t) => {
      const { base } = await start(t, { preset: 'client-id,user-channel', presetClock: 'true' })
      const other = await openStream(t, `${base}/sse?userID=1`)
      const native = await openStream(t, `${base}/v1/events?user=1`)
      const streams = await Promise.all(['?id=1', '?id=2'].map((id) => openStream(t, `${base}/sse${id}`)))
      const began = Date.now()
      for (const stream of streams) {
        const times = (await stream.take(2)).map(({ data }) => data)
        for (const line of stream.text.split('\n')) {
          if (line !== '' && line !== ':') assert.match(line, /^data: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
        }
        // Without a zone it is read as local time.
        const [first, second] = times.map((time) => Date.parse(time))
        // A timer is a little late each time, so that now and then a second is passed over.
        assert([1000, 2000].includes((second as number) - (first as number)), `${times}`)
        assert(Math.abs((first as number) - began) < 3000)
      }
      assert.deepEqual(other.events, [])
      assert.deepEqual(
        native.events.map(({ event }) => event),
        ['fanline.hello'],
      )
    })

    it('001.6 a real EventSource hears a ping', async (t) => {
      const { server, base } = await start(t)
      const source = new EventSource(`${base}/sse?id=u1`)
      t.after(() => source.close())
      const heard = new Promise<string>((resolve) => {
        source.onmessage = ({ data }) => resolve(data)
      })
      await eventually(() => server.hub.connectionsOf('u1') === 1, 'the stream')
      await curl('-X', 'POST', `${base}/ping/u1`)
      assert.equal(await heard, 'Hello u1')
    })

    it('001.7 a ping is 404 once the only client has left', async (t) => {
      const { server, base } = await start(t)
      const stream = curlStream(t, `${base}/sse?id=u1`)
      await eventually(() => server.hub.connectionsOf('u1') === 1, 'the stream')
      assert.equal(await curl('-w', '%{http_code}', '-X', 'POST', `${base}/ping/u1`), '200')
      stream.leave()
      await eventually(() => server.hub.connectionsOf('u1') === 0, 'the end of the stream')
      const answer = await curl('-w', ' %{http_code}', '-X', 'POST', `${base}/ping/u1`)
      assert.equal(answer, 'failed to publish event 404')
    })

    it('001.8 a client that never reads harms nobody (20,000 pings)', (t) =>
      pingStalledClient(t, level, 20_000))

    it('001.9 forty loops of clients that come and go leave nothing behind (3 s)', (t) =>
      comeAndGo(t, level, 3000))

    it('other methods are refused in its words', async (t) => {
      const { base } = await start(t)
      const answer = await curl('-i', `${base}/ping/u1`)
      assert.match(answer, /^HTTP\/1\.1 405 .*\r\nAllow: POST\r\n.*\r\n\r\nMethod Not Allowed$/s)
      if (level === 'strict') {
        const stream = curlStream(t, '-D', '-', '-X', 'PUT', `${base}/sse?id=u1`)
        await stream.until(/^HTTP\/1\.1 200 /)
      } else {
        const refused = await curl('-i', '-X', 'PUT', `${base}/sse?id=u1`)
        assert.match(refused, /^HTTP\/1\.1 405 .*\r\nAllow: GET\r\n.*\r\n\r\nMethod Not Allowed$/s)
      }
    })

    it('the id that a stream was given is told', async (t) => {
      const { server, base } = await start(t)
      const given = await openStream(t, `${base}/sse`)
      const named = await openStream(t, `${base}/sse?id=u1`)
      await eventually(() => server.hub.connectionsOf('u1') === 1, 'the stream')
      const id = given.headers['x-client-id']
      if (level === 'strict') {
        assert.equal(id, undefined)
      } else {
        assert.equal(named.headers['x-client-id'], 'u1')
        assert.equal(await curl('-w', '%{http_code}', '-X', 'POST', `${base}/ping/${id}`), '200')
        await given.until(new RegExp(`^data: Hello ${id}$`, 'm'))
        const foreign = encodeURIComponent('日本 1')
        assert.equal((await openStream(t, `${base}/sse?id=${foreign}`)).headers['x-client-id'], foreign)
      }
    })

    it('text with line breaks stays one message', async (t) => {
      const { server, base } = await start(t)
      const stream = await openStream(t, `${base}/sse`)
      await eventually(() => server.hub.stats().connections === 1, 'the stream')
      await server.hub.publish({ all: true, data: 'x\n\nevent: evil\ndata: y' })
      const { event, data } = await stream.next()
      assert.deepEqual({ event, data }, { event: 'message', data: 'x\n\nevent: evil\ndata: y' })
    })

    it('an id that is none is refused as text', async (t) => {
      const { base } = await start(t)
      for (const [method, path] of [
        ['GET', `/sse?id=${'x'.repeat(257)}`],
        ['POST', `/ping/${'x'.repeat(257)}`],
        ['POST', '/ping/a%00b'],
        ['POST', '/ping/%ff'],
      ] as const) {
        const refused = await fetch(base + path, { method })
        assert.equal(refused.status, 400, path)
        assert.equal(refused.headers.get('content-type'), 'text/plain; charset=utf-8')
        assert.doesNotMatch(await refused.text(), /[{}]/)
      }
    })
  })
}
