// A secret that is put wherever a token may sit, or might be put by mistake, is seen again nowhere.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { API_KEY, listenerToken, SECRET } from './testing/closed-server.ts'
import { openStream } from './testing/heard-stream.ts'
import { Program } from './testing/program.ts'
import { rawRequest } from './testing/raw-request.ts'

const COOKIE = 'session'
const SETTINGS = {
  FANLINE_JWT_SECRET: SECRET,
  FANLINE_API_KEY: API_KEY,
  FANLINE_JWT_COOKIE: COOKIE,
  FANLINE_JWT_TOKEN_IN_QUERY: 'true',
}
const BY_KEY = { Authorization: `Bearer ${API_KEY}` }
const GRANTS = { subscribe: ['orders.*'], publish: ['orders.*'] }
const ADMIN_PAGES = [
  '/metrics',
  '/v1/connections',
  '/v1/stats',
  '/v1/revocations',
  '/v1/system',
  '/readyz?verbose',
]

interface Asked {
  readonly method?: string | undefined
  readonly path: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
}

test('a credential that is refused is seen nowhere again', async (t) => {
  const nonsense = 'canary-0123456789-abcdefghijklmnopqrstuvwxyz'
  const claims = { sub: 'alice', fanline: GRANTS }
  const forged = await listenerToken(claims, 'the secret of somebody else, which is long too')
  const expired = await listenerToken({ ...claims, exp: 1 })
  const server = await startServer(t)
  const seen = new Everything(server)
  for (const canary of [nonsense, forged, expired]) {
    for (const asked of placesOf(canary)) {
      await seen.ask(asked)
      // Beside a good credential, so that the request is looked at further.
      await seen.ask({ ...asked, headers: { ...BY_KEY, ...asked.headers } })
    }
    for (const broken of brokenRequests(canary))
      seen.add('a broken request', await rawRequest(server.port, broken))
  }
  await seen.askAdminPages()
  await seen.end()
  for (const canary of [nonsense, forged, expired]) seen.mustNotShow(canary)
})

test('a credential that is accepted is seen nowhere again', async (t) => {
  const server = await startServer(t)
  const seen = new Everything(server)
  const token = await listenerToken({ sub: 'alice', jti: 'known', fanline: GRANTS })
  const issued = await respond(server.port, {
    method: 'POST',
    path: '/v1/tickets',
    headers: { Authorization: `Bearer ${token}` },
    body: '{"channels":["orders.1"]}',
  })
  const { ticket } = JSON.parse(await text(issued))
  const accepted: Asked[] = [
    { path: '', headers: { Authorization: `Bearer ${token}` } },
    { path: '', headers: { Cookie: `${COOKIE}=${token}` } },
    { path: `?token=${token}` },
    { path: `?ticket=${ticket}` },
    { path: '', headers: BY_KEY },
  ]
  for (const { path: query, headers } of accepted) {
    assert.equal(await seen.ask({ path: `/v1/events/orders.1${query}`, headers }), 200, query)
    for (const path of ['/v1/events/secrets', '/v1/channels/secrets/history', '/metrics', '/v1/nowhere']) {
      await seen.ask({ path: `${path}${query}`, headers })
    }
    await seen.ask({ method: 'POST', path: `/v1/publish${query}`, headers, body: '{"channel":"secrets"' })
    await seen.ask({ method: 'PATCH', path: `/v1/publish${query}`, headers })
  }
  await seen.askAdminPages()
  const revoke = { method: 'POST', path: '/v1/revocations', headers: BY_KEY, body: '{"jti":"known"}' }
  assert.equal(await seen.ask(revoke), 200)
  for (const { path: query, headers } of accepted) {
    await seen.ask({ path: `/v1/events/orders.1${query}`, headers })
  }
  await seen.askAdminPages()
  await seen.end()
  for (const secret of [token, ticket, API_KEY, SECRET]) seen.mustNotShow(secret)
})

test('what is published reaches those it is for, and no log and no figures', async (t) => {
  const canary = 'canary: what only alice may read'
  const server = await startServer(t)
  const url = `http://127.0.0.1:${server.port}`
  const stream = await openStream(t, `${url}/v1/events/orders.1`, BY_KEY)
  await stream.next()
  const publications = [
    { path: '/v1/publish', body: JSON.stringify({ channel: 'orders.1', data: canary }) },
    { path: '/v1/publish/orders.1', body: canary },
    { path: '/v1/publish', body: JSON.stringify({ channel: 'orders.1', data: 1, key: canary }) },
    { path: '/v1/publish', body: JSON.stringify({ channel: 'no name', data: canary }) },
    { path: '/v1/publish', body: JSON.stringify({ channel: 'orders.1', dada: canary }) },
  ]
  const seen = new Everything(server)
  for (const asked of publications) await seen.ask({ ...asked, method: 'POST', headers: BY_KEY })
  assert.deepEqual(
    (await stream.take(3)).map(({ data }) => data),
    [canary, canary, '1'],
  )
  await seen.askAdminPages()
  stream.leave()
  await seen.end()
  seen.mustNotShow(canary)
})

