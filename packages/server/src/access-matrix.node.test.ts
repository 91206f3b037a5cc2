// Every route with every kind of credential. A route without a row fails here, so that none comes in without a thought.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, METHODS, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import type { Hub, HubStats } from '@fanline/hub'
import { NATIVE_ROUTES } from '@fanline/hub/routes'
import { ROLES, type Role } from '@fanline/protocol'
import { type JWTPayload, SignJWT } from 'jose'
import { APP_ROUTES } from './app.ts'
import type { RunningServer } from './compose.ts'
import { API_KEY, closedServer, listenerToken } from './testing/closed-server.ts'
import { openStream } from './testing/heard-stream.ts'

/** What a route needs to find: a stream of alice that follows `orders.1`, one that runs in it, and a revocation. */
interface Stage {
  readonly connection: string
  readonly revocation: string
  /** The id of one that is remembered. */
  readonly event: string
}

interface Row {
  /** What stands for the `*` of the route. */
  readonly part?: (stage: Stage) => string
  readonly query?: string
  readonly body?: unknown
  /** A good token, but not for this, and how it is refused: with 403 and this code. */
  readonly ungranted: readonly [JWTPayload, code: string]
  /** What a token needs here, and no more. */
  readonly right: JWTPayload
  /** The least role that is enough without any grant. */
  readonly least: Role
  /** How lesser roles are refused, unless as the ungranted. */
  readonly lesser?: string
}

const LISTENER: JWTPayload = { sub: 'alice', fanline: { subscribe: ['orders.*'] } }
const PUBLISHER: JWTPayload = { sub: 'alice', fanline: { publish: ['orders.*'] } }
const OTHER_LISTENER: JWTPayload = { sub: 'alice', fanline: { subscribe: ['news'], publish: ['**'] } }
const ADMIN: JWTPayload = { fanline: { admin: true } }
/** Has every grant, and no role. */
const NO_ROLE: JWTPayload = {
  sub: 'alice',
  fanline: { subscribe: ['**'], publish: ['**', '@all', '@user:*'], admin: false },
}
const ofRole = (least: Role): Pick<Row, 'ungranted' | 'right' | 'least'> => {
  return { ungranted: [NO_ROLE, 'forbidden'], right: { fanline: { role: least } }, least }
}

/** What answers whoever asks, or whoever has a credential, and what is not there at all. */
const STATUS_OF_REFUSED = { 'for everybody': 200, 'for whoever has a credential': 401, 'in dev mode': 404 }

