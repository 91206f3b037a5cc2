// What a page of another origin is told: nothing, whatever it asks for, and however that is answered.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { test } from 'node:test'
import { NATIVE_ROUTES } from '@fanline/hub/routes'
import { APP_ROUTES } from './app.ts'
import { API_KEY, closedServer } from './testing/closed-server.ts'

const LISTED = ['https://app.example', 'http://localhost:5173']
const LIMITS = { 'limits.bodyBytes': '4096', 'limits.dataBytes': '2048' }
const OPTIONS = { ...LIMITS, 'cors.origins': LISTED.join(',') }

const FOREIGN = [
  'null',
  'https://evil.example',
  // Near a listed name.
  'https://app.example.evil.example',
  'https://evil-app.example',
  'https://evilapp.example',
  'https://sub.app.example',
  'https://example',
  'https://app.exampl',
  'https://app_example',
  // The name, but not the origin.
  'http://app.example',
  'wss://app.example',
  'https://app.example:443',
  'https://app.example:8443',
  'http://localhost',
  'http://localhost:51730',
  'https://APP.example',
  'HTTPS://app.example',
  'https://app.example.',
  'https://app.example/',
  'https://app.example/path',
  'https://user@app.example',
  'https://app.example@evil.example',
  'https://app.example https://evil.example',
  'https://app.example,https://evil.example',
  'https://app.example, http://localhost:5173',
  'https://app.ex\u00e4mple',
  'app.example',
  '*',
  '',
]

interface Asked {
  readonly method: string
  readonly path: string
  readonly body?: string
  /** Without it, nobody is asking who is known. */
  readonly hasKey: boolean
  /** Left out where it depends on the route. */
  readonly status?: number
}

const ANSWERS: readonly Asked[] = [
  { method: 'GET', path: '/v1/events/orders', hasKey: true, status: 200 },
  { method: 'GET', path: '/v1/stats', hasKey: true, status: 200 },
  { method: 'POST', path: '/v1/publish', body: '{"channel":"orders","data":1}', hasKey: true, status: 200 },
  { method: 'GET', path: '/v1/events/no%20name', hasKey: true, status: 400 },
  { method: 'GET', path: '/v1/events/orders', hasKey: false, status: 401 },
  { method: 'DELETE', path: '/v1/connections/none', hasKey: true, status: 404 },
  { method: 'GET', path: '/v1/nowhere', hasKey: true, status: 404 },
  { method: 'PATCH', path: '/v1/publish', hasKey: true, status: 405 },
  { method: 'POST', path: '/v1/publish/orders', body: 'x'.repeat(3000), hasKey: true, status: 413 },
  { method: 'POST', path: '/v1/publish', body: 'x'.repeat(5000), hasKey: true, status: 413 },
  { method: 'POST', path: '/v1/publish', body: '{}', hasKey: true, status: 422 },
  { method: 'OPTIONS', path: '/v1/publish', hasKey: false, status: 204 },
]

/** Every route, and its preflight. */
const ROUTES: readonly Asked[] = [...NATIVE_ROUTES, ...APP_ROUTES].flatMap(({ method, path }) => [
  { method, path: path.replace('*', 'orders'), hasKey: true },
  { method: 'OPTIONS', path: path.replace('*', 'orders'), hasKey: false },
])

for (const [what, options] of [
  ['some origins are listed', OPTIONS],
  ['no origin is listed', LIMITS],
] as const) {
  test(`a page of a foreign origin may read no answer of any route, where ${what}`, async (t) => {
    const { port } = await closedServer(t, options)
    for (const origin of options === OPTIONS ? FOREIGN : [...FOREIGN, ...LISTED]) {
      for (const asked of [...ANSWERS, ...ROUTES]) {
        const { statusCode, headers } = await ask(port, asked, origin)
        const about = `${asked.method} ${asked.path} from ${JSON.stringify(origin)}`
        if (asked.status !== undefined) assert.equal(statusCode, asked.status, about)
        const told = Object.keys(headers).filter((name) => name.startsWith('access-control-'))
        assert.deepEqual(told, [], about)
        // Or a cache would give a page of a listed origin what was answered to this one.
        if (options === OPTIONS && asked.path.startsWith('/v1/'))
          assert.match(headers.vary ?? '', /\bOrigin\b/, about)
      }
    }
  })
}

test('a page of a listed origin may read every answer of the API, and caches keep it apart', async (t) => {
  const { port } = await closedServer(t, OPTIONS)
  for (const origin of LISTED) {
    for (const asked of ANSWERS) {
      const { statusCode, headers } = await ask(port, asked, origin)
      const about = `${asked.method} ${asked.path} from ${origin}`
      assert.equal(statusCode, asked.status, about)
      assert.equal(headers['access-control-allow-origin'], origin, about)
      assert.equal(headers['access-control-allow-credentials'], 'true', about)
      assert.match(headers.vary ?? '', /\bOrigin\b/, about)
    }
  }
})

async function ask(
  port: number,
  { method, path, body, hasKey }: Asked,
  origin: string,
): Promise<IncomingMessage> {
  const asking = request({
    host: '127.0.0.1',
    port,
    method,
    path,
    agent: false,
    headers: {
      Origin: Buffer.from(origin).toString('latin1'),
      ...(hasKey ? { Authorization: `Bearer ${API_KEY}` } : {}),
      ...(method === 'OPTIONS' ? { 'Access-Control-Request-Method': 'POST' } : {}),
    },
  })
  asking.end(body)
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  response.destroy()
  return response
}
