import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { RunningServer } from '../compose.ts'
import { composed } from '../testing/composed.ts'
import { curl, curlStream } from '../testing/curl.ts'
import { eventually } from '../testing/eventually.ts'
import { openStream } from '../testing/heard-stream.ts'
import { Program } from '../testing/program.ts'
import { besideStalledSession } from '../testing/stalled-session.ts'
import { mintToken, startServer } from '../testing/start-server.ts'
import { takesUnder } from '../testing/takes-under.ts'

const APP = 'http://app.test'
const RETRY = 'retry: 15000\n\n'
const ACCEPTED = /^HTTP\/1\.1 202 Accepted\r\n(?:.+\r\n)*Content-Length: 0\r\n(?:.+\r\n)*\r\n$/

interface Mounted {
  readonly server: RunningServer
  readonly base: string
}

for (const level of ['strict', 'enhanced'] as const) {
  const start = async (
    test: TestContext,
    options: Readonly<Record<string, string>> = {},
  ): Promise<Mounted> => {
    const server = await composed(test, {}, { preset: 'session', presetLevel: level, ...options })
    return { server, base: `http://127.0.0.1:${server.port}` }
  }

  describe(`clients of dan-sherwin's go-sse, ${level}`, () => {
    it('003.1 a stream needs a session', async (t) => {
      const { base } = await start(t)
      for (const path of ['/sse', '/sse?session=', '/sse?Session=1']) {
        assert.equal(await curl('-w', ' %{http_code}', base + path), 'missing session 400')
      }
      assert.equal(await curl('-w', ' %{http_code}', '-X', 'POST', `${base}/pm`), 'missing session 400')
    })

    it('003.2 the headers come at once, with those for a listed origin', async (t) => {
      const { base } = await start(t, { 'cors.origins': APP })
      const stream = curlStream(t, '-D', '-', '-H', `Origin: ${APP}`, `${base}/sse?session=user-123`)
      const [head, body] = (await stream.until(/\r\n\r\n.*\n\n/s)).input.split('\r\n\r\n')
      for (const line of [
        'Content-Type: text/event-stream',
        'Cache-Control: no-cache',
        'Connection: keep-alive',
        `Access-Control-Allow-Origin: ${APP}`,
        'Access-Control-Allow-Credentials: true',
      ]) {
        assert(`${head}\r\n`.includes(`\r\n${line}\r\n`), `${line} in ${head}`)
      }
      assert.equal(body, RETRY)
      await takesUnder(1000, async () => {
        const began = performance.now()
        await openStream(t, `${base}/sse?session=user-123`)
        return performance.now() - began
      })
    })

    it('003.3 a notification goes to everybody', async (t) => {
      const { server, base } = await start(t)
      const streams = ['a', 'b'].map((id) => curlStream(t, `${base}/sse?session=${id}`))
      await eventually(() => server.hub.stats().connections === 2, 'two streams')
      assert.match(await curl('-i', '-X', 'POST', `${base}/notify`), ACCEPTED)
      for (const stream of streams) {
        const { id } = await stream.next()
        assert.match(id ?? '', /^[1-9]\d*$/)
        assert.equal(stream.text, `${RETRY}id: ${id}\nevent: notification\ndata: {"msg":"hello world"}\n\n`)
      }
    })

    it('003.4 a private message goes to one session', async (t) => {
      const { server, base } = await start(t)
      const mine = curlStream(t, `${base}/sse?session=user-123`)
      const other = curlStream(t, `${base}/sse?session=other`)
      await eventually(() => server.hub.stats().connections === 2, 'two streams')
      assert.match(await curl('-i', '-X', 'POST', `${base}/pm?session=user-123`), ACCEPTED)
      assert.match(await curl('-i', '-X', 'POST', `${base}/pm?session=nobody`), ACCEPTED)
      const { event, data } = await mine.next()
      assert.deepEqual({ event, data }, { event: 'private', data: '{"msg":"hi"}' })
      await curl('-X', 'POST', `${base}/notify`)
      assert.equal((await other.next()).event, 'notification')
    })

    it('a body says what is sent, and its JSON arrives as it was written', async (t) => {
      const { base } = await start(t)
      const stream = await openStream(t, `${base}/sse?session=s`)
      const json = '{"b":"<&>","a":12345678901234567890}'
      await post(`${base}/notify`, `{"event":"big","data":${json}}`)
      await post(`${base}/pm?session=s`, '{"DATA":"text"}')
      const [big, text] = await stream.take(2)
      assert.deepEqual([big?.event, big?.data], ['big', json])
      assert.deepEqual([text?.event, text?.data], ['private', '"text"'])
    })

    it('003.6 whoever comes back gets what was for everybody and for them', async (t) => {
      const { server, base } = await start(t)
      const ids: string[] = []
      for (const path of ['/notify', '/pm?session=user-123', '/pm?session=other', '/notify']) {
        await post(base + path)
        ids.push(String(server.hub.head))
      }
      const [one, two, , four] = ids
      const beyond = String(server.hub.head + 1_000_000)
      for (const [from, wanted] of [
        [one, [two, four]],
        ['0', [one, two, four]],
        [four, []],
        [beyond, []],
        ['abc', []],
        [undefined, []],
      ] as const) {
        const headers = from === undefined ? [] : ['-H', `Last-Event-ID: ${from}`]
        const stream = curlStream(t, ...headers, `${base}/sse?session=user-123`)
        await eventually(() => isLive(server), 'a live stream')
        await server.hub.publish({ user: 'user-123', event: 'end', data: 1, ephemeral: true })
        const heard = await stream.take(wanted.length + 1)
        assert.deepEqual(
          heard.map(({ id, event }) => (event === 'end' ? event : id)),
          [...wanted, 'end'],
          `after ${from}`,
        )
        assert(stream.text.startsWith(RETRY))
        assert.equal(stream.events.length, heard.length)
        stream.leave()
        await eventually(() => server.hub.stats().connections === 0, 'nobody')
        assert.deepEqual(stream.comments, [])
      }
    })

    it('003.9 a page of an origin that is not listed gets no headers', async (t) => {
      for (const options of [{ 'cors.origins': APP }, {}]) {
        const { base } = await start(t, options)
        for (const path of ['/sse?session=1', '/sse', '/pm?session=1']) {
          const { headers, leave } = await openStream(t, base + path, { Origin: 'http://evil.test' })
          for (const name of Object.keys(headers)) assert.doesNotMatch(name, /^access-control/)
          leave()
        }
      }
    })

    it('003.10 what was sent after a restart reaches a client with an id from before', async (t) => {
      const program = [...['start', '--port', '0', '--preset', 'session', '--preset-auth', 'open']]
      const begin = async (): Promise<[Program, string]> => {
        const started = new Program(t, [...program, '--preset-level', level])
        const [, port] = await started.prints(/"port":(\d+)/)
        return [started, `http://127.0.0.1:${port}`]
      }
      const [first, before] = await begin()
      const stream = await openStream(t, `${before}/sse?session=s`)
      await post(`${before}/notify`)
      const { id } = await stream.next()
      first.signal('SIGKILL')
      await first.exitCode
      const [, after] = await begin()
      await post(`${after}/pm?session=s`, '{"data":"while it was away"}')
      const again = await openStream(t, `${after}/sse?session=s`, { 'Last-Event-ID': id! })
      await post(`${after}/notify`, '{"event":"end"}')
      const heard = await again.take(level === 'strict' ? 2 : 4)
      const published = heard.filter(({ event }) => event !== 'fanline.gap')
      assert.deepEqual(
        published.map(({ event, data }) => [event, data]),
        [
          ['private', '"while it was away"'],
          ['end', '{"msg":"hello world"}'],
        ],
      )
      assert(published.every((event) => Number(event.id) > Number(id)))
      // One for the session, one for everybody, and both before anything else.
      for (const { event, data } of heard.slice(0, -2)) {
        assert.equal(event, 'fanline.gap')
        assert.equal(JSON.parse(data).reason, 'restarted')
      }
    })

    it('003.11 a stalled session holds up neither those who send nor those who read', (t) =>
      besideStalledSession(t, level, { events: 10_000, dataLength: 1500 }))

    it('003.13 a name of an event with a line break is refused', async (t) => {
      const { base } = await start(t)
      const stream = await openStream(t, `${base}/sse?session=s`)
      for (const path of ['/notify', '/pm?session=s']) {
        const refused = await post(base + path, '{"event":"a\\nevent: evil","data":1}')
        assert.match(refused, /^422 \{"code":"[A-Za-z]+","details":null,"message":"An event type .+"\}$/)
      }
      await post(`${base}/notify`, '{"event":"end"}')
      assert.equal((await stream.next()).event, 'end')
    })

    it('refuses in its shape', async (t) => {
      const { base } = await start(t)
      const shape = /^\{"code":"[A-Za-z]+","details":null,"message":"(?:[^"\\]|\\.)+"\}$/
      for (const [init, path, status] of [
        [{ method: 'DELETE' }, '/sse', 405],
        [{}, '/notify', 405],
        [{ method: 'POST', body: 'junk' }, '/notify', 400],
        [{ method: 'POST', body: 'x'.repeat(3_000_000) }, '/notify', 413],
        [{}, '/sse?session=%00', 400],
      ] as const) {
        const response = await fetch(base + path, init)
        assert.equal(response.status, status, path)
        assert.match(await response.text(), shape)
      }
    })
  })

  describe(`clients of go-sse that have a uid, ${level}`, () => {
    const requireUid = { presetRequireUid: 'true' }

    it('a stream needs a uid beside its session', async (t) => {
      const { base } = await start(t, requireUid)
      const missing = '{"code":"BadRequest","details":null,"message":"Missing uid query parameter"} 400'
      for (const path of ['/sse?session=s', '/sse?session=s&uid=']) {
        assert.equal(await curl('-w', ' %{http_code}', base + path), missing)
      }
      assert.equal(await curl('-w', ' %{http_code}', `${base}/sse?uid=u`), 'missing session 400')
    })

    it('is reached by session and by uid, which are never mistaken for each other', async (t) => {
      const { server, base } = await start(t, requireUid)
      const one = await openStream(t, `${base}/sse?session=s1&uid=u`)
      const two = await openStream(t, `${base}/sse?session=s2&uid=u`)
      const named = await openStream(t, `${base}/sse?session=u&uid=s1`)
      await post(`${base}/pm?session=s1`, '{"data":"session"}')
      await post(`${base}/pm?uid=u`, '{"data":"uid"}')
      await server.hub.publish({ user: 'u', data: 'native' })
      await post(`${base}/notify`, '{"event":"end"}')
      const dataOf = async (stream: typeof one, count: number): Promise<string[]> =>
        (await stream.take(count)).map(({ data }) => data)
      const end = '{"msg":"hello world"}'
      assert.deepEqual(await dataOf(one, 4), ['"session"', '"uid"', '"native"', end])
      assert.deepEqual(await dataOf(two, 3), ['"uid"', '"native"', end])
      assert.deepEqual(await dataOf(named, 1), [end])
    })

    it('comes back to what was for its session and its uid', async (t) => {
      const { base } = await start(t, { ...requireUid })
      for (const target of ['session=s', 'uid=u', 'session=u', 'uid=s']) {
        await post(`${base}/pm?${target}`, JSON.stringify({ data: target }))
      }
      const stream = await openStream(t, `${base}/sse?session=s&uid=u`, { 'Last-Event-ID': '0' })
      assert.deepEqual(
        (await stream.take(2)).map(({ data }) => data),
        ['"session=s"', '"uid=u"'],
      )
    })
  })
}