const MATRIX: Readonly<Record<string, Row | keyof typeof STATUS_OF_REFUSED>> = {
  'POST /v1/publish': {
    body: { channel: 'orders.1', data: 1 },
    ungranted: [LISTENER, 'forbidden'],
    right: PUBLISHER,
    least: 'operator',
  },
  'POST /v1/publish/*': {
    part: () => 'orders.1',
    body: 'data',
    ungranted: [LISTENER, 'forbidden'],
    right: PUBLISHER,
    least: 'operator',
  },
  'GET /v1/events': {
    query: '?channel=orders.1',
    ungranted: [OTHER_LISTENER, 'channel-forbidden'],
    right: LISTENER,
    least: 'viewer',
  },
  'GET /v1/events/*': {
    part: () => 'orders.1',
    ungranted: [OTHER_LISTENER, 'channel-forbidden'],
    right: LISTENER,
    least: 'viewer',
  },
  'GET /v1/channels/*/history': {
    part: () => 'orders.1',
    ungranted: [OTHER_LISTENER, 'channel-forbidden'],
    right: LISTENER,
    least: 'viewer',
  },
  'GET /v1/streams/*': {
    part: () => 'orders.1',
    ungranted: [OTHER_LISTENER, 'channel-forbidden'],
    right: LISTENER,
    least: 'viewer',
  },
  'DELETE /v1/streams/*': {
    part: () => 'orders.1',
    ungranted: [LISTENER, 'forbidden'],
    right: PUBLISHER,
    least: 'operator',
  },
  'POST /v1/tickets': {
    body: { channels: ['orders.1'] },
    ungranted: [OTHER_LISTENER, 'channel-forbidden'],
    right: LISTENER,
    least: 'viewer',
  },
  'POST /v1/connections/*/token': {
    part: ({ connection }) => connection,
    ungranted: [{ ...NO_ROLE, sub: 'mallory' }, 'user-mismatch'],
    right: LISTENER,
    least: 'admin',
  },
  'PUT /v1/connections/*/channels': {
    part: ({ connection }) => connection,
    body: { channels: ['orders.2'] },
    ungranted: [OTHER_LISTENER, 'channel-forbidden'],
    right: LISTENER,
    least: 'admin',
    lesser: 'user-mismatch',
  },
  'GET /v1/access': 'for whoever has a credential',
  'GET /v1/stats': ofRole('viewer'),
  'GET /v1/connections': ofRole('viewer'),
  'DELETE /v1/connections/*': { part: ({ connection }) => connection, ...ofRole('operator') },
  'GET /v1/channels': ofRole('viewer'),
  'GET /v1/users': ofRole('viewer'),
  'GET /v1/users/*': { part: () => 'alice', ...ofRole('viewer') },
  'DELETE /v1/users/*/connections': { part: () => 'alice', ...ofRole('operator') },
  'GET /v1/trace/*': { part: ({ event }) => event, ...ofRole('viewer') },
  'GET /v1/revocations': ofRole('viewer'),
  'POST /v1/revocations': { body: { jti: 'some token' }, ...ofRole('operator') },
  'DELETE /v1/revocations/*': { part: ({ revocation }) => revocation, ...ofRole('admin') },
  'GET /livez': 'for everybody',
  'GET /readyz': 'for everybody',
  'GET /openapi.json': 'for everybody',
  'GET /asyncapi.json': 'for everybody',
  'GET /docs': 'for everybody',
  'GET /metrics': ofRole('viewer'),
  'GET /v1/system': ofRole('viewer'),
  'GET /v1/config': ofRole('viewer'),
  'GET /v1/inspect': ofRole('viewer'),
  'POST /demo/task': 'in dev mode',
}

const AUDIENCE = 'push'
/** Signs its tokens with RSA, and stands beside the secret. */
const ISSUER = 'https://id.example'
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PUBLIC_PEM = publicKey.export({ type: 'spki', format: 'pem' }) as string

/** A credential that is refused everywhere: what it is made of has all that a route asks for. */
interface Refusal {
  readonly name: string
  readonly code: string
  readonly authorization: (claims: JWTPayload) => Promise<string | undefined>
}

const REVOKED = 'a-revoked-token'

const REFUSALS: readonly Refusal[] = [
  { name: 'no credential', code: 'unauthorized', authorization: async () => undefined },
  {
    name: 'another scheme',
    code: 'unauthorized',
    authorization: async () => `Basic ${btoa(`alice:${API_KEY}`)}`,
  },
  { name: 'no token at all', code: 'token-invalid', authorization: async () => 'Bearer nonsense' },
  {
    name: 'a key that is nearly right',
    code: 'token-invalid',
    authorization: async () => `Bearer ${API_KEY.slice(0, -1)}`,
  },
  {
    name: 'a wrong token',
    code: 'token-invalid',
    authorization: (claims) => bearer(pushToken(claims, 'the secret of somebody else, which is long too')),
  },
  {
    name: 'an expired token',
    code: 'token-expired',
    authorization: (claims) => bearer(pushToken({ ...claims, exp: Math.floor(Date.now() / 1000) - 1 })),
  },
  {
    name: 'a token for another audience',
    code: 'token-invalid',
    authorization: (claims) => bearer(pushToken({ ...claims, aud: 'shop' })),
  },
  {
    name: 'a token with alg none',
    code: 'token-invalid',
    authorization: async (claims) => `Bearer ${unsignedToken(claims)}`,
  },
  {
    name: 'an HS256 token signed with the public key',
    code: 'token-invalid',
    authorization: (claims) => bearer(pushToken({ ...claims, iss: ISSUER }, PUBLIC_PEM)),
  },
  {
    name: 'an HS256 token signed with the public key that names no issuer',
    code: 'token-invalid',
    authorization: (claims) => bearer(pushToken(claims, PUBLIC_PEM)),
  },
  {
    name: 'a revoked token',
    code: 'token-revoked',
    authorization: (claims) => bearer(pushToken({ ...claims, jti: REVOKED })),
  },
]

