import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { Program } from '../testing/program.ts'

const CANARY = 'canary-that-must-not-be-seen-anywhere'

interface Setting {
  readonly env?: Record<string, string>
  readonly files?: Record<string, string>
}

async function config(
  t: TestContext,
  args: string[],
  { env = {}, files = {} }: Setting = {},
): Promise<Program> {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-'))
  t.after(() => rmSync(directory, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const program = new Program(t, ['config', ...args], { directory, env })
  await program.exitCode
  return program
}

test('config check says ok, and what was read', async (t) => {
  const bare = await config(t, ['check'])
  assert.equal(await bare.exitCode, 0)
  assert.equal(bare.stdout, 'ok: no file\n')
  const full = await config(t, ['check', '--host', '0.0.0.0'], {
    env: { FANLINE_JWT_SECRET: CANARY },
    files: { 'fanline.yaml': 'port: 5\napi: { keysFile: keys.json }\n', 'keys.json': '{"keys":[]}' },
  })
  assert.equal(full.stdout, 'ok: fanline.yaml\n')
  const named = await config(t, ['check', '--config', 'other.json'], { files: { 'other.json': '{}' } })
  assert.equal(named.stdout, 'ok: other.json\n')
})

test('config check says what keeps the server from starting', async (t) => {
  const yaml = (text: string): Setting => ({ files: { 'fanline.yaml': text } })
  const cases: [string[], Setting, RegExp][] = [
    [['--prot', '1'], {}, /unknown option '--prot'/],
    [[], yaml('prot: 1'), /there is no option prot\. Did you mean port\?/],
    [[], { env: { FANLINE_PORT: 'x' } }, /FANLINE_PORT in the environment must be an integer/],
    [[], { env: { HOST: '0.0.0.0' } }, /Nobody could use a server on 0\.0\.0\.0 without credentials/],
    [
      [],
      yaml('jwt: { publicKeyFile: missing.pem }'),
      /jwt: publicKeyFile cannot be read: ENOENT.*missing\.pem/,
    ],
    [[], yaml('jwt: { publicKey: nonsense }'), /jwt: publicKey is PEM, a JWK or a JWK set/],
    [[], yaml(`jwt: { secret: ${CANARY}, publicKey: x }`), /jwt: secret and publicKey exclude each other/],
    [[], yaml(`jwt: { secret: ${CANARY}, algorithms: [RS256] }`), /jwt: RS256 is no algorithm for a secret/],
    [
      [],
      yaml(`jwt: { secret: ${CANARY}, issuers: [{ issuer: a, publicKey: b }] }`),
      /Entry 1 of jwt\.issuers: publicKey is PEM/,
    ],
    [
      [],
      yaml(`jwt: { secret: ${CANARY}, issuer: a, issuers: [{ issuer: a, secret: ${CANARY} }] }`),
      /jwt: No two issuers of tokens have the same issuer/,
    ],
    [
      [],
      yaml('jwt: { jwksUrl: "http://keys.example", issuer: a, audience: b }'),
      /jwt: jwksUrl begins with https/,
    ],
    [
      [],
      { files: { 'fanline.yaml': 'api: { keysFile: keys.json }', 'keys.json': '{' } },
      /The file of API keys keys\.json is damaged/,
    ],
  ]
  for (const [args, setting, message] of cases) {
    const program = await config(t, ['check', ...args], setting)
    assert.equal(await program.exitCode, 2, String(message))
    assert.match(program.stderr, message)
    assert.equal(program.stdout, '')
    assert.ok(!program.stderr.includes(CANARY))
  }
})

const SETTING: Setting = {
  env: { FANLINE_API_KEY: CANARY, FANLINE_LOG_LEVEL: 'warn', PORT: '4100' },
  files: {
    'fanline.yaml': `jwt:
  issuers:
    - { issuer: https://a.example, secret: ${CANARY} }
    - { issuer: https://b.example, jwksUrl: https://b.example/keys, audience: x, userPrefix: "b:" }
http: { hosts: [app.example] }
`,
  },
}

test('config print shows what counts and where it was set, and no secret', async (t) => {
  for (const args of [[], ['--redact']]) {
    const { stdout } = await config(t, ['print', ...args, '--host', '127.0.0.2'], SETTING)
    const lines = stdout.split('\n')
    for (const line of [
      'host: 127.0.0.2 # --host',
      'port: 4100 # PORT in the environment',
      '  key: (set) # FANLINE_API_KEY in the environment',
      '  hosts: [ app.example ] # http.hosts in fanline.yaml',
      '  level: warn # FANLINE_LOG_LEVEL in the environment',
      '  maxEvents: 10000',
      '  tokenInQuery: false',
    ]) {
      assert.ok(lines.includes(line), line)
    }
    assert.match(
      stdout,
      /^ {2}issuers: .*secret: \(set\).*jwksUrl: https:\/\/b\.example\/keys.* # jwt\.issuers in/m,
    )
    assert.ok(!stdout.includes(CANARY))
    const { admin, jwt } = parse(stdout)
    assert.deepEqual(admin, { host: '127.0.0.1' })
    assert.equal(jwt.secret, undefined)
  }
})

test('config print --json is for programs', async (t) => {
  const { stdout } = await config(t, ['print', '--json'], SETTING)
  const { file, config: shown, sources } = JSON.parse(stdout)
  assert.equal(file, 'fanline.yaml')
  assert.equal(shown.port, 4100)
  assert.equal(shown.api.key, '(set)')
  assert.equal(shown.jwt.issuers[0].secret, '(set)')
  assert.deepEqual(sources, {
    port: 'PORT in the environment',
    'api.key': 'FANLINE_API_KEY in the environment',
    'http.hosts': 'http.hosts in fanline.yaml',
    'jwt.issuers': 'jwt.issuers in fanline.yaml',
    'log.level': 'FANLINE_LOG_LEVEL in the environment',
  })
  assert.equal(JSON.parse((await config(t, ['print', '--json'])).stdout).file, null)
})

test('what config print shows with secrets is a file that means the same', async (t) => {
  const { stdout } = await config(t, ['print', '--show-secrets'], SETTING)
  assert.equal(parse(stdout).api.key, CANARY)
  const again = await config(t, ['print', '--show-secrets'], { files: { 'fanline.yaml': stdout } })
  assert.deepEqual(parse(again.stdout), parse(stdout))
  const both = await config(t, ['print', '--show-secrets', '--redact'], SETTING)
  assert.equal(await both.exitCode, 2)
})
