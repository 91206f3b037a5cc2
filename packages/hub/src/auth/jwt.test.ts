import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { ProblemError, parsePublication } from '@fanline/protocol'
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import type { Access, CredentialSource } from '../authenticator.ts'
import { type JwtOptions, jwt } from './jwt.ts'

const SECRET = 'a secret that is long enough for HS256'
const nowS = (): number => Math.floor(Date.now() / 1000)

describe('jwt()', () => {
  it('knows who somebody is, and what the token grants', async () => {
    const token = await sign({ sub: '42', fanline: { subscribe: ['orders.*'], publish: ['chat.42'] } })
    const access = await authenticate(token)
    assert.equal(access.user, '42')
    assert.equal(access.isAdmin, false)
    assert.equal(access.maySubscribe('orders.eu'), true)
    assert.equal(access.maySubscribe('orders.eu.1'), false)
    assert.equal(access.mayPublish(parsePublication({ channel: 'chat.42', data: 1 })), true)
    assert.equal(access.mayPublish(parsePublication({ channels: ['chat.42', 'chat.43'], data: 1 })), false)
    assert.equal(access.mayPublish(parsePublication({ channel: 'chat.42', all: true, data: 1 })), false)
    assert.equal(access.mayPublish(parsePublication({ user: '42', data: 1 })), false)
    assert.equal(access.mayPublish(parsePublication({ connection: 'c', data: 1 })), false)
  })

  it('grants nothing that the token does not name', async () => {
    const access = await authenticate(await sign({ sub: '42' }))
    assert.equal(access.maySubscribe('orders.eu'), false)
    assert.equal(access.mayPublish(parsePublication({ channel: 'orders.eu', data: 1 })), false)
  })

  it('lets an admin do everything', async () => {
    const access = await authenticate(await sign({ fanline: { admin: true } }))
    assert.equal(access.isAdmin, true)
    assert.equal(access.user, undefined)
    assert.equal(access.mayPublish(parsePublication({ all: true, data: 1 })), true)
  })

  it('takes the user from a claim of your choice, also a number', async () => {
    const access = await authenticate(await sign({ id: 7, sub: 'x' }), { userClaim: 'id' })
    assert.equal(access.user, '7')
  })

  it('ends access when the token ends, and the tolerance after it', async () => {
    const token = await sign({ exp: nowS() + 60 })
    assert.equal((await authenticate(token)).expiresAt, (nowS() + 60) * 1000)
    const late = await sign({ exp: nowS() - 5 })
    assert.equal((await authenticate(late, { clockToleranceMs: 10_000 })).expiresAt, (nowS() + 5) * 1000)
  })

  it('verifies a token once, and still ends it', async () => {
    let now = Date.now()
    const authenticator = jwt({ secret: SECRET, clock: { now: () => now } })
    const source = bearer(await sign({ exp: nowS() + 60 }))
    const first = await authenticator(source)
    assert.equal(await authenticator(source), first)
    now += 61_000
    await refused(() => authenticator(source), 'token-expired')
  })

  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
  const refusals: [
    what: string,
    token: () => string | Promise<string>,
    code: string,
    options?: Partial<JwtOptions>,
  ][] = [
    ['another secret', () => sign({}, 'another secret that is long enough'), 'token-invalid'],
    ['no signature', () => new UnsecuredJWT({ exp: nowS() + 60 }).encode(), 'token-invalid'],
    [
      'another algorithm',
      () => signed({}).setProtectedHeader({ alg: 'RS256' }).sign(privateKey),
      'token-invalid',
    ],
    ['HS256 with a public key as its secret', () => sign({}, pem), 'token-invalid'],
    [
      'HS512',
      () =>
        signed({})
          .setProtectedHeader({ alg: 'HS512' })
          .sign(new TextEncoder().encode(SECRET.repeat(2))),
      'token-invalid',
    ],
    ['no end', () => new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).sign(key(SECRET)), 'token-invalid'],
    ['an end in the past', () => sign({ exp: nowS() - 1 }), 'token-expired'],
    ['a beginning in the future', () => sign({ nbf: nowS() + 60 }), 'token-invalid'],
    ['another audience', () => sign({ aud: 'others' }), 'token-invalid', { audience: 'us' }],
    ['no audience', () => sign({}), 'token-invalid', { audience: 'us' }],
    ['another issuer', () => sign({ iss: 'evil' }), 'token-invalid', { issuer: 'us' }],
    [
      'a user that is neither string nor number',
      () => sign({ id: {} }),
      'token-invalid',
      { userClaim: 'id' },
    ],
    ['grants that are none', () => sign({ fanline: 'all' }), 'token-invalid'],
    ['a list that is none', () => sign({ fanline: { subscribe: '**' } }), 'token-invalid'],
    ['a pattern that is none', () => sign({ fanline: { subscribe: ['a*'] } }), 'token-invalid'],
    ['a name of the hub', () => sign({ fanline: { subscribe: ['@user:43'] } }), 'token-invalid'],
    ['admin that is not true or false', () => sign({ fanline: { admin: 'yes' } }), 'token-invalid'],
    ['no token at all', () => 'hello', 'token-invalid'],
  ]
  for (const [what, token, code, options] of refusals) {
    it(`refuses ${what}`, async () => {
      const refusedToken = await token()
      const problem = await refused(() => authenticate(refusedToken, options), code)
      assert.ok(!JSON.stringify(problem.toBody()).includes(refusedToken), 'a problem repeats no token')
    })
  }

  it('takes a token from a cookie, where one is named', async () => {
    const headers: Record<string, string> = { cookie: `session=${await sign({ sub: '42' })}` }
    const asked = {
      method: 'GET',
      path: '/v1/events',
      query: new URLSearchParams(),
      header: (name: string) => headers[name],
    }
    const cookie = { name: 'session', origins: [] }
    assert.equal((await jwt({ secret: SECRET, cookie })(asked))?.user, '42')
    assert.equal(await jwt({ secret: SECRET })(asked), undefined)
  })

  it('knows nobody without a token', async () => {
    assert.equal(await jwt({ secret: SECRET })(source(undefined)), undefined)
    assert.equal(await jwt({ secret: SECRET })(source('Basic eDp5')), undefined)
  })

  it('refuses a secret that could be guessed', () => {
    assert.throws(() => jwt({ secret: 'short' }), { code: 'option-invalid' })
  })
})

function key(secret: string): Uint8Array {
  return new TextEncoder().encode(secret)
}

function signed(claims: JWTPayload): SignJWT {
  return new SignJWT({ exp: nowS() + 60, ...claims })
}

function sign(claims: JWTPayload, secret: string = SECRET): Promise<string> {
  return signed(claims).setProtectedHeader({ alg: 'HS256' }).sign(key(secret))
}

function source(authorization: string | undefined): CredentialSource {
  return {
    method: 'GET',
    path: '/v1/events',
    query: new URLSearchParams(),
    header: (name) => (name === 'authorization' ? authorization : undefined),
  }
}

function bearer(token: string): CredentialSource {
  return source(`Bearer ${token}`)
}

async function authenticate(token: string, options: Partial<JwtOptions> = {}): Promise<Access> {
  const access = await jwt({ secret: SECRET, ...options })(bearer(token))
  assert.ok(access)
  return access
}

async function refused(attempt: () => unknown, code: string): Promise<ProblemError> {
  let refusal: unknown
  await assert.rejects(
    async () => attempt(),
    (error) => {
      refusal = error
      return error instanceof ProblemError && error.code === code && error.status === 401
    },
  )
  return refusal as ProblemError
}