/** Where a token may sit, and where somebody might put one. */
function placesOf(canary: string): Asked[] {
  const headers: Readonly<Record<string, string>>[] = [
    { Authorization: `Bearer ${canary}` },
    { Authorization: canary },
    { Authorization: `Basic ${basic(canary)}` },
    { 'Proxy-Authorization': `Bearer ${canary}` },
    { Cookie: `${COOKIE}=${canary}` },
    { Cookie: `other=${canary}; ${COOKIE}=${canary}`, Origin: 'https://evil.example' },
    { 'X-API-Key': canary },
    { 'Last-Event-ID': canary },
    { 'Idempotency-Key': canary },
    { Origin: canary },
    { Origin: `https://${canary}` },
    { Accept: canary },
    { 'Content-Type': canary },
    { 'Content-Encoding': canary },
  ]
  const queries = [
    'token',
    'ticket',
    'access_token',
    'jwt',
    'api_key',
    'lastEventId',
    'since',
    'after',
    'limit',
  ]
  const routes = [
    { path: '/v1/events/orders.1' },
    { path: '/v1/channels/orders.1/history' },
    { method: 'POST', path: '/v1/publish', body: '{"channel":"orders.1"}' },
    { path: '/metrics' },
    { path: '/v1/nowhere' },
    { method: 'DELETE', path: '/livez' },
    { method: 'OPTIONS', path: '/v1/publish' },
  ]
  const bodies = [
    JSON.stringify({ token: canary }),
    JSON.stringify({ channels: ['orders.1'], origin: canary }),
    JSON.stringify({ channel: 'orders.1', data: 1, connection: canary }),
    JSON.stringify({ jti: canary, until: 'yesterday' }),
    JSON.stringify({ user: 'alice', issuedBefore: canary }),
    `{"token":"${canary}`,
    `${canary}`,
    `token=${canary}`,
  ]
  return [
    ...routes.flatMap((route) => [
      ...headers.map((one) => ({ ...route, headers: one })),
      ...queries.map((name) => ({ ...route, path: `${route.path}?${name}=${canary}` })),
    ]),
    ...['/v1/publish', '/v1/tickets', '/v1/connections/none/token', '/v1/revocations'].flatMap((path) =>
      bodies.map((body) => ({ method: 'POST', path, body })),
    ),
    ...bodies.map((body) => ({ method: 'PUT', path: '/v1/connections/none/channels', body })),
    // Names of channels and events are not among these: a refusal says which of them it is about.
    { path: `/${canary}` },
    { path: `/v1/${canary}` },
    { path: `/v1/events/orders.1/${canary}` },
    { method: 'POST', path: `/v1/connections/${canary}/token` },
    { method: 'DELETE', path: `/v1/connections/${canary}` },
    { method: 'DELETE', path: `/v1/users/${canary}/connections` },
    { method: 'DELETE', path: `/v1/revocations/${canary}` },
  ]
}

/** What node:http itself refuses. */
function brokenRequests(canary: string): string[] {
  return [
    `GET /v1/events?token=${canary} HTTP/9.9\r\nHost: a\r\n\r\n`,
    `GET /v1/events HTTP/1.1\r\nAuthorization: Bearer ${canary}\r\nbroken\u0001: ${canary}\r\n\r\n`,
    `GET /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${canary.repeat(1000)}\r\n\r\n`,
    `${canary}\r\n\r\n`,
  ]
}

function basic(canary: string): string {
  return btoa(`alice:${canary}`)
}

interface StartedServer {
  readonly program: Program
  readonly port: number
}

async function startServer(t: TestContext): Promise<StartedServer> {
  const args = ['start', '--port', '0', '--log-level', 'debug']
  const program = new Program(t, args, { env: SETTINGS })
  const [, port] = await program.prints(/"port":(\d+)/)
  return { program, port: Number(port) }
}

/** All that a server lets see of itself. */
class Everything {
  readonly #server: StartedServer
  readonly #shown: { readonly place: string; readonly text: string }[] = []
  readonly #streams: Promise<void>[] = []

  constructor(server: StartedServer) {
    this.#server = server
  }

  add(place: string, text: string): void {
    this.#shown.push({ place, text })
  }

  /** Asks, and keeps the head and the body of the answer; of a stream all that comes until it ends. */
  async ask(asked: Asked): Promise<number | undefined> {
    const response = await respond(this.#server.port, asked)
    const place = JSON.stringify(asked)
    this.add(place, JSON.stringify(response.rawHeaders))
    const body = text(response).then((all) => this.add(place, all))
    if (response.headers['content-type'] === 'text/event-stream') this.#streams.push(body)
    else await body
    return response.statusCode
  }

  async askAdminPages(): Promise<void> {
    for (const path of ADMIN_PAGES) assert.equal(await this.ask({ path, headers: BY_KEY }), 200, path)
  }

  /** Ends the server, and with it its streams and its log. */
  async end(): Promise<void> {
    const { program } = this.#server
    program.signal('SIGTERM')
    assert.equal(await program.exitCode, 0)
    await Promise.all(this.#streams)
    assert.match(program.stdout, /"path":"\/v1\/[^"]+","status":\d+/, 'requests were logged')
    this.add('standard output', program.stdout)
    this.add('standard error', program.stderr)
  }

  mustNotShow(secret: string): void {
    for (const { place, text } of this.#shown) {
      for (const trace of [secret, basic(secret), secret.split('.').at(-1) as string]) {
        assert.ok(!text.includes(trace), `${place}: ${text.slice(0, 2000)}`)
      }
    }
  }
}

async function respond(port: number, { method, path, headers, body }: Asked): Promise<IncomingMessage> {
  const asking = request({
    host: '127.0.0.1',
    port,
    path,
    agent: false,
    method: method ?? 'GET',
    headers: headers ?? {},
  })
  asking.end(body)
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  return response
}
