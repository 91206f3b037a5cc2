import assert from 'node:assert/strict'
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { pipeline, Readable } from 'node:stream'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { ProblemError } from '@fanline/protocol'
import { type JWK, SignJWT } from 'jose'
import type { Access, CredentialSource } from '../authenticator.ts'
import { inTime } from '../testing/deadline.ts'
import { KeyServer } from '../testing/key-server.ts'
import { doors, withHub } from '../testing/served-hub.ts'
import { json } from '../testing/stream-client.ts'
import { type TokenMaker, tokenMaker } from '../testing/token-maker.ts'
import { type JwtOptions, jwt } from './jwt.ts'

const CLAIMS = { iss: 'https://id.example', aud: 'hub' }
const COOL_DOWN_MS = 30_000
const MAX_AGE_MS = 600_000

describe('a JWK set by URL', () => {
  let server: KeyServer
  let now: number
  let problems: string[]
  let ask: (token: string) => Promise<Access>

  beforeEach(async () => {
    server = await KeyServer.start()
    now = Date.now()
    problems = []
    ask = authenticator({ ...CLAIMS_OPTIONS, jwksUrl: server.url })
  })
  afterEach(() => server.close())

  function authenticator(options: JwtOptions): (token: string) => Promise<Access> {
    const authenticate = jwt({
      clock: { now: () => now },
      onProblem: ({ message }) => problems.push(message),
      ...options,
    })
    return async (token) => {
      const access = await authenticate(bearer(token))
      assert.ok(access)
      return access
    }
  }

  it('is fetched once for many tokens at once, and not before the first', async () => {
    const maker = await published('a')
    const tokens = await Promise.all(['1', '2', '3'].map((sub) => maker.sign({ ...CLAIMS, sub })))
    assert.equal(server.requests, 0)
    const users = await Promise.all(tokens.map(async (token) => (await ask(token)).user))
    assert.deepEqual(users, ['1', '2', '3'])
    assert.equal(server.requests, 1)
  })

  it('is fetched again when a token names a key that is new', async () => {
    const old = await published('old')
    await ask(await old.sign(CLAIMS))
    const fresh = await tokenMaker('RS256', 'fresh')
    server.publish(old.publicKey, fresh.publicKey)
    now += COOL_DOWN_MS
    assert.ok(await ask(await fresh.sign({ ...CLAIMS, exp: inAnHour() })))
    assert.equal(server.requests, 2)
  })

  it('is fetched at most once in a cool-down, however many keys are named', async () => {
    const maker = await published('a')
    await ask(await maker.sign({ ...CLAIMS, exp: inAnHour() }))
    for (let i = 1; i <= 3; i++) {
      now += COOL_DOWN_MS
      const tokens = await Promise.all(
        Array.from({ length: 50 }, (_, n) => maker.sign(CLAIMS, { kid: `${i}-${n}` })),
      )
      for (const token of tokens.slice(0, 25)) await refused(ask(token), 'token-invalid', /"kid"/)
      now += COOL_DOWN_MS - 1
      await Promise.all(tokens.slice(25).map((token) => refused(ask(token), 'token-invalid', /"kid"/)))
      assert.equal(server.requests, 1 + i)
      now += 1 - COOL_DOWN_MS
    }
  })

  it('cools down after a failure, too', async () => {
    const maker = await published('a')
    await ask(await maker.sign({ ...CLAIMS, exp: inAnHour() }))
    server.answer = (res) => res.writeHead(500).end()
    now += COOL_DOWN_MS
    const unknown = await maker.sign({ ...CLAIMS, exp: inAnHour() }, { kid: 'unknown' })
    for (let i = 0; i < 10; i++) await refused(ask(unknown), 'token-invalid', /"kid"/)
    assert.equal(server.requests, 2)
    assert.equal(problems.length, 1)
    assert.match(problems[0]!, /127\.0\.0\.1:\d+\/keys: it answered 500, not 200/)
  })

  it('is kept when it cannot be fetched again', async () => {
    const maker = await published('a')
    const token = await maker.sign({ ...CLAIMS, exp: inAnHour() })
    await ask(token)
    server.answer = (res) => res.writeHead(503).end()
    now += 3 * MAX_AGE_MS
    assert.ok(await ask(token))
    assert.ok(await ask(await maker.sign({ ...CLAIMS, exp: inAnHour(), sub: '2' })))
    assert.equal(server.requests, 2)
    assert.equal(problems.length, 1)
  })

  it('is fetched again in the background when it is old', async () => {
    const maker = await published('a')
    const token = await maker.sign({ ...CLAIMS, exp: inAnHour() })
    const before = await remembered(token)
    const asked = new Promise<void>((resolve) => {
      // Never answered: whoever waited for it would wait here.
      server.answer = () => resolve()
    })
    now += MAX_AGE_MS
    assert.equal(await ask(token), before)
    assert.equal(server.requests, 1)
    now += 1
    assert.equal(await inTime(ask(token), () => 'an answer without the new set'), before)
    await asked
    assert.equal(server.requests, 2)
  })

  it('is waited for when nobody has asked for long', async () => {
    const withdrawn = await published('withdrawn')
    const token = await withdrawn.sign({ ...CLAIMS, exp: inAnHour() })
    await remembered(token)
    server.publish((await tokenMaker('ES256', 'other')).publicKey)
    now += 2 * MAX_AGE_MS + 1
    await refused(ask(token), 'token-invalid', /"kid"/)
  })

  it('takes with it what was verified with the set before', async () => {
    const old = await published('old')
    const token = await old.sign({ ...CLAIMS, exp: inAnHour() })
    const before = await remembered(token)
    assert.equal(await ask(token), before)
    const fresh = await tokenMaker('ES256', 'fresh')
    server.publish(fresh.publicKey)
    now += COOL_DOWN_MS
    assert.ok(await ask(await fresh.sign({ ...CLAIMS, exp: inAnHour() })))
    await refused(ask(token), 'token-invalid', /"kid"/)
  })

  it('leaves alone what was verified when it has stayed the same', async () => {
    const maker = await published('a')
    const token = await maker.sign({ ...CLAIMS, exp: inAnHour() })
    const before = await remembered(token)
    now += COOL_DOWN_MS
    await refused(ask(await maker.sign(CLAIMS, { kid: 'unknown' })), 'token-invalid', /"kid"/)
    assert.equal(server.requests, 2)
    assert.equal(await ask(token), before)
  })

  it('answers 503 until it was fetched for the first time', async () => {
    const maker = await tokenMaker('ES256', 'a')
    const token = await maker.sign({ ...CLAIMS, exp: inAnHour() })
    for (let i = 0; i < 3; i++) {
      const problem = await refused(ask(token), 'keys-unavailable')
      assert.equal(problem.status, 503)
      assert.equal(problem.toBody().retryable, true)
      assert.equal(problem.headers['Retry-After'], '5')
      assert.equal(problem.detail, undefined)
    }
    assert.equal(server.requests, 1)
    server.publish(maker.publicKey)
    now += 5000
    assert.ok(await ask(token))
  })

  it('is not looked for elsewhere: no redirect is followed', async () => {
    const maker = await tokenMaker('ES256', 'a')
    const elsewhere = await KeyServer.start()
    try {
      elsewhere.publish(maker.publicKey)
      for (const status of [301, 302, 303, 307, 308]) {
        server.answer = (res) => res.writeHead(status, { Location: elsewhere.url }).end()
        await refused(ask(await maker.sign({ ...CLAIMS, exp: inAnHour() })), 'keys-unavailable')
        now += COOL_DOWN_MS
      }
      assert.equal(elsewhere.requests, 0)
      assert.equal(server.requests, 5)
      assert.match(problems[0]!, /it answered 301, not 200/)
    } finally {
      await elsewhere.close()
    }
  })

  it('is not read any further than to its bound', async () => {
    const sent = endlessBody()
    await refused(ask(await (await tokenMaker()).sign(CLAIMS)), 'keys-unavailable')
    assert.match(problems[0]!, /it is larger than 256 KiB/)
    // What the sockets hold on the way comes on top.
    assert.ok((await sent) < 16 * 1024 * 1024, `${await sent} bytes of 100 MiB were taken`)
  })

  it('takes at most five seconds', async () => {
    const token = await (await tokenMaker()).sign(CLAIMS)
    const dripping = await KeyServer.start()
    try {
      server.answer = () => undefined
      dripping.answer = (res) => {
        res.writeHead(200)
        const drip = setInterval(() => res.write(' '), 100)
        res.once('close', () => clearInterval(drip))
      }
      const askDripping = authenticator({ ...CLAIMS_OPTIONS, jwksUrl: dripping.url })
      await Promise.all([
        refused(ask(token), 'keys-unavailable'),
        refused(askDripping(token), 'keys-unavailable'),
      ])
      assert.deepEqual(
        problems.map((text) => /it took too long/.test(text)),
        [true, true],
      )
    } finally {
      await dripping.close()
    }
  })

  for (const [what, body, reason] of [
    ['no JSON', '<html>', /it is not JSON/],
    ['no set', '{"kty":"EC"}', /it is no JWK set/],
    ['nothing', 'null', /it is no JWK set/],
    ['a list of other things', '{"keys":["a"]}', /it is no JWK set/],
  ] as const) {
    it(`is not replaced by ${what}`, async () => {
      const maker = await published('a')
      const token = await maker.sign({ ...CLAIMS, exp: inAnHour() })
      await ask(token)
      server.answer = (res) => res.end(body)
      now += 2 * MAX_AGE_MS + 1
      assert.ok(await ask(token))
      assert.match(problems[0]!, reason)
    })
  }

  it('may hold keys that are of no use, and they are as if not there', async () => {
    const [maker, encrypting] = [await tokenMaker('ES256', 'a'), await tokenMaker('ES256', 'encrypting')]
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const secret = 'x'.repeat(32)
    server.publish(
      { ...(weak.publicKey.export({ format: 'jwk' }) as JWK), kid: 'weak' },
      { kty: 'oct', k: btoa(secret), kid: 'secret', alg: 'HS256' },
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'broken' },
      { ...encrypting.publicKey, use: 'enc' },
      maker.publicKey,
    )
    assert.ok(await ask(await maker.sign(CLAIMS)))
    const claims = { ...CLAIMS, exp: inAnHour() }
    await refused(ask(rs256({ kid: 'weak' }, claims, weak.privateKey)), 'token-invalid', /"kid"/)
    await refused(ask(await maker.sign(claims, { kid: 'broken' })), 'token-invalid', /"kid"/)
    await refused(ask(await encrypting.sign(claims)), 'token-invalid', /"kid"/)
    const symmetric = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'secret' })
    await refused(ask(await symmetric.sign(new TextEncoder().encode(secret))), 'token-invalid', /algorithm/)
    assert.deepEqual(problems, [])
  })

  it('needs a kid when several keys fit', async () => {
    const [a, b] = [await tokenMaker('ES256', 'a'), await tokenMaker('ES256', 'b')]
    server.publish(a.publicKey, b.publicKey)
    const unnamed = await tokenMaker('ES256')
    await refused(ask(await unnamed.sign(CLAIMS)), 'token-invalid', /needs a "kid"/)
    assert.ok(await ask(await b.sign(CLAIMS)))
  })

  it('is that of one issuer alone, also when another has a key of the same name', async () => {
    const others = await KeyServer.start()
    try {
      const [ours, theirs] = [await tokenMaker('ES256', 'same'), await tokenMaker('ES256', 'same')]
      server.publish(ours.publicKey)
      others.publish(theirs.publicKey)
      const both = authenticator({
        issuers: [
          { issuer: 'ours', audience: 'hub', jwksUrl: server.url },
          { issuer: 'theirs', audience: 'hub', jwksUrl: others.url, userPrefix: 'theirs:' },
        ],
      })
      const claims = { aud: 'hub', sub: '42' }
      assert.equal((await both(await ours.sign({ ...claims, iss: 'ours' }))).user, '42')
      assert.equal(others.requests, 0, 'nobody asks an issuer about tokens of another')
      assert.equal((await both(await theirs.sign({ ...claims, iss: 'theirs' }))).user, 'theirs:42')
      await refused(both(await theirs.sign({ ...claims, iss: 'ours' })), 'token-invalid', /signature/)
      await refused(both(await ours.sign({ ...claims, iss: 'theirs' })), 'token-invalid', /signature/)
      await refused(both(await ours.sign({ ...claims, iss: server.url })), 'token-invalid', /"iss"/)
    } finally {
      await others.close()
    }
  })

  it('is never that of an address in a token', async () => {
    const maker = await published('a')
    const evil = await tokenMaker('ES256', 'a')
    const evilServer = await KeyServer.start()
    try {
      evilServer.publish(evil.publicKey)
      for (const header of [{ jku: evilServer.url }, { x5u: evilServer.url }, { jwk: evil.publicKey }]) {
        await refused(ask(await evil.sign(CLAIMS, header)), 'token-invalid', /signature/)
      }
      await refused(ask(await evil.sign({ ...CLAIMS, iss: evilServer.url })), 'token-invalid')
      assert.equal(evilServer.requests, 0)
      // Some issuers always add such a header; it says nothing.
      assert.ok(await ask(await maker.sign(CLAIMS, { jku: evilServer.url })))
    } finally {
      await evilServer.close()
    }
  })

  for (const url of [
    'http://id.example/keys',
    'http://127.0.0.1.id.example/keys',
    'http://localhost.id.example/keys',
    'http://10.0.0.1/keys',
    'ftp://127.0.0.1/keys',
    'file:///etc/keys.json',
    'https://user:password@id.example/keys',
    'keys.json',
  ]) {
    it(`is not at ${url}`, () => {
      assert.throws(() => jwt({ ...CLAIMS_OPTIONS, jwksUrl: url }), { code: 'option-invalid' })
    })
  }

  it('may be at an address of this machine, or anywhere by https', () => {
    for (const url of [
      'http://localhost:1/',
      'http://[::1]:1/',
      'http://127.9.9.9/',
      'https://id.example/keys',
    ]) {
      assert.ok(jwt({ ...CLAIMS_OPTIONS, jwksUrl: url }))
    }
  })

  /** A token is remembered when the keys did not change while it was verified, and so not the very first time. */
  async function remembered(token: string): Promise<Access> {
    await ask(token)
    return ask(token)
  }

  async function published(kid: string): Promise<TokenMaker> {
    const maker = await tokenMaker('ES256', kid)
    server.publish(maker.publicKey)
    return maker
  }

  /** Lets the server answer 100 MiB. Resolves, when that or the connection has ended, with how many bytes it got rid of. */
  function endlessBody(): Promise<number> {
    const chunk = ' '.repeat(64 * 1024)
    let sent = 0
    function* chunks(): Generator<string> {
      for (; sent < 100 * 1024 * 1024; sent += chunk.length) yield chunk
    }
    return new Promise((resolve) => {
      server.answer = (res) => pipeline(Readable.from(chunks()), res, () => resolve(sent))
    })
  }
})

