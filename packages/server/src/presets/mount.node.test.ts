import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { apiKey } from '@fanline/hub/api-key'
import { jwt } from '@fanline/hub/jwt'
import { firstOf } from '@fanline/hub/routes'
import { type JWTPayload, SignJWT } from 'jose'
import type { RunningServer } from '../compose.ts'
import { composed } from '../testing/composed.ts'
import { eventually } from '../testing/eventually.ts'
import { openStream } from '../testing/heard-stream.ts'

const ALL = 'user-channel,client-id,notification,session,starter'
const SECRET = 'a secret of the tests, long enough to be taken'
const KEY = 'a-key-of-the-tests-long-enough-to-be-taken'

interface Served {
  readonly server: RunningServer
  readonly base: string
  /** `status body` of a request. */
  ask(method: string, path: string, init?: RequestInit): Promise<string>
}

async function serve(
  test: TestContext,
  options: Readonly<Record<string, string>>,
  profile: Parameters<typeof composed>[1] = {},
): Promise<Served> {
  const server = await composed(test, profile, options)
  const base = `http://127.0.0.1:${server.port}`
  return {
    server,
    base,
    async ask(method, path, init = {}) {
      const response = await fetch(base + path, { method, ...init })
      return `${response.status} ${await response.text()}`
    },
  }
}

