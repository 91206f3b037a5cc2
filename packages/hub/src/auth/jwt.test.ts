import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import { ProblemError, parsePublication } from '@fanline/protocol'
import { type JWK, type JWTHeaderParameters, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import type { Access, CredentialSource } from '../authenticator.ts'
import { tokenMaker } from '../testing/token-maker.ts'
import { type JwtIssuer, type JwtOptions, jwt } from './jwt.ts'

const SECRET = 'a secret that is long enough for HS256'
const LONG_SECRET = SECRET.repeat(2)
const nowS = (): number => Math.floor(Date.now() / 1000)

describe('a token', () => {
  it('says who somebody is, and what they may do', async () => {
    const token = await sign({ sub: '42', fanline: { subscribe: ['orders.*'], publish: ['chat.42'] } })
    const access = await authenticate(token)
    assert.equal(access.user, '42')
    assert.equal(access.role, undefined)
    assert.equal(access.maySubscribe('orders.eu'), true)
    assert.equal(access.maySubscribe('orders.eu.1'), false)
    assert.equal(access.mayPublish(parsePublication({ channel: 'chat.42', data: 1 })), true)
    assert.equal(access.mayPublish(parsePublication({ channels: ['chat.42', 'chat.43'], data: 1 })), false)
    assert.equal(access.mayPublish(parsePublication({ channel: 'chat.42', all: true, data: 1 })), false)
    assert.equal(access.mayPublish(parsePublication({ user: '42', data: 1 })), false)
    assert.equal(access.mayPublish(parsePublication({ connection: 'c', data: 1 })), false)
  })

  it('grants nothing that it does not name', async () => {
    const access = await authenticate(await sign({ sub: '42' }))
    assert.equal(access.maySubscribe('orders.eu'), false)
    assert.equal(access.mayPublish(parsePublication({ channel: 'orders.eu', data: 1 })), false)
  })

  it('lets an admin do everything', async () => {
    const access = await authenticate(await sign({ fanline: { admin: true } }))
    assert.equal(access.role, 'admin')
    assert.equal(access.user, undefined)
    assert.equal(access.mayPublish(parsePublication({ all: true, data: 1 })), true)
  })

  it('lets a viewer read every topic, and an operator publish everywhere', async () => {
    const all = parsePublication({ all: true, data: 1 })
    const allowed = async (role: string): Promise<unknown> => {
      const access = await authenticate(await sign({ fanline: { role } }))
      return [access.role, access.maySubscribe('a'), access.mayPublish(all)]
    }
    assert.deepEqual(await allowed('viewer'), ['viewer', true, false])
    assert.deepEqual(await allowed('operator'), ['operator', true, true])
  })

  it('has its user in a claim of your choice, also a number', async () => {
    const access = await authenticate(await sign({ id: 7, sub: 'x' }), { userClaim: 'id' })
    assert.equal(access.user, '7')
  })

  it('has its user in the first of several claims that it has', async () => {
    const userClaim = ['id', 'sub']
    for (const [claims, user] of [
      [{ id: 0, sub: 'x' }, '0'],
      [{ sub: 'x' }, 'x'],
      [{ email: 'x' }, undefined],
    ] as const) {
      assert.equal((await authenticate(await sign(claims), { userClaim })).user, user)
    }
    await assert.rejects(authenticate(await sign({ id: null, sub: 'x' }), { userClaim }), /"id"/)
  })

  it('can be found again by its jti and its age', async () => {
    const { credential } = await authenticate(await sign({ jti: 'j', iat: nowS() - 5 }))
    assert.deepEqual(credential, { kind: 'token', id: 'j', issuedAt: (nowS() - 5) * 1000 })
    const plain = await authenticate(await sign({}))
    assert.deepEqual(plain.credential, { kind: 'token', id: undefined, issuedAt: undefined })
  })

  it('ends access when it ends, and the tolerance after it', async () => {
    const end = nowS() + 60
    assert.equal((await authenticate(await sign({ exp: end }))).expiresAt, end * 1000)
    const late = nowS() - 5
    const access = await authenticate(await sign({ exp: late }), { clockToleranceMs: 10_000 })
    assert.equal(access.expiresAt, late * 1000 + 10_000)
  })

  it('is verified once, and still ends', async () => {
    let now = Date.now()
    const authenticator = jwt({ secret: SECRET, clock: { now: () => now } })
    const source = bearer(await sign({ exp: nowS() + 60 }))
    const first = await authenticator(source)
    assert.equal(await authenticator(source), first)
    now += 61_000
    await refused(() => authenticator(source), 'token-expired')
  })

  it('may name several audiences, and be of any type that is a JWT', async () => {
    assert.ok(await authenticate(await sign({ aud: ['others', 'us'] }), { audience: 'us' }))
    for (const typ of ['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/jwt', 'application/at+JWT']) {
      assert.ok(await authenticate(await sign({}, SECRET, { typ })), typ)
    }
  })
})

describe('the grants of a token', () => {
  it('can be decided by a function, which sees the claims', async () => {
    const token = await sign({ sub: '42', role: 'editor', fanline: { admin: true } })
    const access = await authenticate(token, {
      grants: async ({ role }) => ({ subscribe: [`${role}.**`] }),
    })
    assert.equal(access.user, '42')
    assert.equal(access.role, undefined)
    assert.equal(access.maySubscribe('editor.news'), true)
    assert.equal(access.credential.kind, 'token')
  })

  it('can name another user and an earlier end, but no later one', async () => {
    const exp = nowS() + 60
    const token = await sign({ sub: '42', exp })
    const ends = async (expiresAt: number): Promise<unknown> => {
      const access = await authenticate(token, { grants: () => ({ user: 'u', expiresAt }) })
      return [access.user, access.expiresAt]
    }
    assert.deepEqual(await ends(exp * 1000 - 1), ['u', exp * 1000 - 1])
    assert.deepEqual(await ends(exp * 1000 + 1), ['u', exp * 1000])
    await refused(() => ends(Date.now() - 1), 'token-expired')
  })

  it('are refused as the function refuses, and its mistakes are no fault of the token', async () => {
    const token = await sign({})
    const barred = (): never => {
      throw new ProblemError('forbidden', 'You are barred.')
    }
    await assert.rejects(() => authenticate(token, { grants: barred }), { code: 'forbidden' })
    const wrong = authenticate(token, { grants: () => ({ subscribe: ['a*'] }) })
    await assert.rejects(wrong, (error) => error instanceof Error && !(error instanceof ProblemError))
  })
})

describe('a token is refused', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string
  const jwk = rsa.publicKey.export({ format: 'jwk' }) as JWK
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const otherJwk = other.publicKey.export({ format: 'jwk' }) as JWK
  const rs256 = (
    claims: JWTPayload,
    key: KeyObject,
    header: Partial<JWTHeaderParameters> = {},
  ): Promise<string> =>
    unsigned(claims)
      .setProtectedHeader({ alg: 'RS256', ...header })
      .sign(key)
  const unsecured = (): string => new UnsecuredJWT({ exp: nowS() + 60 }).encode()
  const bySecret: JwtOptions = {}
  const byPem: JwtOptions = { publicKey: pem }
  const byJwk: JwtOptions = { publicKey: jwk }

  const rows: [what: string, token: () => string | Promise<string>, options: JwtOptions, detail: RegExp][] = [
    // Which key, and how: RFC 8725, sections 3.1 and 3.2.
    ['by another secret', () => sign({}, 'another secret that is long enough'), bySecret, /signature/],
    ['without a signature', unsecured, bySecret, /algorithm is not HS256/],
    ['without a signature where a public key is known', unsecured, byPem, /algorithm is not RS256/],
    ['with "none" and something behind it', () => forged({ alg: 'none' }), bySecret, /algorithm/],
    ['with "None"', () => forged({ alg: 'None' }), byPem, /algorithm/],
    ['without an algorithm', () => forged({}), byPem, /not a signed JWT/],
    ['by HS256 with a public key as its secret', () => sign({}, pem), byPem, /algorithm is not RS256/],
    ['the same without its last line break', () => sign({}, pem.trim()), byPem, /algorithm/],
    ['by HS256 with a JWK as its secret', () => sign({}, JSON.stringify(jwk)), byJwk, /algorithm/],
    ['by HS256 with the modulus as its secret', () => sign({}, jwk.n), byJwk, /algorithm/],
    [
      'by RS256 where a secret is known',
      () => rs256({}, rsa.privateKey),
      bySecret,
      /algorithm is not HS256\./,
    ],
    ['by another key of the same kind', () => rs256({}, other.privateKey), byPem, /signature/],
    [
      'with its own key in the header',
      () => rs256({}, other.privateKey, { jwk: otherJwk }),
      byPem,
      /signature/,
    ],
    [
      'by an algorithm that is not listed',
      () => rs256({}, rsa.privateKey),
      { ...byPem, algorithms: ['PS256'] },
      /not PS256/,
    ],
    [
      'by an algorithm that is not that of the JWK',
      () => rs256({}, rsa.privateKey),
      { publicKey: { ...jwk, alg: 'RS512' } },
      /not RS512/,
    ],
    [
      'by a longer hash of the same secret',
      () => sign({}, LONG_SECRET, { alg: 'HS512' }),
      { secret: LONG_SECRET },
      /algorithm/,
    ],
    [
      'with the kid of no key',
      () => rs256({}, rsa.privateKey, { kid: 'b' }),
      { publicKey: { ...jwk, kid: 'a' } },
      /"kid"/,
    ],
    [
      'with an extension that must be understood',
      () => forged({ alg: 'RS256', crit: ['exp'] }),
      byPem,
      /not a signed JWT/,
    ],
    // What it says: section 3.8 to 3.12.
    [
      'without an end',
      () => new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).sign(bytes(SECRET)),
      bySecret,
      /"exp"/,
    ],
    [
      'with an end that is text',
      () => forged({ alg: 'HS256' }, { exp: '9999999999' }, SECRET),
      bySecret,
      /"exp"/,
    ],
    ['with an end that is never', () => forged({ alg: 'HS256' }, '{"exp":1e400}', SECRET), bySecret, /"exp"/],
    ['with a beginning in the future', () => sign({ nbf: nowS() + 60 }), bySecret, /"nbf"/],
    ['for another audience', () => sign({ aud: 'others' }), { audience: 'us' }, /"aud"/],
    ['for no audience', () => sign({}), { audience: 'us' }, /"aud"/],
    ['by another issuer', () => sign({ iss: 'evil' }), { issuer: 'us' }, /"iss"/],
    ['by no issuer', () => sign({}), { issuer: 'us' }, /"iss"/],
    ['with another use', () => sign({}, SECRET, { typ: 'dpop+jwt' }), bySecret, /"typ"/],
    [
      'with a type that only begins as one',
      () => sign({}, SECRET, { typ: 'jwt+secevent' }),
      bySecret,
      /"typ"/,
    ],
    ['with a user that is an object', () => sign({ id: {} }), { userClaim: 'id' }, /"id"/],
    ['with a user that is not exact', () => sign({ id: 2 ** 53 }), { userClaim: 'id' }, /"id"/],
    ['with a user that is empty', () => sign({ sub: '' }), bySecret, /"sub"/],
    ['with a user that has a line break', () => sign({ sub: 'a\nb' }), bySecret, /"sub"/],
    [
      'with a jti that is a number',
      () => forged({ alg: 'HS256' }, { exp: nowS() + 60, jti: 1 }, SECRET),
      bySecret,
      /"jti"/,
    ],
    [
      'with an iat that is no date',
      () => forged({ alg: 'HS256' }, `{"exp":${nowS() + 60},"iat":-1e400}`, SECRET),
      bySecret,
      /"iat"/,
    ],
    ['with grants that are none', () => sign({ fanline: 'all' }), bySecret, /"fanline"/],
    ['with a list that is none', () => sign({ fanline: { subscribe: '**' } }), bySecret, /"fanline"/],
    ['with a pattern that is none', () => sign({ fanline: { subscribe: ['a*'] } }), bySecret, /"fanline"/],
    ['with a name of the hub', () => sign({ fanline: { subscribe: ['@user:43'] } }), bySecret, /"fanline"/],
    [
      'with an admin that is not true or false',
      () => sign({ fanline: { admin: 'yes' } }),
      bySecret,
      /"fanline"/,
    ],
    ['with a role that is none', () => sign({ fanline: { role: 'boss' } }), bySecret, /"fanline"/],
    ['when it is no token', () => 'hello', bySecret, /not a signed JWT/],
    ['when it is encrypted', () => 'e30.e30.e30.e30.e30', bySecret, /not a signed JWT/],
  ]
  for (const [what, token, options, detail] of rows) {
    it(what, async () => {
      const refusedToken = await token()
      const problem = await refused(() => authenticate(refusedToken, options), 'token-invalid')
      assert.match(problem.detail ?? '', detail)
      const text = JSON.stringify(problem.toBody())
      for (const part of [refusedToken, ...refusedToken.split('.').filter((piece) => piece.length > 10)]) {
        assert.ok(!text.includes(part), 'a problem repeats no token')
      }
    })
  }

  it('when it has ended', async () => {
    const ended = await sign({ exp: nowS() - 1 })
    await refused(() => authenticate(ended), 'token-expired')
    const forgedToo = await sign({ exp: nowS() - 1 }, 'another secret that is long enough')
    await refused(() => authenticate(forgedToo), 'token-invalid')
  })
})

