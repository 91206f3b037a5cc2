import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { jwt } from '@fanline/hub/jwt'
import { EventSource } from 'eventsource'
import { exportSPKI, generateKeyPair, SignJWT } from 'jose'
import type { RunningServer } from '../compose.ts'
import { composed } from '../testing/composed.ts'
import { curl, curlStream } from '../testing/curl.ts'
import { eventually } from '../testing/eventually.ts'
import { openStream } from '../testing/heard-stream.ts'
import { Program, startDev } from '../testing/program.ts'
import { API_KEY, JWT_SECRET, mintToken, startServer } from '../testing/start-server.ts'
import { takesUnder } from '../testing/takes-under.ts'
import { starterTokens } from './starter-tokens.ts'

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
/** What its guide announces. */
const ANNOUNCEMENT = {
  event: 'announcement',
  data: { title: 'Maintenance', message: 'Back at 10 <PM> & later' },
}

const USER_10 = await mintToken({ id: 10, email: 'ten@app.test', role: 'user', iss: 'Starter-Gofiber' })
const USER_11 = await mintToken({ id: 11, email: 'eleven@app.test', role: 'user', iss: 'Starter-Gofiber' })
const ADMIN = await mintToken({ id: 1, email: 'admin@app.test', role: 'admin', iss: 'Starter-Gofiber' })

interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it and fails where it is something else
  readonly json: any
}