for (const door of doors) {
  describe(`keys that were never fetched, by ${door.name}`, () => {
    it('are told to an EventSource in a way that it survives, and to others as what it is', async () => {
      const server = await KeyServer.start()
      const authenticator = jwt({ ...CLAIMS_OPTIONS, jwksUrl: server.url, onProblem: () => undefined })
      const token = await (await tokenMaker()).sign(CLAIMS)
      const authorization = { Authorization: `Bearer ${token}` }
      try {
        await withHub(
          door,
          {},
          async (served) => {
            const stream = await served.open('/v1/events/news', authorization)
            assert.equal(stream.response.status, 200)
            const bye = await stream.next()
            assert.equal(bye.event, 'fanline.bye')
            assert.deepEqual(json(bye), { reason: 'keys-failed', reconnect: true })
            assert.ok((stream.retryMs ?? 0) > 0)
            await stream.over
            for (const [method, path] of [
              ['GET', '/v1/events/news'],
              ['GET', '/v1/stats'],
              ['POST', '/v1/publish/news'],
            ] as const) {
              const answer = await served.call(method, path, undefined, {
                ...authorization,
                Accept: 'application/problem+json',
              })
              assert.equal(answer.status, 503, path)
              assert.equal(answer.json.code, 'keys-unavailable')
              assert.equal(answer.headers.get('retry-after'), '5')
            }
            assert.equal((await served.call('HEAD', '/v1/events/news', undefined, authorization)).status, 503)
            const wrong = await served.call('GET', '/v1/events/news', undefined, {
              Authorization: 'Bearer x',
            })
            assert.equal(wrong.status, 401)
            assert.equal(server.requests, 1)
          },
          { authenticator },
        )
      } finally {
        await server.close()
      }
    })
  })
}

const CLAIMS_OPTIONS = { issuer: CLAIMS.iss, audience: CLAIMS.aud }

/** For tests that turn the clock. */
function inAnHour(): number {
  return Math.floor(Date.now() / 1000) + 3600
}

/** Signed by hand, because jose makes no token with a weak key. */
function rs256(header: object, claims: object, key: KeyObject): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const text = `${encode({ alg: 'RS256', ...header })}.${encode(claims)}`
  return `${text}.${createSign('RSA-SHA256').update(text).sign(key, 'base64url')}`
}

function bearer(token: string): CredentialSource {
  return {
    method: 'GET',
    path: '/v1/events',
    query: new URLSearchParams(),
    header: (name) => (name === 'authorization' ? `Bearer ${token}` : undefined),
  }
}

async function refused(answer: Promise<unknown>, code: string, detail = /^/): Promise<ProblemError> {
  const refusal = await answer.then(
    () => assert.fail('it was accepted'),
    (error: unknown) => error,
  )
  assert.ok(refusal instanceof ProblemError, String(refusal))
  assert.equal(refusal.code, code, refusal.message)
  assert.match(refusal.detail ?? '', detail)
  return refusal
}