const NATIVE_400 = /^400 \{.*"code":"bad-request","detail":"Name one of userID, id, session in the query\./

describe('presets at one root', () => {
  it('tell GET /sse apart by its query key', async (t) => {
    const { base, ask } = await serve(t, { preset: ALL })
    assert.equal(await ask('GET', '/sse?userID='), '400 userID is required')
    assert.equal(await ask('GET', '/sse?session='), '400 missing session')
    for (const [path, first] of [
      ['/sse?userID=1', ':\n\n'],
      ['/sse?id=1', ':\n\n'],
      ['/sse?id=', ':\n\n'],
      ['/sse?session=1', 'retry: 15000\n\n'],
      ['/sse?session=1&uid=2', 'retry: 15000\n\n'],
    ] as const) {
      const stream = await openStream(t, base + path)
      await stream.until(/\n\n/)
      assert.equal(stream.text, first, path)
      assert.equal(stream.headers['x-client-id'] !== undefined, path.startsWith('/sse?id='), path)
    }
  })

  it('leave GET /sse to fanline when it names none of them, or more than one', async (t) => {
    const { base, ask } = await serve(t, { preset: ALL })
    for (const query of [
      '',
      '?',
      '?uid=1',
      '?userid=1',
      '?userID=1&id=1',
      '?id=1&session=1',
      '?userID&id&session',
    ]) {
      assert.match(await ask('GET', `/sse${query}`), NATIVE_400, query)
    }
    const head = await fetch(`${base}/sse`)
    assert.equal(head.headers.get('content-type'), 'application/problem+json')
  })

  it('give GET /sse without a key to the one that is the default', async (t) => {
    for (const [presetDefault, answer] of [
      ['user-channel', '400 userID is required'],
      ['session', '400 missing session'],
    ] as const) {
      const { ask } = await serve(t, { preset: ALL, presetDefault })
      assert.equal(await ask('GET', '/sse'), answer)
      assert.equal(await ask('GET', '/sse?other=1'), answer)
      assert.match(await ask('GET', '/sse?userID=1&id=1'), NATIVE_400)
      assert.equal(await ask('GET', '/sse?userID='), '400 userID is required')
    }
    const { base } = await serve(t, { preset: ALL, presetDefault: 'client-id' })
    assert.match((await openStream(t, `${base}/sse`)).headers['x-client-id'] as string, /^[\da-f-]{36}$/)
  })

  it('need no key where only one of them has the path', async (t) => {
    const { base, ask } = await serve(t, { preset: 'client-id,notification,starter' })
    assert.equal((await openStream(t, `${base}/sse?userID=1`)).status, 200)
    assert.equal(await ask('GET', '/notifications'), '400 User ID is required\n')
  })

  it('take GET and HEAD at /sse; strict client-id any other method, too', async (t) => {
    for (const presetLevel of ['enhanced', 'strict']) {
      const { base, ask } = await serve(t, { preset: ALL, presetLevel })
      for (const query of ['userID=1', 'id=1', 'session=1']) {
        const head = await fetch(`${base}/sse?${query}`, { method: 'HEAD' })
        assert.equal(head.status, 200)
        assert.equal(head.headers.get('content-type'), 'text/event-stream')
        assert.equal(await head.text(), '')
      }
      for (const method of ['POST', 'PUT', 'DELETE']) {
        if (presetLevel === 'enhanced') {
          assert.equal(await ask(method, '/sse?id=1'), '405 Method Not Allowed')
          continue
        }
        const abort = new AbortController()
        const stream = await fetch(`${base}/sse?id=1`, { method, signal: abort.signal })
        assert.equal(stream.status, 200)
        abort.abort()
      }
    }
    const { base } = await serve(t, { preset: 'user-channel,session' })
    const refused = await fetch(`${base}/sse?session=1`, { method: 'POST' })
    assert.equal(refused.status, 405)
    assert.equal(refused.headers.get('allow'), 'GET')
    assert.equal(((await refused.json()) as { code: string }).code, 'method-not-allowed')
  })

  it('have every other path to themselves, beside fanline’s own', async (t) => {
    const { base, ask } = await serve(t, { preset: ALL })
    assert.equal(await ask('GET', '/ping'), '200 pong')
    assert.equal(await ask('POST', '/ping/nobody'), '404 failed to publish event')
    assert.equal(await ask('GET', '/health'), '200 {"status":"ok"}')
    assert.match(await ask('GET', '/metrics'), /^200 # HELP .*\nsse_active_clients 0\n/s)
    assert.match(await ask('GET', '/metrics/system'), /^200 \{"timestamp":/)
    assert.equal(await ask('POST', '/notify'), '202 ')
    assert.match(await ask('GET', '/api/sse/stats'), /^200 \{"success":true,/)
    assert.match(await ask('GET', '/v1/stats'), /^200 \{"connections":0,/)
    assert.match(await ask('GET', '/livez'), /^200 /)
    for (const path of [
      '/nope',
      '/sse/',
      '/ping/a/b',
      '/push/sse?userID=1',
      '//sse?userID=1',
      '/SSE?userID=1',
    ]) {
      const unknown = await fetch(base + path)
      assert.equal(unknown.status, 404, path)
      assert.equal(unknown.headers.get('content-type'), 'application/problem+json')
    }
  })

  it('reach each other’s users, each in its own words', async (t) => {
    const { server, base, ask } = await serve(t, { preset: ALL, presetLevel: 'strict' })
    const streams = await Promise.all(
      [
        '/sse?userID=7',
        '/sse?id=7',
        '/notifications?userID=7',
        '/sse?session=7',
        '/sse/stream?user_id=7',
      ].map((path) => openStream(t, base + path)),
    )
    await eventually(() => server.hub.connectionsOf('7') === 5, 'five streams')
    const heard = async (): Promise<readonly string[]> => {
      const all: string[] = []
      for (const stream of streams) {
        let { event, data } = await stream.next()
        while (event === 'connected') ({ event, data } = await stream.next())
        all.push(`${event} ${data}`)
      }
      return all
    }
    assert.equal(
      await ask('POST', '/send-to-user', { body: '{"userID":"7","value":{"a":1}}' }),
      '200 {"sent":5}',
    )
    assert.deepEqual(await heard(), [
      'current-value {"data":{"a":1}}',
      'message {"a":1}',
      'message {"a":1}',
      'message {"a":1}',
      'message {"a":1}',
    ])
    assert.equal(await ask('POST', '/ping/7'), '200 ')
    assert.deepEqual(await heard(), [
      'current-value {"data":"Hello 7"}',
      'message Hello 7',
      'message Hello 7',
      'message "Hello 7"',
      'message "Hello 7"',
    ])
    assert.match(await ask('POST', '/send', { body: '{"userID":"7","message":"a\\nb"}' }), /^200 /)
    assert.deepEqual(await heard(), [
      'current-value {"data":"a\\nb"}',
      'message a\nb',
      'message a\nb',
      'message "a\\nb"',
      'message "a\\nb"',
    ])
    assert.equal(await ask('POST', '/pm?session=7', { body: '{"event":"n","data":[1]}' }), '202 ')
    assert.deepEqual(await heard(), [
      'current-value {"data":[1]}',
      'message [1]',
      'message [1]',
      'n [1]',
      'n [1]',
    ])
    const broadcast = '{"event":"b","data":{"x":true}}'
    assert.match(await ask('POST', '/api/sse/broadcast', { body: broadcast }), /^200 /)
    assert.deepEqual(await heard(), [
      'current-value {"data":{"x":true}}',
      'message {"x":true}',
      'message {"x":true}',
      'b {"x":true}',
      'b {"x":true}',
    ])
  })
})

describe('presets in places of their own', () => {
  it('answer under their prefix and nowhere else, each at its level', async (t) => {
    const presets = [
      { name: 'user-channel', prefix: '/a' },
      { name: 'user-channel', prefix: '/a/b', level: 'strict' },
      { name: 'client-id', prefix: '/c' },
      { name: 'notification', prefix: '/d-1.2_~' },
    ]
    const { base, ask } = await serve(t, { presets: JSON.stringify(presets) })
    assert.equal(await ask('GET', '/a/sse'), '400 userID is required')
    assert.equal(await ask('GET', '/a/health'), '200 {"status":"ok"}')
    assert.equal(await ask('GET', '/a/b/health'), '200 ')
    assert.equal(await ask('GET', '/d-1.2_~/ping'), '200 pong')
    assert.equal((await openStream(t, `${base}/c/sse`)).status, 200)
    for (const path of ['/sse', '/ping', '/a', '/a/', '/a/ping', '/c/health', '/d-1x2_~/ping', '/b/health']) {
      assert.match(await ask('GET', path), /^404 \{.*"code":"not-found"/, path)
    }
  })

  it('are isolated by a namespace, in both directions', async (t) => {
    const presets = [
      ...[
        { name: 'user-channel', prefix: '/shop' },
        { name: 'session', prefix: '/shop' },
        { name: 'client-id', prefix: '/shop-clients' },
        { name: 'notification', prefix: '/shop' },
      ].map((preset) => ({ ...preset, namespace: 'shop' })),
      { name: 'session', prefix: '/other', namespace: 'other' },
      { name: 'session' },
    ]
    const { server, base, ask } = await serve(t, { presets: JSON.stringify(presets) })
    const inside = await Promise.all(
      [
        '/shop/sse?session=7',
        '/shop/sse?userID=7',
        '/shop-clients/sse?id=7',
        '/shop/notifications?userID=7',
      ].map((path) => openStream(t, base + path)),
    )
    const other = await openStream(t, `${base}/other/sse?session=7`)
    const outside = await openStream(t, `${base}/sse?session=7`)
    await eventually(() => server.hub.stats().connections === 6, 'six streams')

    assert.equal(
      await ask('POST', '/shop/send-to-user', { body: '{"userID":"7","value":1}' }),
      '200 {"sent":4}',
    )
    assert.equal(await ask('POST', '/shop/notify', { body: '{"data":2}' }), '202 ')
    assert.equal(await ask('POST', '/other/notify', { body: '{"data":"to the others"}' }), '202 ')
    assert.equal(await ask('POST', '/pm?session=7', { body: '{"data":"outside"}' }), '202 ')
    await server.hub.publish({ all: true, data: 'to everybody' })
    assert.equal(await ask('POST', '/shop-clients/ping/7'), '200 ')
    for (const stream of inside) {
      const data = (await stream.take(3)).map(({ data }) => data.replaceAll(/^\{"data":(.*)\}$/g, '$1'))
      assert.deepEqual(data.slice(0, 2), ['1', '2'])
      assert.match(data[2] as string, /^"?Hello 7"?$/)
    }
    assert.equal((await other.next()).data, '"to the others"')
    assert.deepEqual(
      (await outside.take(2)).map(({ data }) => data),
      ['"outside"', '"to everybody"'],
    )
    assert.equal(await ask('POST', '/shop-clients/ping/8'), '404 failed to publish event')
  })
})

describe('pages of other origins', () => {
  const APP = 'https://app.example'
  const cors = async (url: string, init: RequestInit = {}): Promise<Readonly<Record<string, string>>> => {
    const abort = new AbortController()
    const { headers } = await fetch(url, { ...init, signal: abort.signal })
    abort.abort()
    return Object.fromEntries([...headers].filter(([name]) => /^access-control|^vary$/.test(name)))
  }
  const asking = (Origin: string, method = 'POST'): RequestInit => ({
    method: 'OPTIONS',
    headers: { Origin, 'Access-Control-Request-Method': method, 'Access-Control-Request-Headers': 'x-a' },
  })
  const ANY = { 'access-control-allow-origin': '*' }

  it('are told nothing unless they are listed, but may use an open user-channel', async (t) => {
    const { base } = await serve(t, { preset: ALL })
    const headers = { Origin: APP }
    for (const path of ['/sse?userID=1', '/sse?userID=', '/connections', '/send-to-user']) {
      assert.deepEqual(await cors(base + path, { headers }), ANY, path)
    }
    for (const path of [
      '/sse?session=1',
      '/sse?id=1',
      '/notifications?userID=1',
      '/sse',
      '/ping',
      '/sse/stream',
    ]) {
      assert.deepEqual(await cors(base + path, { headers }), {}, path)
      assert.deepEqual(await cors(base + path, asking(APP, 'GET')), {}, path)
    }
    assert.deepEqual(await cors(`${base}/connections`), {})
    assert.deepEqual(await cors(`${base}/send-to-user`, asking('null')), {
      ...ANY,
      'access-control-allow-methods': 'GET, POST, HEAD, PUT, DELETE, PATCH',
      'access-control-allow-headers': 'x-a',
      vary: 'Access-Control-Request-Method, Access-Control-Request-Headers, Origin',
    })
  })

  it('that are listed may use all of them, with credentials', async (t) => {
    const { base } = await serve(t, { preset: ALL, 'cors.origins': APP })
    for (const path of ['/sse?session=1', '/sse?id=1', '/notifications?userID=1', '/sse', '/ping']) {
      const allowed = await cors(base + path, { headers: { Origin: APP } })
      assert.equal(allowed['access-control-allow-origin'], APP, path)
      assert.equal(allowed['access-control-allow-credentials'], 'true', path)
      const foreign = await cors(base + path, { headers: { Origin: 'https://evil.example' } })
      assert.deepEqual(foreign, { vary: 'Origin' }, path)
    }
    const preflight = await cors(`${base}/notify`, asking(APP))
    assert.equal(preflight['access-control-allow-origin'], APP)
    assert.match(preflight['access-control-allow-headers'] as string, /Authorization/)
    assert.deepEqual(await cors(`${base}/notify`, asking('https://evil.example')), { vary: 'Origin' })
    assert.deepEqual(await cors(`${base}/sse?userID=1`, { headers: { Origin: 'https://evil.example' } }), ANY)
  })

  it('may not use a closed user-channel', async (t) => {
    const { base } = await closed(t)
    assert.deepEqual(await cors(`${base}/connections`, { headers: { Origin: APP } }), {})
    assert.deepEqual(await cors(`${base}/connections`, asking(APP)), {})
  })
})

/** All presets at one root, as `fanline start` mounts them unless it is told otherwise. */
function closed(t: TestContext, options: Readonly<Record<string, string>> = {}): Promise<Served> {
  return serve(
    t,
    { preset: ALL, ...options },
    { authenticator: firstOf([apiKey(KEY), jwt({ secret: SECRET })]), opensPresets: false },
  )
}

async function bearer(claims: JWTPayload): Promise<{ Authorization: string }> {
  const token = await new SignJWT({ exp: Math.floor(Date.now() / 1000) + 3600, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(SECRET))
  return { Authorization: `Bearer ${token}` }
}

/** A refusal: its content type, and its body where `MESSAGE` is what went wrong. */
const TEXT = ['text/plain; charset=utf-8', 'MESSAGE'] as const
const LINE = ['text/plain; charset=utf-8', 'MESSAGE\n'] as const
const ERROR = ['application/json', '{"error":"MESSAGE"}'] as const

describe('a closed preset', () => {
  const streams = [
    ['/sse?userID=7', TEXT],
    ['/sse?id=7', TEXT],
    ['/notifications?userID=7', LINE],
  ] as const
  const sends = [
    ['/send-to-user', '{"userID":"7","value":1}', ERROR],
    ['/ping/7', '', TEXT],
    ['/send', '{"userID":"7","message":"m"}', LINE],
  ] as const
  const figures = [
    ['/connections', ERROR],
    ['/metrics/system', ERROR],
    ['/metrics', LINE],
  ] as const

  const refuses = async (
    response: Response,
    status: number,
    [type, shape]: readonly [string, string],
    message: string,
  ): Promise<void> => {
    assert.equal(response.status, status, response.url)
    assert.equal(response.headers.get('content-type'), type, response.url)
    assert.equal(response.headers.get('www-authenticate'), status === 401 ? 'Bearer' : null)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    assert.equal(await response.text(), shape.replace('MESSAGE', message))
  }

  it('asks for a credential, in the words of its system', async (t) => {
    const { server, base } = await closed(t)
    for (const [path, shape] of [...streams, ...figures]) {
      await refuses(await fetch(base + path), 401, shape, 'A credential is needed.')
    }
    for (const [path, body, shape] of sends) {
      await refuses(await fetch(base + path, { method: 'POST', body }), 401, shape, 'A credential is needed.')
    }
    for (const path of ['/sse', '/ping']) assert.notEqual((await fetch(base + path)).status, 200)
    const headers = { Authorization: 'Bearer nonsense' }
    assert.equal((await fetch(`${base}/sse?userID=7`, { headers })).status, 401)
    assert.equal(server.hub.stats().opened, 0)
  })

  it('lets nobody be another user, send where they have no grant, or see figures', async (t) => {
    const { server, base } = await closed(t)
    const headers = await bearer({ sub: '8' })
    const other = await openStream(t, `${base}/sse?userID=8`, headers)
    assert.equal(other.status, 200)
    for (const [path, shape] of streams) {
      const refused = await fetch(base + path, { headers })
      await refuses(
        refused,
        403,
        shape,
        'The credential does not allow this. The credential is another user’s.',
      )
    }
    for (const [path, body, shape] of sends) {
      const refused = await fetch(base + path, { method: 'POST', body, headers })
      const [, grant] = /(No grant to [a-z ]+)\./.exec(await refused.clone().text()) ?? []
      await refuses(refused, 403, shape, `The credential does not allow this. ${grant}.`)
    }
    // Who may not send to somebody learns nothing about them either.
    const ping = await fetch(`${base}/ping/8`, { method: 'POST', headers })
    assert.equal(ping.status, 403)
    for (const [path, shape] of figures) {
      const refused = await fetch(base + path, { headers })
      await refuses(
        refused,
        403,
        shape,
        'The credential does not allow this. This needs the role viewer; the credential has no role.',
      )
    }
    assert.equal(server.hub.stats().opened, 1)
  })

  it('lets users listen as themselves, publishers send by their grants, and admins do everything', async (t) => {
    const { server, base } = await closed(t)
    const own = await bearer({ sub: '7' })
    const heard = await Promise.all(streams.map(([path]) => openStream(t, base + path, own)))
    await eventually(() => server.hub.connectionsOf('7') === 3, 'three streams')
    const publisher = await bearer({ fanline: { publish: ['@user:7'] } })
    const admin = { Authorization: `Bearer ${KEY}` }
    for (const headers of [publisher, admin]) {
      for (const [path, body] of sends) {
        const sent = await fetch(base + path, { method: 'POST', body, headers })
        assert.equal(sent.status, 200)
      }
    }
    for (const stream of heard) await stream.take(6)
    const elsewhere = await fetch(`${base}/send-to-user`, {
      method: 'POST',
      body: '{"userID":"8"}',
      headers: publisher,
    })
    assert.equal(elsewhere.status, 403)
    for (const [path] of figures)
      assert.equal((await fetch(base + path, { headers: admin })).status, 200, path)
    const anonymous = await openStream(t, `${base}/sse?id=`, own)
    assert.equal(anonymous.headers['x-client-id'], '7', 'without an id a stream is that of the token')
  })

  it('ends a stream with its credential', async (t) => {
    const { server, base } = await closed(t)
    const revoked = await openStream(t, `${base}/sse?id=7`, await bearer({ sub: '7', jti: 'one' }))
    const short = await bearer({ sub: '7', exp: Math.ceil(Date.now() / 1000) + 1 })
    const expiring = await openStream(t, `${base}/notifications?userID=7`, short)
    assert.deepEqual([revoked.status, expiring.status], [200, 200])
    await server.hub.revoke({ jti: 'one' })
    assert.equal(await revoked.over, true)
    assert.equal(await expiring.over, true)
  })

  it('holds no connection for a body that it does not read', async (t) => {
    const { server } = await closed(t)
    const socket = connect(server.port, '127.0.0.1')
    t.after(() => socket.destroy())
    let answer = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text
    })
    // Whoever is refused closes while we still write.
    socket.on('error', () => socket.destroy())
    socket.write('POST /send-to-user HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n')
    const trickle = setInterval(() => socket.write(' '), 100)
    t.after(() => clearInterval(trickle))
    const closedInTime = new Promise<boolean>((resolve) => {
      socket.once('close', () => resolve(true))
      AbortSignal.timeout(8000).onabort = () => resolve(false)
    })
    assert(await closedInTime)
    assert.match(answer, /^HTTP\/1\.1 401 .*"error":/s)
  })
})