test('every route has a row, and every row a route', () => {
  const routes = [...NATIVE_ROUTES, ...APP_ROUTES].map(({ method, path }) => `${method} ${path}`)
  assert.deepEqual(Object.keys(MATRIX).sort(), routes.sort())
})

describe('every route answers every credential as documented', () => {
  for (const [route, row] of Object.entries(MATRIX)) {
    const [method = '', path = ''] = route.split(' ')
    if (typeof row === 'string') {
      test(route, async (t) => {
        const { port, hub } = await serverOfTwoIssuers(t)
        await hub.revoke({ jti: REVOKED })
        for (const { name, authorization } of REFUSALS) {
          const answer = await ask(port, method, path, await authorization(ADMIN))
          assert.equal(answer.status, STATUS_OF_REFUSED[row], name)
        }
        if (row !== 'for whoever has a credential') return
        assert.equal((await ask(port, method, path, await bearer(pushToken(LISTENER)))).status, 200)
      })
      continue
    }

    test(route, async (t) => {
      const server = await serverOfTwoIssuers(t)
      let stage = await setStage(t, server)
      const answerTo = (authorization: string | undefined): Promise<Answer> => {
        const address = `${path.replace('*', row.part?.(stage) ?? '')}${row.query ?? ''}`
        return ask(server.port, method, address, authorization, row.body)
      }

      const before = stateOf(server)
      for (const { name, code, authorization } of REFUSALS) {
        assert.deepEqual(await answerTo(await authorization(row.right)), { status: 401, code }, name)
      }
      const [ungranted, code] = row.ungranted
      assert.deepEqual(await answerTo(await bearer(pushToken(ungranted))), { status: 403, code })
      const lesser = row.lesser ?? code
      const isLesser = (role: Role): boolean => ROLES.indexOf(role) < ROLES.indexOf(row.least)
      for (const role of ROLES.filter(isLesser)) {
        assert.deepEqual(await answerTo(await tokenOf(role)), { status: 403, code: lesser }, role)
      }
      assert.deepEqual(stateOf(server), before, 'a request that is refused changes nothing')

      const greater = ROLES.filter((role) => !isLesser(role))
      for (const authorization of [
        ...(await Promise.all(greater.map(tokenOf))),
        await bearer(pushToken(row.right)),
        await bearer(rs256Token(row.right)),
        `Bearer ${API_KEY}`,
      ]) {
        assert.deepEqual(await answerTo(authorization), { status: 200, code: undefined })
        stage = await setStage(t, server)
      }
    })
  }
})

describe('a path answers its own methods and no others', () => {
  for (const [path, methods] of methodsByPath()) {
    test(path, async (t) => {
      const server = await serverOfTwoIssuers(t)
      if (methods.every((method) => MATRIX[`${method} ${path}`] === 'in dev mode')) return
      const stage = await setStage(t, server)
      const before = stateOf(server)
      const address = path.replace('*', stage.connection)
      const allow = methods.join(', ')
      const documented = methods.includes('GET') ? [...methods, 'HEAD'] : methods
      for (const method of METHODS.filter((name) => name !== 'CONNECT' && !documented.includes(name))) {
        const { statusCode, headers } = await respond(server.port, method, address, {})
        assert.equal(statusCode, method === 'OPTIONS' ? 204 : 405, method)
        assert.equal(headers.allow, allow, method)
      }
      assert.deepEqual(stateOf(server), before)
    })
  }
})

test('reading changes nothing, whatever method a request claims to have', async (t) => {
  const server = await serverOfTwoIssuers(t)
  const stage = await setStage(t, server)
  const before = stateOf(server)
  for (const [path, methods] of methodsByPath()) {
    for (const part of [stage.connection, stage.revocation, 'alice', 'orders.1']) {
      for (const method of ['GET', 'HEAD']) {
        const claimed = methods.find((name) => name !== 'GET') ?? 'DELETE'
        const address = `${path.replace('*', part)}?_method=${claimed}&channel=orders.1&data=1&jti=x`
        const headers = { Authorization: `Bearer ${API_KEY}`, 'X-HTTP-Method-Override': claimed }
        const response = await respond(server.port, method, address, headers)
        assert.ok([200, 204, 404, 405].includes(response.statusCode ?? 0), `${method} ${address}`)
      }
    }
  }
  // The streams that were opened have left again, or will in a moment.
  const after = stateOf(server)
  assert.deepEqual(after.connections[0], before.connections[0])
  assert.deepEqual(after.revocations, before.revocations)
  assert.deepEqual([after.published, after.head], [before.published, before.head])
})

