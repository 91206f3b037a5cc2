import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { RunningServer } from '../compose.ts'
import { composed } from '../testing/composed.ts'
import { curl, curlStream } from '../testing/curl.ts'
import { eventually } from '../testing/eventually.ts'
import { openStream } from '../testing/heard-stream.ts'
import { postMany } from '../testing/post-many.ts'
import { Program } from '../testing/program.ts'
import { takesUnder } from '../testing/takes-under.ts'

const JSON_TYPE = 'Content-Type: application/json'
const GREETING = { strict: '', enhanced: ':\n\n' }

for (const level of ['strict', 'enhanced'] as const) {
  const start = async (test: TestContext): Promise<{ server: RunningServer; base: string }> => {
    const server = await composed(test, {}, { preset: 'user-channel', presetLevel: level })
    return { server, base: `http://127.0.0.1:${server.port}` }
  }

  describe(`clients of go-fiber-sse-user-channel, ${level}`, () => {
    it('000.1 the health is 200', async (t) => {
      const { base } = await start(t)
      assert.equal(await curl('-o', '/dev/null', '-w', '%{http_code}', `${base}/health`), '200')
      const { headers, body } = await answer('-i', `${base}/health`)
      assert.equal(body, level === 'strict' ? '' : '{"status":"ok"}')
      assert.equal(headers.includes('\r\nContent-Type:'), level !== 'strict')
    })

    it('000.2 a stream needs a userID', async (t) => {
      const { base } = await start(t)
      for (const path of ['/sse', '/sse?userID=', '/sse?userid=1']) {
        assert.equal(await curl('-w', ' %{http_code}', base + path), 'userID is required 400')
      }
    })

    it('000.3 a value goes to all sessions of its user', async (t) => {
      const { server, base } = await start(t)
      const streams = [1, 2].map(() => curlStream(t, `${base}/sse?userID=123`))
      const other = curlStream(t, `${base}/sse?userID=124`)
      await eventually(() => server.hub.stats().connections === 3, 'three streams')
      const post = ['-X', 'POST', `${base}/send-to-user`, '-H', JSON_TYPE, '-d']
      const sent = await curl(...post, '{"userID":"123","value":{"message":"Hello world!"}}')
      assert.equal(sent, '{"sent":2}')
      const data = '{"data":{"message":"Hello world!"}}'
      for (const stream of streams) {
        const { id, ...event } = await stream.next()
        assert.deepEqual(event, { event: 'current-value', data })
        assert.deepEqual(stream.retries, [15_000])
        const idLine = id === undefined ? '' : `id: ${id}\n`
        assert.equal(
          stream.text,
          `${GREETING[level]}event: current-value\n${idLine}retry: 15000\ndata: ${data}\n\n`,
        )
        assert.equal(id === undefined, level === 'strict')
      }
      assert.equal(other.text, GREETING[level])
    })

    it('000.4 nobody there is nobody sent to', async (t) => {
      const { base } = await start(t)
      const post = ['-X', 'POST', `${base}/send-to-user`, '-H', JSON_TYPE, '-d']
      assert.equal(await curl(...post, '{"userID":"nobody","value":1}'), '{"sent":0}')
    })

    it('000.5 bodies are refused in its words, and read as leniently', async (t) => {
      const { base } = await start(t)
      const post = ['-w', ' %{http_code}', '-X', 'POST', `${base}/send-to-user`]
      // curl names a form where nobody says a type.
      for (const type of [['-H', JSON_TYPE], []]) {
        const send = (body: string): Promise<string> => curl(...post, ...type, '-d', body)
        assert.equal(await send('junk'), '{"error":"invalid body"} 400')
        assert.equal(await send('{"value":1}'), '{"error":"userID is required"} 400')
        assert.equal(await send('{"userID":123,"value":1}'), '{"error":"invalid body"} 400')
      }
      assert.equal(await curl(...post, '-H', JSON_TYPE), '{"error":"invalid body"} 400')
      const stream = await openStream(t, `${base}/sse?userID=123`)
      assert.equal(await curl(...post, '-H', JSON_TYPE, '-d', '{"userid":"123"}'), '{"sent":1} 200')
      assert.equal((await stream.next()).data, '{"data":null}')
    })

    it('a form is a body, too', async (t) => {
      const { base } = await start(t)
      const stream = await openStream(t, `${base}/sse?userID=1%26`)
      const form = (...fields: readonly string[]): Promise<string> =>
        curl(...fields.flatMap((field) => ['--data-urlencode', field]), `${base}/send-to-user`)
      assert.equal(await form('userID=1&', 'value={"a": 1}'), '{"sent":1}')
      assert.equal(await form('value=x', 'USERID=1&'), '{"sent":1}')
      assert.equal(await form('value=x'), '{"error":"userID is required"}')
      const [first, second] = await stream.take(2)
      assert.equal(first?.data, '{"data":"{\\"a\\": 1}"}')
      assert.equal(second?.data, '{"data":"x"}')
    })

    it('a value arrives as it was written', async (t) => {
      const { base } = await start(t)
      const stream = await openStream(t, `${base}/sse?userID=1`)
      for (const value of [
        '{"b":1,"a":12345678901234567890,"c":1.0}',
        '"<b>&\\"\\n"',
        '[[],{}]',
        'false',
        '""',
      ]) {
        assert.equal(await post(`${base}/send-to-user`, `{"value":${value},"userID":"1"}`), '200 {"sent":1}')
        assert.equal((await stream.next()).data, `{"data":${value}}`)
      }
      await post(`${base}/send-to-user`, '{"userID":"1","value":{\r\n"x" : [1,\n2]}}')
      assert.deepEqual(JSON.parse((await stream.next()).data), { data: { x: [1, 2] } })
    })

    it('000.6 connections are told with these two keys', async (t) => {
      const { base } = await start(t)
      const stream = await openStream(t, `${base}/sse?userID=1`)
      const known = JSON.parse(await curl(`${base}/connections`))
      assert.deepEqual(Object.keys(known), ['open-connections', 'sessions'])
      assert.deepEqual(known, { 'open-connections': 2, sessions: 1 })
      stream.leave()
    })

    it('000.7 the figures of the system have their types', async (t) => {
      const { base } = await start(t)
      const { timestamp, system_memory, cpu, go_memory, goroutines, ...rest } = JSON.parse(
        await curl(`${base}/metrics/system`),
      )
      assert.deepEqual(rest, {})
      assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      assert.deepEqual(Object.keys(system_memory), ['total_mb', 'used_mb', 'used_percent'])
      const { gc_cycles, ...texts } = go_memory
      assert.deepEqual(Object.keys(texts), ['alloc_mb', 'total_alloc_mb', 'heap_alloc_mb', 'heap_sys_mb'])
      for (const text of [system_memory.used_percent, cpu.usage_percent, ...Object.values(texts)]) {
        assert.match(text, /^\d+\.\d\d$/)
      }
      for (const integer of [system_memory.total_mb, system_memory.used_mb, gc_cycles, goroutines]) {
        assert(Number.isInteger(integer))
      }
    })

    it('000.8 pages of every origin may read it, also one from a file', async (t) => {
      const { base } = await start(t)
      for (const path of ['/connections', '/sse', '/sse?userID=1', '/send-to-user', '/health']) {
        const head = await curl('-i', '--max-time', '0.5', '-H', 'Origin: null', base + path).catch(
          ({ stdout }) => String(stdout),
        )
        assert.match(head, /^Access-Control-Allow-Origin: \*\r$/m, path)
        assert.doesNotMatch(head, /Access-Control-Allow-Credentials/)
      }
      const preflight = await curl(
        ...['-i', '-X', 'OPTIONS', '-H', 'Origin: null', '-H', 'Access-Control-Request-Method: POST'],
        ...['-H', 'Access-Control-Request-Headers: content-type,x-own', `${base}/send-to-user`],
      )
      assert.match(preflight, /^HTTP\/1\.1 204 /)
      for (const line of [
        'Access-Control-Allow-Origin: *',
        'Access-Control-Allow-Methods: GET, POST, HEAD, PUT, DELETE, PATCH',
        'Access-Control-Allow-Headers: content-type,x-own',
        'Vary: Access-Control-Request-Method, Access-Control-Request-Headers, Origin',
      ]) {
        assert(preflight.includes(`\r\n${line}\r\n`), line)
      }
    })

    it('000.9 the headers come with no message sent', async (t) => {
      const { base } = await start(t)
      // With -i, curl keeps the headers until there is a body, unless a terminal reads them.
      const quiet = curlStream(t, '-D', '-', `${base}/sse?userID=q`)
      const [head] = await quiet.until(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n/s)
      for (const line of [
        'Content-Type: text/event-stream',
        'Cache-Control: no-cache',
        'Connection: keep-alive',
        'Transfer-Encoding: chunked',
      ]) {
        assert(head.includes(`\r\n${line}\r\n`), line)
      }
      assert.equal(head.includes('\r\nX-Accel-Buffering: no\r\n'), level === 'enhanced')
      await takesUnder(200, async () => {
        const began = performance.now()
        await openStream(t, `${base}/sse?userID=q`)
        return performance.now() - began
      })
    })

    it('000.10 clients that left are noticed within a second', async (t) => {
      const { server, base } = await start(t)
      const sent = (): Promise<string> => post(`${base}/send-to-user`, '{"userID":"123"}')
      await takesUnder(1000, async () => {
        const streams = [1, 2].map(() => curlStream(t, `${base}/sse?userID=123`))
        await eventually(() => server.hub.connectionsOf('123') === 2, 'two streams')
        for (const { leave } of streams) leave()
        const left = performance.now()
        await eventually(async () => (await sent()) === '200 {"sent":0}', 'nobody')
        return performance.now() - left
      })
    })

    it('000.11 a reading client gets all of 2,000 values of eight writers', async (t) => {
      const { server, base } = await start(t)
      const stream = await openStream(t, `${base}/sse?userID=123`)
      const posts = Array.from({ length: 2000 }, (_, value) => {
        return { path: '/send-to-user', body: JSON.stringify({ userID: '123', value }) }
      })
      const answers = await postMany(server.port, posts, { count: 8 })
      assert.deepEqual(answers, new Map([['200 {"sent":1}', 2000]]))
      const values = (await stream.take(2000)).map(({ data }) => JSON.parse(data).data as number)
      assert.equal(new Set(values).size, 2000)
    })

    it('000.12 SIGTERM ends streams cleanly, and the program with 0', async (t) => {
      await takesUnder(5000, async () => {
        const program = new Program(t, [
          ...['start', '--port', '0', '--preset', 'user-channel'],
          ...['--preset-auth', 'open', '--preset-level', level],
        ])
        const [, port] = await program.prints(/"port":(\d+)/)
        const stream = await openStream(t, `http://127.0.0.1:${port}/sse?userID=1`)
        const began = performance.now()
        program.signal('SIGTERM')
        assert.equal(await stream.over, true)
        assert.equal(await program.exitCode, 0)
        return performance.now() - began
      })
    })

    it('other methods are refused in its words', async (t) => {
      const { base } = await start(t)
      for (const [method, path, allow] of [
        ['DELETE', '/sse', 'GET'],
        ['POST', '/health', 'GET'],
        ['GET', '/send-to-user', 'POST'],
      ] as const) {
        const { status, headers, body } = await answer('-i', '-X', method, base + path)
        assert.equal(status, 405)
        assert(headers.includes(`\r\nAllow: ${allow}\r\n`))
        assert.equal(body, 'Method Not Allowed')
      }
    })

    it('a body that is too large, or a user that is none, is refused in its shape', async (t) => {
      const { base } = await start(t)
      const large = `{"userID":"1","value":"${'x'.repeat(3_000_000)}"}`
      assert.match(
        await post(`${base}/send-to-user`, large),
        /^413 \{"error":"The body is larger than [^"]+"\}$/,
      )
      const unknown = await post(`${base}/send-to-user`, '{"userID":"a\\u0000"}')
      assert.match(unknown, /^400 \{"error":"A user id has .+"\}$/)
      const refused = await fetch(`${base}/sse?userID=${'x'.repeat(257)}`)
      assert.equal(refused.status, 400)
      assert.equal(refused.headers.get('content-type'), 'text/plain; charset=utf-8')
      assert.match(await refused.text(), /^A user id has /)
    })
  })
}

async function answer(
  ...args: readonly string[]
): Promise<{ status: number; headers: string; body: string }> {
  const text = await curl(...args)
  const end = text.indexOf('\r\n\r\n')
  return {
    status: Number(text.split(' ', 2)[1]),
    headers: text.slice(0, end + 2),
    body: text.slice(end + 4),
  }
}

async function post(url: string, body: string): Promise<string> {
  const response = await fetch(url, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } })
  return `${response.status} ${await response.text()}`
}