for (const level of ['strict', 'enhanced'] as const) {
  const start = async (
    test: TestContext,
    options: Readonly<Record<string, string>> = { preset: 'starter', presetLevel: level },
  ): Promise<{ server: RunningServer; base: string }> => {
    const server = await composed(
      test,
      {
        starterAuthenticator: (space) => jwt(starterTokens({ issuers: [{ secret: JWT_SECRET }] }, space, [])),
      },
      options,
    )
    return { server, base: `http://127.0.0.1:${server.port}` }
  }

  describe(`clients of starter-gofiber, ${level}`, () => {
    it('004.1 who has no token is told so, by dev and by start', async (t) => {
      const flags = ['--preset', 'starter', '--preset-level', level]
      const dev = await startDev(t, flags, { env: { FANLINE_JWT_SECRET: JWT_SECRET } })
      const started = await startServer(t, flags)
      for (const { url } of [dev, started]) {
        for (const args of [[], ['-H', 'Authorization: Basic eDp5']]) {
          const [text, status] = (await curl('-w', ' %{http_code}', ...args, `${url}/sse/stream`)).split(
            / (?=\d+$)/,
          )
          assert.equal(status, '401')
          const { timestamp, ...rest } = JSON.parse(text!)
          assert.equal(
            JSON.stringify(rest),
            '{"code":401,"order":"","message":"missing or malformed JWT","data":null}',
          )
          assert.match(timestamp, RFC3339)
        }
        const stream = await openStream(t, `${url}/sse/stream?token=${USER_10}`)
        assert.equal((await stream.next()).event, 'connected')
      }
    })

    it('004.2 the headers and "connected" come at once', async (t) => {
      const { base } = await start(t)
      const stream = curlStream(t, '-D', '-', '-H', `Authorization: Bearer ${USER_10}`, `${base}/sse/stream`)
      const [head, body] = (await stream.until(/\r\n\r\n.*\n\n/s)).input.split('\r\n\r\n')
      assert.match(head!, /^HTTP\/1\.1 200 OK\r\n/)
      for (const line of [
        'Content-Type: text/event-stream',
        'Cache-Control: no-cache',
        'Connection: keep-alive',
        'Transfer-Encoding: chunked',
        'X-Accel-Buffering: no',
      ]) {
        assert(`${head}\r\n`.includes(`\r\n${line}\r\n`), `${line} in ${head}`)
      }
      const connected = /^event: connected\ndata: \{"client_id":"([^"]+)","timestamp":(\d+)\}\n\n$/.exec(
        body!,
      )!
      assert.match(connected[1]!, UUID)
      assert(Math.abs(Number(connected[2]) - Date.now() / 1000) < 5)
      await takesUnder(200, async () => {
        const began = performance.now()
        await (await openStream(t, `${base}/sse/stream?token=${USER_10}`)).next()
        return performance.now() - began
      })
    })

    it('004.3 a token may stand in the address and in a cookie', async (t) => {
      const { server, base } = await start(t)
      await (await openStream(t, `${base}/sse/stream?token=${USER_10}`)).next()
      await (await openStream(t, `${base}/sse/stream`, { Cookie: `a=b; token=${USER_10}` })).next()
      assert.equal(server.hub.connectionsOf('10'), 2)
      // A page of somebody else cannot make a browser use it.
      const foreign = { Cookie: `token=${USER_10}`, Origin: 'http://evil.test' }
      assert.equal((await ask(`${base}/sse/stream`, { headers: foreign })).status, 403)
    })

    it('004.5 an admin reads who is there', async (t) => {
      const { base } = await start(t)
      await (await openStream(t, `${base}/sse/stream?token=${USER_10}`)).next()
      const stats = await curl('-H', `Authorization: Bearer ${ADMIN}`, `${base}/api/sse/stats`)
      assert.deepEqual(JSON.parse(stats), {
        success: true,
        data: { total_clients: 1, user_clients: { 10: 1 } },
      })
    })

    it('004.6 a broadcast reaches everybody, under an id', async (t) => {
      const { base } = await start(t)
      const streams = [
        await openStream(t, `${base}/sse/stream?token=${USER_10}`),
        await openStream(t, `${base}/sse/stream?token=${USER_11}`),
      ]
      for (const stream of streams) await stream.next()
      assert.deepEqual(await post(`${base}/api/sse/broadcast`, ANNOUNCEMENT), {
        status: 200,
        json: { success: true, message: 'Broadcast sent to all clients' },
      })
      for (const stream of streams) {
        const { id, event, data } = await stream.next()
        assert.equal(event, 'announcement')
        assert.deepEqual(JSON.parse(data), ANNOUNCEMENT.data)
        assert.match(id!, level === 'strict' ? UUID : /^\d+$/)
        assert(stream.text.endsWith(`event: announcement\nid: ${id}\ndata: ${data}\n\n`))
      }
    })

    it('004.7 a message to a user reaches that user alone', async (t) => {
      const { base } = await start(t)
      const ten = await openStream(t, `${base}/sse/stream?token=${USER_10}`)
      const again = await openStream(t, `${base}/sse/stream?token=${USER_10}`)
      const eleven = await openStream(t, `${base}/sse/stream?token=${USER_11}`)
      for (const stream of [ten, again, eleven]) await stream.next()
      const sent = { status: 200, json: { success: true, message: 'Message sent to user' } }
      const send = (body: object): Promise<Answer> => post(`${base}/api/sse/send-to-user`, body)
      assert.deepEqual(await send({ user_id: 10, event: 'admin_message', data: { text: 'hi' } }), sent)
      assert.deepEqual(await send({ user_id: 99, event: 'admin_message', data: { text: 'hi' } }), sent)
      await post(`${base}/api/sse/broadcast`, { event: 'end', data: 0 })
      for (const stream of [ten, again]) {
        const { event, data } = await stream.next()
        assert.deepEqual([event, JSON.parse(data)], ['admin_message', { text: 'hi' }])
      }
      assert.equal((await eleven.next()).event, 'end')
    })

    it('004.8 bodies are refused in its words', async (t) => {
      const { base } = await start(t)
      const broadcast = '/api/sse/broadcast'
      const toUser = '/api/sse/send-to-user'
      const missing = 'Event and data are required'
      const missingToo = 'UserID, event, and data are required'
      for (const [path, body, order, message] of [
        [broadcast, '{"event":"x"}', 'H-SSE-Broadcast-2', missing],
        [broadcast, '{"event":"x","data":null}', 'H-SSE-Broadcast-2', missing],
        [broadcast, '{"event":"","data":1}', 'H-SSE-Broadcast-2', missing],
        [broadcast, '{"data":1}', 'H-SSE-Broadcast-2', missing],
        [broadcast, 'junk', 'H-SSE-Broadcast-1', 'Invalid request body'],
        [broadcast, '{"event":1,"data":1}', 'H-SSE-Broadcast-1', 'Invalid request body'],
        [toUser, '{"user_id":0,"event":"x","data":1}', 'H-SSE-SendToUser-2', missingToo],
        [toUser, '{"user_id":null,"event":"x","data":1}', 'H-SSE-SendToUser-2', missingToo],
        [toUser, '{"event":"x","data":1}', 'H-SSE-SendToUser-2', missingToo],
        [toUser, '{"user_id":10,"event":"x"}', 'H-SSE-SendToUser-2', missingToo],
        [toUser, '{"user_id":-1,"event":"x","data":1}', 'H-SSE-SendToUser-1', 'Invalid request body'],
        [toUser, '{"user_id":1.5,"event":"x","data":1}', 'H-SSE-SendToUser-1', 'Invalid request body'],
        [toUser, '{"user_id":"ten","event":"x","data":1}', 'H-SSE-SendToUser-1', 'Invalid request body'],
        [toUser, '[]', 'H-SSE-SendToUser-1', 'Invalid request body'],
      ] as const) {
        const { status, json } = await post(base + path, body)
        const { timestamp, ...rest } = json
        assert.deepEqual({ status, ...rest }, { status: 400, code: 400, order, message, data: null }, body)
        assert.match(timestamp, RFC3339)
      }
      for (const data of ['0', 'false', '""']) {
        assert.equal((await post(base + broadcast, `{"EVENT":"x","data":${data}}`)).status, 200)
      }
      const numeric = await post(base + toUser, '{"user_id":"10","event":"x","data":1}')
      assert.equal(numeric.status, level === 'strict' ? 400 : 200)
      assert.equal(numeric.json.order, level === 'strict' ? 'H-SSE-SendToUser-1' : undefined)
    })

    it('004.9 who is no admin has no business at its API', async (t) => {
      const { base } = await start(t)
      for (const [method, path] of [
        ['GET', '/api/sse/stats'],
        ['POST', '/api/sse/broadcast'],
        ['POST', '/api/sse/send-to-user'],
      ] as const) {
        const headers = { Authorization: `Bearer ${USER_10}` }
        const body = method === 'GET' ? null : '{"user_id":10,"event":"x","data":1}'
        const { status, json } = await ask(base + path, { method, headers, body })
        const { timestamp, ...rest } = json
        assert.deepEqual(
          { status, ...rest },
          { status: 403, code: 403, order: 'M-casbin-authz', message: 'Tidak ada hak akses', data: null },
        )
        assert.equal((await ask(base + path, { method, body })).status, 401)
      }
    })

    it('004.12 the listeners of its guide hear what they listen for', async (t) => {
      const { base } = await start(t)
      const source = new EventSource(`${base}/sse/stream?token=${USER_10}`)
      t.after(() => source.close())
      const [connected] = await once(source, 'connected')
      assert.match(JSON.parse(connected.data).client_id, UUID)
      const heard = once(source, 'notification')
      await post(`${base}/api/sse/send-to-user`, {
        user_id: 10,
        event: 'notification',
        data: { title: 'New' },
      })
      const [notification] = await heard
      assert.deepEqual(JSON.parse(notification.data), { title: 'New' })
      assert.match(notification.lastEventId, level === 'strict' ? UUID : /^\d+$/)
    })

    it('004.13 who left is gone from the stats within a second', async (t) => {
      const { server, base } = await start(t)
      const headers = { Authorization: `Bearer ${ADMIN}` }
      const stats = async () => (await ask(`${base}/api/sse/stats`, { headers })).json.data
      await takesUnder(1000, async () => {
        const stream = curlStream(t, `${base}/sse/stream?token=${USER_10}`)
        await eventually(() => server.hub.connectionsOf('10') === 1, 'a stream')
        stream.leave()
        const left = performance.now()
        await eventually(async () => (await stats()).total_clients === 0, 'nobody')
        return performance.now() - left
      })
      assert.deepEqual((await stats()).user_clients, {})
    })

    it('004.15 who accepts gzip and br waits for no message longer', async (t) => {
      const { base } = await start(t)
      const stream = await openStream(t, `${base}/sse/stream?token=${USER_10}`, {
        'Accept-Encoding': 'gzip, br',
      })
      await stream.next()
      assert.equal(stream.headers['content-encoding'], undefined)
      const times: number[] = []
      for (let n = 0; n < 9; n++) {
        const began = performance.now()
        await post(`${base}/api/sse/broadcast`, { event: 'tick', data: n })
        assert.equal((await stream.next()).data, String(n))
        times.push(performance.now() - began)
      }
      const [, , , , median] = times.toSorted((a, b) => a - b)
      assert(median! < 100, `${times} ms`)
    })

    it('refuses other methods in its shape', async (t) => {
      const { base } = await start(t)
      const response = await fetch(`${base}/api/sse/broadcast`)
      assert.equal(response.headers.get('allow'), 'POST')
      const { timestamp, ...rest } = (await response.json()) as Record<string, unknown>
      assert.deepEqual(rest, {
        code: 405,
        order: 'Handling Error: Method Not Allowed',
        message: 'Method Not Allowed',
        data: null,
      })
    })

    it('in a namespace counts and reaches its own users alone', async (t) => {
      const presets = JSON.stringify([
        { name: 'starter', namespace: 'shop', level },
        { name: 'user-channel', prefix: '/other', level, auth: 'open' },
      ])
      const { server, base } = await start(t, { presets })
      const stream = await openStream(t, `${base}/sse/stream?token=${USER_10}`)
      const other = await openStream(t, `${base}/other/sse?userID=10`)
      await stream.next()
      await eventually(() => server.hub.stats().connections === 2, 'two streams')
      const { json } = await ask(`${base}/api/sse/stats`, { headers: { Authorization: `Bearer ${ADMIN}` } })
      assert.deepEqual(json.data, { total_clients: 1, user_clients: { 10: 1 } })
      await post(`${base}/api/sse/send-to-user`, { user_id: 10, event: 'one', data: 1 })
      await post(`${base}/api/sse/broadcast`, { event: 'two', data: 2 })
      assert.deepEqual(
        (await stream.take(2)).map(({ event }) => event),
        ['one', 'two'],
      )
      await fetch(`${base}/other/send-to-user`, { method: 'POST', body: '{"userID":"10","value":"end"}' })
      assert.equal((await other.next()).data, '{"data":"end"}')
    })
  })
}