function serverOfTwoIssuers(t: TestContext): Promise<RunningServer> {
  const other = { issuer: ISSUER, audience: AUDIENCE, publicKey: PUBLIC_PEM }
  return closedServer(t, { 'jwt.audience': AUDIENCE, 'jwt.issuers': JSON.stringify([other]) })
}

async function setStage(t: TestContext, { port, hub }: RunningServer): Promise<Stage> {
  await hub.revoke({ jti: REVOKED })
  const { id } = await hub.revoke({ jti: 'to be lifted' })
  await hub.cancelStream('orders.1')
  await hub.stream('orders.1', new ReadableStream())
  const stream = await openStream(t, `http://127.0.0.1:${port}/v1/events/orders.1`, {
    Authorization: await bearer(pushToken(LISTENER)),
  })
  const { data } = await stream.next()
  const { id: event } = await hub.publish({ channel: 'orders.2', data: 1 })
  return { connection: JSON.parse(data).connection, revocation: id, event: String(event) }
}

/** Everything that a request could change. */
interface State extends Pick<HubStats, 'published' | 'head' | 'opened' | 'closed'> {
  readonly connections: readonly { readonly id: string; readonly channels: readonly string[] }[]
  readonly revocations: ReturnType<Hub['revocations']>
}

function stateOf({ hub }: RunningServer): State {
  const { published, head, opened, closed } = hub.stats()
  const connections = [...hub.connections()].map(({ id, channels }) => ({ id, channels }))
  return { published, head, opened, closed, connections, revocations: hub.revocations() }
}

function methodsByPath(): Map<string, string[]> {
  const byPath = new Map<string, string[]>()
  for (const { method, path } of [...NATIVE_ROUTES, ...APP_ROUTES]) {
    byPath.set(path, [...(byPath.get(path) ?? []), method])
  }
  return byPath
}

interface Answer {
  readonly status: number | undefined
  /** Of a problem. */
  readonly code: string | undefined
}

async function ask(
  port: number,
  method: string,
  path: string,
  authorization: string | undefined,
  body?: unknown,
): Promise<Answer> {
  const headers = authorization === undefined ? {} : { Authorization: authorization }
  const response = await respond(port, method, path, headers, body)
  const { statusCode: status } = response
  if (status === 200) return { status, code: undefined }
  return { status, code: JSON.parse(await text(response)).code }
}

/** The head of an answer; what follows is not waited for when it is a stream. */
async function respond(
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: unknown,
): Promise<IncomingMessage> {
  const asking = request({ port, host: '127.0.0.1', method, path, headers, agent: false })
  asking.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  if (response.headers['content-type'] === 'text/event-stream') response.destroy()
  return response
}

/** Somebody with a role, no user and no grant. */
function tokenOf(role: Role): Promise<string> {
  return bearer(pushToken({ fanline: { role } }))
}

async function bearer(token: Promise<string>): Promise<string> {
  return `Bearer ${await token}`
}

function pushToken(claims: JWTPayload, secret?: string): Promise<string> {
  return listenerToken({ aud: AUDIENCE, ...claims }, secret)
}

function rs256Token(claims: JWTPayload): Promise<string> {
  return new SignJWT({ exp: inAMinute(), aud: AUDIENCE, iss: ISSUER, ...claims })
    .setProtectedHeader({ alg: 'RS256' })
    .sign(privateKey)
}

function unsignedToken(claims: JWTPayload): string {
  const payload = { exp: inAMinute(), aud: AUDIENCE, ...claims }
  const parts = [{ alg: 'none', typ: 'JWT' }, payload].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return `${parts.join('.')}.`
}

function inAMinute(): number {
  return Math.floor(Date.now() / 1000) + 60
}