it('003.5 a quiet stream says ": keep-alive" within 11 s, in both levels', async (t) => {
  const levels = ['strict', 'enhanced'].map((presetLevel) => ({ preset: 'session', presetLevel }))
  const servers = await Promise.all(levels.map((settings) => composed(t, {}, settings)))
  await takesUnder(11_000, async () => {
    const streams = servers.map(({ port }) => curlStream(t, `http://127.0.0.1:${port}/sse?session=s`))
    for (const stream of streams) await stream.until(/retry/)
    const began = performance.now()
    for (const stream of streams) {
      await stream.until(/keep-alive\n\n/)
      assert.equal(stream.text, `${RETRY}: keep-alive\n\n`)
    }
    return performance.now() - began
  })
})

describe('go-sse with credentials', () => {
  it('asks for them in its shape, and lets nobody be another', async (t) => {
    const { url } = await startServer(t, ['--preset', 'session'])
    const mine = { Authorization: `Bearer ${await mintToken({ sub: 'user-123' })}` }
    for (const path of ['/sse?session=user-123', '/notify', '/pm?session=user-123']) {
      const method = path.startsWith('/sse') ? 'GET' : 'POST'
      const refused = await fetch(url + path, { method })
      assert.equal(refused.status, 401)
      assert.equal(((await refused.json()) as { code: string }).code, 'Unauthorized')
    }
    assert.equal((await fetch(`${url}/sse?session=other`, { headers: mine })).status, 403)
    assert.equal((await fetch(`${url}/notify`, { method: 'POST', headers: mine })).status, 403)
    assert.equal((await openStream(t, `${url}/sse?session=user-123`, mine)).status, 200)
  })

  it('demands a grant for the session that stands beside a uid', async (t) => {
    const { url } = await startServer(t, ['--preset', 'session', '--preset-require-uid', 'true'])
    const headersOf = async (subscribe: string[]): Promise<Record<string, string>> => ({
      Authorization: `Bearer ${await mintToken({ sub: 'u', fanline: { subscribe } })}`,
    })
    const path = '/sse?session=s&uid=u'
    assert.equal((await fetch(url + path, { headers: await headersOf([]) })).status, 403)
    const granted = await headersOf(['session.s'])
    assert.equal((await openStream(t, url + path, granted)).status, 200)
    assert.equal((await fetch(`${url}/sse?session=s&uid=other`, { headers: granted })).status, 403)
  })
})

function isLive({ hub }: RunningServer): boolean {
  const connections = [...hub.connections()]
  return connections.length === 1 && connections[0]?.state === 'live'
}

async function post(url: string, body = ''): Promise<string> {
  const response = await fetch(url, { method: 'POST', body })
  return `${response.status} ${await response.text()}`
}