describe('a public key', () => {
  const others = Promise.all([tokenMaker('ES256', 'o'), tokenMaker('RS256', 'p')])
  for (const alg of ['RS256', 'RS512', 'PS256', 'PS384', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']) {
    it(`checks ${alg}, as an object, as text and in a set`, async () => {
      const maker = await tokenMaker(alg, 'k')
      const set = { keys: [...(await others), maker].map(({ publicKey }) => publicKey) }
      const token = await maker.sign({ sub: '42' })
      for (const publicKey of [maker.publicKey, JSON.stringify(maker.publicKey), set, JSON.stringify(set)]) {
        assert.equal((await authenticateBy({ publicKey }, token)).user, '42')
        assert.equal((await authenticateBy({ publicKey, algorithms: [alg] }, token)).user, '42')
      }
    })
  }

  it('may be PEM, and then a token may name it as it likes', async () => {
    for (const [type, alg, options] of [
      ['rsa', 'RS256', { modulusLength: 2048 }],
      ['rsa', 'PS512', { modulusLength: 2048 }],
      ['ec', 'ES256', { namedCurve: 'P-256' }],
      ['ec', 'ES512', { namedCurve: 'P-521' }],
      ['ed25519', 'EdDSA', {}],
    ] as const) {
      const { publicKey, privateKey } = generateKeyPairSync(
        type as 'rsa',
        options as { modulusLength: number },
      )
      const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
      const token = await unsigned({ sub: '42' }).setProtectedHeader({ alg, kid: 'any' }).sign(privateKey)
      assert.equal((await authenticateBy({ publicKey: ` ${pem}\n` }, token)).user, '42')
    }
  })
})

describe('several issuers', () => {
  it('have their own keys, claims, and users', async () => {
    const maker = await tokenMaker('ES256')
    const authenticator = jwt({
      issuers: [
        { issuer: 'shop', publicKey: maker.publicKey, audience: 'hub', userClaim: 'id', userPrefix: 'shop:' },
        { issuer: 'staff', secret: SECRET },
        { secret: LONG_SECRET },
      ],
    })
    const userOf = async (token: string): Promise<string | undefined> =>
      (await authenticator(bearer(token)))?.user
    assert.equal(await userOf(await maker.sign({ iss: 'shop', aud: 'hub', id: 7, sub: 'x' })), 'shop:7')
    assert.equal(await userOf(await sign({ iss: 'staff', sub: '7' })), '7')
    assert.equal(await userOf(await sign({ iss: 'whoever', sub: '8' }, LONG_SECRET)), '8')
    assert.equal(await userOf(await sign({ sub: '9' }, LONG_SECRET)), '9')
    for (const [token, detail] of [
      [await sign({ iss: 'shop', aud: 'hub', id: 7 }), /algorithm is not ES256/],
      [await sign({ iss: 'staff', sub: '7' }, LONG_SECRET), /signature/],
      [await maker.sign({ iss: 'staff', sub: '7' }), /algorithm is not HS256/],
      [await maker.sign({ iss: 'shop', id: 7 }), /"aud"/],
      [await sign({ iss: 'whoever', sub: '8' }), /signature/],
    ] as const) {
      const problem = await refused(() => authenticator(bearer(token)), 'token-invalid')
      assert.match(problem.detail ?? '', detail)
    }
  })

  it('are all there are, when each has a name', async () => {
    const authenticator = jwt({
      secret: SECRET,
      issuer: 'a',
      issuers: [{ issuer: 'b', secret: LONG_SECRET }],
    })
    assert.ok(await authenticator(bearer(await sign({ iss: 'a' }))))
    assert.ok(await authenticator(bearer(await sign({ iss: 'b' }, LONG_SECRET))))
    for (const claims of [{}, { iss: 'c' }, { iss: ['a'] as unknown as string }]) {
      const problem = await refused(async () => authenticator(bearer(await sign(claims))), 'token-invalid')
      assert.match(problem.detail ?? '', /"iss"/)
    }
  })
})

describe('where a token may sit', () => {
  const asked = (headers: Record<string, string>, query = ''): CredentialSource => ({
    method: 'GET',
    path: '/v1/events',
    query: new URLSearchParams(query),
    header: (name) => headers[name],
  })

  it('in a cookie, where one is named', async () => {
    const source = asked({ cookie: `session=${await sign({ sub: '42' })}` })
    const cookie = { name: 'session', origins: [] }
    assert.equal((await jwt({ secret: SECRET, cookie })(source))?.user, '42')
    assert.equal(await jwt({ secret: SECRET })(source), undefined)
  })

  it('in the query, where that is switched on', async () => {
    const source = asked({}, `token=${await sign({ sub: '42' })}`)
    assert.equal((await jwt({ secret: SECRET, tokenInQuery: true })(source))?.user, '42')
    assert.equal(await jwt({ secret: SECRET })(source), undefined)
    assert.equal(await jwt({ secret: SECRET })(asked({}, 'token=hello')), undefined)
    for (const query of ['token=hello', 'token=']) {
      await refused(() => jwt({ secret: SECRET, tokenInQuery: true })(asked({}, query)), 'token-invalid')
    }
  })

  it('in the header above all, and in a cookie last', async () => {
    const [header, query, cookie] = await Promise.all(['h', 'q', 'c'].map((sub) => sign({ sub })))
    const authenticator = jwt({ secret: SECRET, tokenInQuery: true, cookie: { name: 's', origins: [] } })
    const all = asked({ authorization: `Bearer ${header}`, cookie: `s=${cookie}` }, `token=${query}`)
    assert.equal((await authenticator(all))?.user, 'h')
    assert.equal((await authenticator(asked({ cookie: `s=${cookie}` }, `token=${query}`)))?.user, 'q')
  })

  it('nowhere else', async () => {
    assert.equal(await jwt({ secret: SECRET })(asked({})), undefined)
    assert.equal(await jwt({ secret: SECRET })(asked({ authorization: 'Basic eDp5' })), undefined)
  })
})

describe('refused at the start is', () => {
  const pem = (bits: number): string =>
    generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({
      type: 'spki',
      format: 'pem',
    }) as string
  const rsa = pem(2048)
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }) as JWK
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ec = publicKey.export({ format: 'jwk' }) as JWK
  const jwksUrl = 'https://id.example/keys'
  const rows: [what: string, options: JwtOptions, detail: RegExp][] = [
    ['nobody who makes tokens', {}, /one of secret, publicKey and jwksUrl/],
    ['an empty list of those who do', { issuers: [] }, /one of secret/],
    ['an issuer without a key', { secret: SECRET, issuers: [{ issuer: 'a' }] }, /one of secret/],
    [
      'what an issuer says beside a list of others',
      { audience: 'us', issuers: [{ secret: SECRET }] },
      /one of secret/,
    ],
    ['a secret and a public key', { secret: SECRET, publicKey: rsa }, /one of secret/],
    ['a secret that could be guessed', { secret: 'x'.repeat(31) }, /at least 32 characters/],
    ['no secret', { secret: '' }, /at least 32 characters/],
    [
      'a secret shorter than the hash',
      { secret: 'x'.repeat(63), algorithms: ['HS256', 'HS512'] },
      /64 characters for HS512/,
    ],
    ['a key in PEM as a secret', { secret: rsa }, /publicKey/],
    [
      'a secret for RS256',
      { secret: SECRET, algorithms: ['HS256', 'RS256'] },
      /RS256 is no algorithm for a secret/,
    ],
    ['a secret for none', { secret: SECRET, algorithms: ['none'] }, /none is no algorithm/],
    ['a list without an algorithm', { secret: SECRET, algorithms: [] }, /at least one/],
    [
      'a public key for HS256',
      { publicKey: rsa, algorithms: ['RS256', 'HS256'] },
      /HS256 is no algorithm for the public key/,
    ],
    ['a public key for another kind', { publicKey: rsa, algorithms: ['ES256'] }, /ES256 is no algorithm/],
    ['a curve for the hash of another', { publicKey: ec, algorithms: ['ES384'] }, /ES384 is no algorithm/],
    ['a JWK for another algorithm', { publicKey: { ...ec, alg: 'ES256' }, algorithms: ['ES384'] }, /ES384/],
    [
      'a set by URL for HS256',
      { jwksUrl, issuer: 'a', audience: 'b', algorithms: ['HS256'] },
      /HS256 is no algorithm for a set/,
    ],
    ['a set by URL without an issuer', { jwksUrl, audience: 'b' }, /issuer and audience/],
    ['a set by URL without an audience', { jwksUrl, issuer: 'a' }, /issuer and audience/],
    ['a weak RSA key', { publicKey: pem(1024) }, /at least 2048 bits, not 1024/],
    ['a weak RSA key in a set', { publicKey: { keys: [ec, weak] } }, /at least 2048 bits, not 1024/],
    [
      'a private key in PEM',
      { publicKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string },
      /is public/,
    ],
    ['a private JWK', { publicKey: privateKey.export({ format: 'jwk' }) as JWK }, /is public/],
    ['a secret as a JWK', { publicKey: { kty: 'oct', k: btoa(SECRET) } }, /is public/],
    ['a key for encryption', { publicKey: { ...ec, use: 'enc' } }, /no key for signatures/],
    ['a set without keys', { publicKey: { keys: [] } }, /no key for signatures/],
    ['a key that is none', { publicKey: 'hello' }, /PEM, a JWK or a JWK set/],
    ['a JWK that is none', { publicKey: '{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}' }, /PEM, a JWK/],
    ['a set that is none', { publicKey: '{"keys":[1]}' }, /PEM, a JWK/],
    ['JSON that is none', { publicKey: '{"keys"' }, /PEM, a JWK/],
    ['a tolerance below nothing', { secret: SECRET, clockToleranceMs: -1 }, /from 0/],
    ['a tolerance that is no number', { secret: SECRET, clockToleranceMs: Number.NaN }, /from 0/],
    ['two issuers of one name', { issuers: twice({ issuer: 'a', secret: SECRET }) }, /No two issuers/],
    ['two issuers without a name', { issuers: twice({ secret: SECRET }) }, /No two issuers/],
  ]
  for (const [what, options, detail] of rows) {
    it(what, () => {
      assert.throws(
        () => jwt(options),
        (error) =>
          error instanceof ProblemError && error.code === 'option-invalid' && detail.test(error.detail ?? ''),
      )
    })
  }
})