it('004.3 a cookie that is configured has its own name, and counts from listed pages', async (t) => {
  const { url } = await startServer(t, [
    ...['--preset', 'starter', '--jwt-cookie', 'session_jwt', '--cors-origins', 'https://app.test'],
  ])
  const page = { Origin: 'https://app.test' }
  const stream = await openStream(t, `${url}/sse/stream`, { Cookie: `session_jwt=${USER_10}`, ...page })
  assert.equal((await stream.next()).event, 'connected')
  assert.equal((await ask(`${url}/sse/stream`, { headers: { Cookie: `token=${USER_10}` } })).status, 401)
  // Where a token may stand elsewhere is not changed by it.
  assert.equal((await fetch(`${url}/v1/events?token=${USER_10}`)).status, 401)
})

it('004.11 tokens of RS256, PS256, ES256 and HS256 are accepted, and none that has expired', async (t) => {
  const rsa = await generateKeyPair('RS256', { extractable: true })
  const ec = await generateKeyPair('ES256', { extractable: true })
  const pem = await crypto.subtle.exportKey('pkcs8', rsa.privateKey)
  const algorithm = { name: 'RSA-PSS', hash: 'SHA-256' }
  const pss = await crypto.subtle.importKey('pkcs8', pem, algorithm, false, ['sign'])
  const secret = new TextEncoder().encode(JWT_SECRET)
  for (const [alg, key, env] of [
    ['RS256', rsa.privateKey, { FANLINE_JWT_PUBLIC_KEY: await exportSPKI(rsa.publicKey) }],
    ['PS256', pss, { FANLINE_JWT_PUBLIC_KEY: await exportSPKI(rsa.publicKey) }],
    ['ES256', ec.privateKey, { FANLINE_JWT_PUBLIC_KEY: await exportSPKI(ec.publicKey) }],
    ['HS256', secret, { FANLINE_JWT_SECRET: JWT_SECRET }],
  ] as const) {
    const sign = (exp: number): Promise<string> =>
      new SignJWT({ id: 10, role: 'user', exp: Math.floor(Date.now() / 1000) + exp })
        .setProtectedHeader({ alg })
        .sign(key)
    const program = new Program(t, ['start', '--port', '0', '--preset', 'starter'], { env })
    const [, port] = await program.prints(/"port":(\d+)/)
    const url = `http://127.0.0.1:${port}/sse/stream`
    const stream = await openStream(t, url, { Authorization: `Bearer ${await sign(60)}` })
    assert.equal(stream.status, 200, alg)
    assert.equal((await stream.next()).event, 'connected')
    const { status, json } = await ask(url, { headers: { Authorization: `Bearer ${await sign(-1)}` } })
    assert.equal(status, 401, alg)
    assert.equal(json.code, 401)
    assert.match(json.message, /expired/)
    program.signal('SIGTERM')
  }
})

