import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { Program } from '../testing/program.ts'

const SECRET = 'a secret that is long enough for HS256'
const SIGNED = { FANLINE_JWT_SECRET: SECRET }

async function token(t: TestContext, args: string[], { env = {}, input = '' } = {}): Promise<Program> {
  const program = new Program(t, ['token', ...args], { env })
  program.type(input)
  program.endInput()
  await program.exitCode
  return program
}

async function mint(t: TestContext, ...args: string[]): Promise<string> {
  return (await token(t, ['mint', ...args], { env: SIGNED })).stdout.trim()
}

function sign(claims: JWTPayload, key: string | KeyObject = SECRET, alg = 'HS256'): Promise<string> {
  const signed = new SignJWT(claims).setProtectedHeader({ alg })
  return signed.sign(typeof key === 'string' ? new TextEncoder().encode(key) : key)
}

const nowS = (): number => Math.floor(Date.now() / 1000)

test('inspect shows what a token says, and needs no key', async (t) => {
  const minted = await mint(
    t,
    '--user',
    '42',
    '--subscribe',
    'orders.*',
    '--publish',
    '@user:*',
    '--id',
    'abc',
  )
  for (const [args, input] of [
    [[minted], ''],
    [['-'], `${minted}\n`],
    [[], minted],
  ] as const) {
    const { stdout, stderr } = await token(t, ['inspect', ...args], { input })
    const [header, claims, ...lines] = stdout.split('\n')
    assert.equal(header, 'header   {"alg":"HS256","typ":"JWT"}')
    assert.match(claims!, /^claims {3}\{"fanline":\{"subscribe":\["orders\.\*"\].*"jti":"abc"/)
    assert.deepEqual(lines.slice(0, 3), [
      'user     42',
      'may      publish to @user:* and read orders.*',
      'id       abc',
    ])
    assert.match(lines[3]!, /^issued {3}20\S+Z, (?:\d+ seconds? ago|in 0 seconds)$/)
    assert.match(lines[4]!, /^ends {5}20\S+Z, in (?:59 minutes|1 hour)$/)
    assert.equal(lines.length, 6)
    assert.equal(stderr, '')
  }
  const report = JSON.parse((await token(t, ['inspect', '--json', minted])).stdout)
  assert.equal(report.user, '42')
  assert.deepEqual(report.grants, { subscribe: ['orders.*'], publish: ['@user:*'], role: null })
  assert.equal(report.reason, null)
  assert.ok(!('accepted' in report))
})

test('inspect reads a token as its issuer would have it', async (t) => {
  const issuers = JSON.stringify([
    { issuer: 'https://a.example', secret: SECRET, userClaim: 'email', userPrefix: 'a:' },
  ])
  const claims = { iss: 'https://a.example', sub: '1', email: 'x@a.example', exp: nowS() + 60 }
  for (const [iss, user] of [
    ['https://a.example', 'a:x@a.example'],
    ['https://b.example', '1'],
  ] as const) {
    const { stdout } = await token(t, ['inspect', await sign({ ...claims, iss })], {
      env: { FANLINE_JWT_ISSUERS: issuers },
    })
    assert.match(stdout, new RegExp(`^user {5}${user}$`, 'm'))
  }
})

test('inspect says what speaks against a token whatever it is signed with', async (t) => {
  const good = { sub: '42', exp: nowS() + 3600 }
  const cases: [string, RegExp][] = [
    [await sign({ ...good, exp: nowS() - 7200 }), /^ends {5}.*, 2 hours ago\nrefused {2}it has expired$/m],
    [await sign({ sub: '42' }), /^ends {5}not said\nrefused {2}it does not say when it ends$/m],
    [await sign({ ...good, nbf: nowS() + 600 }), /^begins .*\n.*\nrefused {2}it is not good yet$/m],
    [
      await sign({ ...good, fanline: { subscribe: 5 } }),
      /^may {6}cannot be told\n(?:.*\n)*refused {2}a claim/m,
    ],
    [new UnsecuredJWT(good).encode(), /^refused {2}it is not signed$/m],
    [await sign({ ...good, evil: '\u001b[2J\u009b2J', sub: '\u202edlog' }), /^user {5}\\u202edlog$/m],
  ]
  for (const [text, expected] of cases) {
    const program = await token(t, ['inspect', text])
    assert.equal(await program.exitCode, 0)
    assert.match(program.stdout, expected)
    for (const steering of ['\u001b', '\u009b', '\u202e']) assert.ok(!program.stdout.includes(steering))
  }
  for (const [args, exitCode, message] of [
    [['nonsense'], 1, /This is not a JSON Web Token/],
    [['a.b.c'], 1, /This is not a JSON Web Token/],
    [['fl_0_0'], 2, /This is an API key/],
    [[], 2, /There is no token/],
  ] as const) {
    const program = await token(t, ['inspect', ...args])
    assert.equal(await program.exitCode, exitCode)
    assert.match(program.stderr, message)
  }
})

test('verify says whether a token would be accepted', async (t) => {
  const minted = await mint(t, '--user', '42', '--subscribe', 'orders.*')
  const accepted = await token(t, ['verify', '-'], { env: SIGNED, input: minted })
  assert.equal(await accepted.exitCode, 0)
  assert.match(accepted.stdout, /^accepted: user 42, may read orders\.\*, until 20\S+Z\n$/)
  assert.equal(accepted.stderr, '')
  const good = { sub: '42', exp: nowS() + 3600 }
  const cases: [string, Record<string, string>, RegExp][] = [
    [minted, { FANLINE_JWT_SECRET: 'another secret that is long enough' }, /token-invalid: .* signature/],
    [minted, { ...SIGNED, FANLINE_JWT_AUDIENCE: 'us' }, /token-invalid: .* "aud"/],
    [await sign({ ...good, exp: nowS() - 1 }), SIGNED, /token-expired: /],
    [await sign({ sub: '42' }), SIGNED, /token-invalid: .* "exp"/],
    [new UnsecuredJWT(good).encode(), SIGNED, /token-invalid: /],
  ]
  for (const [text, env, message] of cases) {
    const program = await token(t, ['verify', text], { env })
    assert.equal(await program.exitCode, 1)
    assert.match(program.stderr, /^fanline: refused: /)
    assert.match(program.stderr, message)
    assert.equal(program.stdout, '')
    assert.ok(!program.stderr.includes(text))
  }
  const json = await token(t, ['verify', '--json', minted], {
    env: { ...SIGNED, FANLINE_JWT_AUDIENCE: 'us' },
  })
  assert.equal(await json.exitCode, 1)
  assert.equal(JSON.parse(json.stdout).problem.code, 'token-invalid')
  const keyless = await token(t, ['verify', minted])
  assert.equal(await keyless.exitCode, 2)
  assert.match(keyless.stderr, /There is no key to check with\. Set FANLINE_JWT_SECRET/)
})

test('verify and start take keys of every kind, of several issuers', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const ours = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const theirs = generateKeyPairSync('ed25519')
  writeFileSync(join(directory, 'ours.pem'), ours.publicKey.export({ type: 'spki', format: 'pem' }))
  const jwk = JSON.stringify(theirs.publicKey.export({ format: 'jwk' }))
  writeFileSync(
    join(directory, 'fanline.yaml'),
    `jwt:
  publicKeyFile: ours.pem
  issuer: https://ours.example
  issuers:
    - { issuer: https://theirs.example, publicKey: '${jwk}', userPrefix: "theirs:" }
    - { issuer: https://old.example, secret: ${SECRET}, algorithms: [HS256] }
`,
  )
  const claims = { sub: '42', exp: nowS() + 600, fanline: { subscribe: ['a'] } }
  const cases: [string, string | undefined][] = [
    [await sign({ ...claims, iss: 'https://ours.example' }, ours.privateKey, 'ES256'), '42'],
    [await sign({ ...claims, iss: 'https://theirs.example' }, theirs.privateKey, 'EdDSA'), 'theirs:42'],
    [await sign({ ...claims, iss: 'https://old.example' }), '42'],
    [await sign({ ...claims, iss: 'https://ours.example' }), undefined],
    [await sign({ ...claims, iss: 'https://theirs.example' }, ours.privateKey, 'ES256'), undefined],
    [await sign(claims, ours.privateKey, 'ES256'), undefined],
  ]
  const server = new Program(t, ['start', '--port', '0'], { directory })
  const [, port] = await server.prints(/"port":(\d+)/)
  for (const [text, user] of cases) {
    const program = new Program(t, ['token', 'verify', text], { directory })
    assert.equal(await program.exitCode, user === undefined ? 1 : 0)
    if (user !== undefined) assert.match(program.stdout, new RegExp(`^accepted: user ${user}, may read a,`))
    const stream = await fetch(`http://127.0.0.1:${port}/v1/events/a`, {
      headers: { Authorization: `Bearer ${text}` },
    })
    assert.equal(stream.status, user === undefined ? 401 : 200)
    const { value } = await stream.body!.pipeThrough(new TextDecoderStream()).getReader().read()
    assert.match(value!, user === undefined ? /"code":"token-invalid"/ : new RegExp(`"user":"${user}"`))
  }
})

test('mint gives each token an id of its own, or the one it is told', async (t) => {
  const idOf = async (...args: string[]): Promise<string> => {
    const minted = await mint(t, ...args)
    return JSON.parse((await token(t, ['inspect', '--json', minted])).stdout).claims.jti
  }
  assert.equal(await idOf('--id', 'mine'), 'mine')
  const random = await idOf()
  assert.match(random, /^[0-9a-f-]{36}$/)
  assert.notEqual(await idOf(), random)
})