function twice(issuer: JwtIssuer): JwtIssuer[] {
  return [issuer, issuer]
}

function bytes(secret: string): Uint8Array {
  return new TextEncoder().encode(secret)
}

function unsigned(claims: JWTPayload): SignJWT {
  return new SignJWT({ exp: nowS() + 60, ...claims })
}

function sign(
  claims: JWTPayload,
  secret = SECRET,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  return unsigned(claims)
    .setProtectedHeader({ alg: 'HS256', ...header })
    .sign(bytes(secret))
}

/** A token by hand, for what jose makes none of. Signed with a secret, or by nobody. */
function forged(header: object, claims: object | string = { exp: nowS() + 60 }, secret?: string): string {
  const encode = (part: object | string): string =>
    Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
  const text = `${encode(header)}.${encode(claims)}`
  const signature =
    secret === undefined ? 'AAAA' : createHmac('sha256', secret).update(text).digest('base64url')
  return `${text}.${signature}`
}

function bearer(token: string): CredentialSource {
  return {
    method: 'GET',
    path: '/v1/events',
    query: new URLSearchParams(),
    header: (name) => (name === 'authorization' ? `Bearer ${token}` : undefined),
  }
}

async function authenticateBy(options: JwtOptions, token: string): Promise<Access> {
  const access = await jwt(options)(bearer(token))
  assert.ok(access)
  return access
}

/** By the secret, unless the options name another key. */
function authenticate(token: string, options: JwtOptions = {}): Promise<Access> {
  return authenticateBy(options.publicKey === undefined ? { secret: SECRET, ...options } : options, token)
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