it('004.14 a client that comes back gets what it missed, and only in the enhanced level', async (t) => {
  for (const level of ['strict', 'enhanced']) {
    const { url } = await startServer(t, ['--preset', 'starter', '--preset-level', level])
    const send = (data: number): Promise<Answer> =>
      post(`${url}/api/sse/send-to-user`, { user_id: 10, event: 'progress', data })
    const first = await openStream(t, `${url}/sse/stream?token=${USER_10}`)
    await first.next()
    await send(1)
    const { id } = await first.next()
    first.leave()
    await send(2)
    const again = await openStream(t, `${url}/sse/stream?token=${USER_10}`, { 'Last-Event-ID': id! })
    await again.next()
    await send(3)
    const heard = await again.take(level === 'strict' ? 1 : 2)
    assert.deepEqual(
      heard.map(({ data }) => data),
      level === 'strict' ? ['3'] : ['2', '3'],
    )
  }
})

describe('who a token of starter-gofiber is for', () => {
  it('its id, as a number or a text, else what other tokens go by; an admin by role or by grant', async (t) => {
    const { url } = await startServer(t, ['--preset', 'starter'])
    const users = [
      [{ id: 7, sub: 'x' }, '7'],
      [{ id: 'seven' }, 'seven'],
      [{ sub: 'eight' }, 'eight'],
    ] as const
    for (const [claims] of users) {
      await (await openStream(t, `${url}/sse/stream?token=${await mintToken(claims)}`)).next()
    }
    const expected = {
      total_clients: 3,
      user_clients: Object.fromEntries(users.map(([, user]) => [user, 1])),
    }
    const viewer = await mintToken({ id: 3, fanline: { role: 'viewer' } })
    const admins = [ADMIN, await mintToken({ id: 2, fanline: { admin: true } }), API_KEY]
    for (const seeing of [viewer, ...admins]) {
      const { json } = await ask(`${url}/api/sse/stats`, { headers: { Authorization: `Bearer ${seeing}` } })
      assert.deepEqual(json.data, expected)
    }
    const broadcast = await ask(`${url}/api/sse/broadcast`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${viewer}` },
      body: '{"event":"two","data":2}',
    })
    assert.equal(broadcast.status, 403)
    const nobody = await ask(`${url}/sse/stream?token=${await mintToken({ email: 'a@app.test' })}`)
    assert.deepEqual([nobody.status, nobody.json.order], [401, 'H-SSE-Connect-1'])
    assert.equal(nobody.json.message, 'User not authenticated')
    const none = await ask(`${url}/sse/stream?token=${await mintToken({ id: {} })}`)
    assert.equal(none.status, 401)
  })

  it('nobody in particular where dev has nothing to check a token with, but for what the address says', async (t) => {
    const { url } = await startDev(t, ['--preset', 'starter'])
    const named = await openStream(t, `${url}/sse/stream?user_id=10`)
    const anybody = await openStream(t, `${url}/sse/stream`)
    for (const stream of [named, anybody]) await stream.next()
    await ask(`${url}/api/sse/send-to-user`, {
      method: 'POST',
      body: '{"user_id":10,"event":"one","data":1}',
    })
    await ask(`${url}/api/sse/broadcast`, { method: 'POST', body: '{"event":"two","data":2}' })
    assert.deepEqual(
      (await named.take(2)).map(({ event }) => event),
      ['one', 'two'],
    )
    assert.equal((await anybody.next()).event, 'two')
  })
})

/** As the admin. */
function post(url: string, body: object | string): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return ask(url, { method: 'POST', body: text, headers: { Authorization: `Bearer ${ADMIN}` } })
}

async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init)
  return { status: response.status, json: await response.json() }
}
