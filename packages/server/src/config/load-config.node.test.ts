import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure } from '../failure.ts'
import { readEnvironment } from './environment.ts'
import { type ConfigSources, loadConfig } from './load-config.ts'
import type { Config } from './server-options.ts'

interface Setting {
  readonly flags?: Record<string, string>
  readonly variables?: Record<string, string>
  readonly files?: Record<string, string>
  readonly file?: string
  readonly platformVariables?: ConfigSources['platformVariables']
}

function load(
  t: TestContext,
  { flags = {}, variables = {}, files = {}, file, platformVariables }: Setting,
): Config {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-'))
  t.after(() => rmSync(directory, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  return loadConfig({
    flags: new Map(Object.entries(flags)),
    environment: readEnvironment(directory, variables),
    directory,
    file,
    ...(platformVariables ? { platformVariables } : {}),
  }).config
}

function refuses(t: TestContext, setting: Setting, message: RegExp | string): void {
  assert.throws(
    () => load(t, setting),
    (error) => {
      assert(error instanceof Failure)
      assert.equal(error.exitCode, 2)
      if (typeof message === 'string') assert.equal(error.message, message)
      else assert.match(error.message, message)
      return true
    },
  )
}

const PLATFORM = new Map([
  ['port', 'PORT'],
  ['host', 'HOST'],
])

test('without any source, every option has its default', (t) => {
  const config = load(t, {})
  assert.equal(config.port, 4000)
  assert.equal(config.host, '127.0.0.1')
  assert.equal(config.shutdown.drainMs, 5000)
  assert.equal(config.history.maxEvents, 10_000)
})

test('flags win over the environment, it over .env, this over the file, it over the defaults', (t) => {
  const files = {
    '.env': 'FANLINE_PORT=3\nFANLINE_LOG_LEVEL=error\nFANLINE_LIMITS_CONNECTIONS=30\n',
    'fanline.yaml':
      'port: 4\nlog: { level: warn }\nlimits: { connections: 40 }\nhistory: { maxEvents: 41 }\n',
  }
  const config = load(t, {
    flags: { port: '1' },
    variables: { FANLINE_PORT: '2', FANLINE_LOG_LEVEL: 'debug' },
    files,
  })
  assert.equal(config.port, 1)
  assert.equal(config.log.level, 'debug')
  assert.equal(config.limits.connections, 30)
  assert.equal(config.history.maxEvents, 41)
  assert.equal(config.history.maxAgeMs, 86_400_000)
})

test('PORT and HOST count less than our own variables and more than the file', (t) => {
  const files = { 'fanline.json': '{ "port": 1, "host": "::1" }' }
  const variables = { PORT: '2', HOST: '127.0.0.2' }
  assert.equal(load(t, { files, variables, platformVariables: PLATFORM }).port, 2)
  assert.equal(load(t, { files, variables, platformVariables: PLATFORM }).host, '127.0.0.2')
  assert.equal(
    load(t, { files, variables: { ...variables, FANLINE_PORT: '3' }, platformVariables: PLATFORM }).port,
    3,
  )
  assert.equal(load(t, { files, variables }).host, '::1')
})

test('a variable that is set to nothing is not set', (t) => {
  assert.equal(load(t, { variables: { FANLINE_PORT: '' } }).port, 4000)
})

test('YAML, YML and JSON files are found, and --config and FANLINE_CONFIG name another', (t) => {
  assert.equal(load(t, { files: { 'fanline.yml': 'port: 5' } }).port, 5)
  assert.equal(load(t, { files: { 'fanline.json': '{"$schema":"x","port":6}' } }).port, 6)
  const files = { 'fanline.yaml': 'port: 5', 'other.json': '{"port":7}', 'third.yaml': 'port: 8' }
  assert.equal(load(t, { files, file: 'other.json' }).port, 7)
  assert.equal(load(t, { files, variables: { FANLINE_CONFIG: 'third.yaml' } }).port, 8)
})

test('an empty file and an empty section change nothing', (t) => {
  assert.equal(load(t, { files: { 'fanline.yaml': '# nothing yet\n' } }).port, 4000)
  assert.equal(
    load(t, { files: { 'fanline.yaml': 'history:\n  # maxEvents: 5\n' } }).history.maxEvents,
    10_000,
  )
})

test('unknown names are refused with what was probably meant', (t) => {
  refuses(
    t,
    { variables: { FANLINE_HISTORY_MAX_EVENT: '1' } },
    'There is no variable FANLINE_HISTORY_MAX_EVENT (in the environment). Did you mean FANLINE_HISTORY_MAX_EVENTS?',
  )
  refuses(
    t,
    { files: { '.env': 'FANLINE_PROT=1' } },
    /FANLINE_PROT \(in \.env\)\. Did you mean FANLINE_PORT\?/,
  )
  refuses(
    t,
    { files: { 'fanline.yaml': 'history: { maxEvnts: 1 }' } },
    'fanline.yaml: there is no option history.maxEvnts. Did you mean history.maxEvents?',
  )
  refuses(t, { files: { 'fanline.yaml': 'histroy: { maxEvents: 1 }' } }, /histroy\. Did you mean history\?/)
  refuses(t, { files: { 'fanline.yaml': 'history.maxEvents: 1' } }, /no option history\.maxEvents\./)
  refuses(t, { files: { 'fanline.yaml': 'zzzzzzzz: 1' } }, 'fanline.yaml: there is no option zzzzzzzz.')
  refuses(t, { files: { 'fanline.json': '{"__proto__":1}' } }, /no option __proto__\./)
})

test('a wrong value is refused with its bounds and its source', (t) => {
  const bounds = 'must be an integer from 0 to 65535 (port), not'
  refuses(t, { flags: { port: 'abc' } }, `--port ${bounds} "abc".`)
  refuses(t, { flags: { port: '1e3' } }, `--port ${bounds} "1e3".`)
  refuses(t, { variables: { FANLINE_PORT: '65536' } }, `FANLINE_PORT in the environment ${bounds} 65536.`)
  refuses(
    t,
    { variables: { PORT: '-1' }, platformVariables: PLATFORM },
    `PORT in the environment ${bounds} -1.`,
  )
  refuses(t, { files: { '.env': 'FANLINE_PORT=x' } }, `FANLINE_PORT in .env ${bounds} "x".`)
  refuses(t, { files: { 'fanline.yaml': 'port: "80"' } }, `port in fanline.yaml ${bounds} "80".`)
  refuses(t, { files: { 'fanline.yaml': 'port: 1.5' } }, `port in fanline.yaml ${bounds} 1.5.`)
  refuses(
    t,
    { flags: { 'log.level': 'loud' } },
    '--log-level must be one of debug, info, warn, error, silent, not "loud".',
  )
  refuses(t, { files: { 'fanline.yaml': 'host: 5' } }, 'host in fanline.yaml must be a text, not 5.')
})

test('a file that cannot be used is refused by name', (t) => {
  refuses(t, { file: 'missing.yaml' }, /^missing\.yaml cannot be read: ENOENT/)
  refuses(t, { files: { 'fanline.yaml': 'port: [1' } }, /^fanline\.yaml: /)
  refuses(t, { files: { 'fanline.json': '{' } }, /^fanline\.json: /)
  refuses(t, { files: { 'fanline.yaml': '- port' } }, 'fanline.yaml: the file must hold names and values.')
  refuses(t, { files: { 'fanline.yaml': 'history: 5' } }, 'fanline.yaml: history must hold names and values.')
  refuses(
    t,
    { files: { 'fanline.yaml': '', 'fanline.json': '{}' } },
    /^There are fanline\.yaml and fanline\.json/,
  )
})

test('options that contradict each other are refused', (t) => {
  refuses(
    t,
    { flags: { 'history.maxBytes': '2000000', 'history.totalBytes': '1000000' } },
    /larger than history\.total/,
  )
  refuses(t, { flags: { 'admin.port': '4000' } }, /^admin\.port and port are both 4000/)
  for (const trusted of ['10.0.0.0/40', '10.0.0/8', 'proxy.example', '::/129', '10.0.0.0/8/8', '10.0.0.1/']) {
    refuses(t, { flags: { 'proxy.trusted': trusted } }, /^proxy\.trusted is a list of addresses and networks/)
  }
  for (const hosts of ['https://app.example', 'app.example:443', 'app.example/', '*.example', 'a..b']) {
    refuses(t, { flags: { 'http.hosts': hosts } }, /^http\.hosts is a list of names/)
  }
})

test('an option without a default is undefined until somebody sets it', (t) => {
  assert.equal(load(t, {}).admin.port, undefined)
  assert.equal(load(t, { flags: { 'admin.port': '0' } }).admin.port, 0)
})

test('a switch is true or false, and nothing that looks like it', (t) => {
  assert.equal(load(t, {}).jwt.tokenInQuery, false)
  assert.equal(load(t, { flags: { 'jwt.tokenInQuery': 'true' } }).jwt.tokenInQuery, true)
  assert.equal(load(t, { variables: { FANLINE_JWT_TOKEN_IN_QUERY: 'false' } }).jwt.tokenInQuery, false)
  assert.equal(load(t, { files: { 'fanline.yaml': 'jwt: { tokenInQuery: true }' } }).jwt.tokenInQuery, true)
  const source = 'FANLINE_JWT_TOKEN_IN_QUERY in the environment must be true or false, not'
  for (const text of ['1', 'yes', 'TRUE', 'on']) {
    refuses(t, { variables: { FANLINE_JWT_TOKEN_IN_QUERY: text } }, `${source} "${text}".`)
  }
  refuses(
    t,
    { files: { 'fanline.yaml': 'jwt: { tokenInQuery: "true" }' } },
    'jwt.tokenInQuery in fanline.yaml must be true or false, not "true".',
  )
})

const SECRET = 'a secret that is long enough for HS256'

test('records come from a file, or as JSON from a flag or a variable', (t) => {
  const records = [
    { issuer: 'https://a.example', secret: SECRET, algorithms: ['HS256'] },
    { issuer: 'https://b.example', publicKey: 'x', userClaim: 'email' },
  ]
  const expected = [
    { issuer: 'https://a.example', secret: SECRET, algorithms: ['HS256'], userClaim: 'sub', publicKey: '' },
    { issuer: 'https://b.example', secret: '', algorithms: [], userClaim: 'email', publicKey: 'x' },
  ]
  const json = JSON.stringify(records)
  const yaml = `jwt:
  issuers:
    - issuer: https://a.example
      secret: ${SECRET}
      algorithms: [HS256]
    - { issuer: https://b.example, publicKey: x, userClaim: email }
`
  for (const setting of [
    { flags: { 'jwt.issuers': json } },
    { variables: { FANLINE_JWT_ISSUERS: json } },
    { files: { 'fanline.yaml': yaml } },
    { files: { 'fanline.json': `{ "jwt": { "issuers": ${json} } }` } },
  ]) {
    const { issuers } = load(t, setting).jwt
    assert.deepEqual(
      issuers.map(({ issuer, secret, algorithms, userClaim, publicKey }) => ({
        issuer,
        secret,
        algorithms,
        userClaim,
        publicKey,
      })),
      expected,
    )
  }
  assert.deepEqual(load(t, {}).jwt.issuers, [])
})

test('a mistake in a record is refused by its place, and shows no secret', (t) => {
  const inFile = (yaml: string): Setting => ({ files: { 'fanline.yaml': `jwt: { issuers: ${yaml} }` } })
  const place = 'of jwt.issuers in fanline.yaml'
  refuses(t, inFile('5'), /^jwt\.issuers in fanline\.yaml must be a list of objects with secret, publicKey, /)
  refuses(t, inFile('{ issuer: a }'), /must be a list of objects/)
  refuses(t, inFile('[hush]'), /^entry 1 of jwt\.issuers in fanline\.yaml must be an object with/)
  refuses(t, inFile('[{ isuer: a }]'), `There is no field isuer in entry 1 ${place}. Did you mean issuer?`)
  refuses(
    t,
    inFile('[{ issuer: a, publicKey: b }, { secret: guess-me }]'),
    `secret in entry 2 ${place} must be a text of at least 32 characters, not what it is.`,
  )
  refuses(
    t,
    inFile('[{ issuer: a, publicKey: b, algorithms: RS256 }]'),
    `algorithms in entry 1 ${place} must be a list of words, not "RS256".`,
  )
  for (const text of [`{"secret":"${SECRET}`, `[{"secret": ${SECRET}}]`, SECRET]) {
    refuses(
      t,
      { variables: { FANLINE_JWT_ISSUERS: text } },
      /^FANLINE_JWT_ISSUERS in the environment must be a list of objects with [A-Za-z, ]+\.$/,
    )
  }
})

test('a file that cannot be parsed is not shown: it may hold secrets', (t) => {
  refuses(
    t,
    { files: { 'fanline.yaml': `jwt: { secret: "${SECRET}` } },
    /^fanline\.yaml: [^\n]*line 1[^\n]*$/,
  )
  for (const [name, text] of [
    ['fanline.yaml', `jwt:\n  secret: "${SECRET}" hush\n`],
    ['fanline.json', `{ "jwt": { "secret": ${SECRET} } }`],
    ['fanline.json', `{ "jwt": { "secret": "${SECRET}" `],
  ] as const) {
    refuses(t, { files: { [name]: text } }, /^(?!.*(?:secret that is|hush))fanline\.(?:yaml|json): [^\n]+$/s)
  }
})

test('it is known where each option was set', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, '.env'), 'FANLINE_LOG_LEVEL=error\n')
  writeFileSync(join(directory, 'fanline.yaml'), 'log: { level: warn }\nhistory: { maxEvents: 41 }\n')
  const flags = new Map([['port', '1']])
  const loaded = loadConfig({ flags, environment: readEnvironment(directory, {}), directory })
  assert.equal(loaded.file, 'fanline.yaml')
  assert.deepEqual(Object.fromEntries(loaded.sources), {
    port: '--port',
    'log.level': 'FANLINE_LOG_LEVEL in .env',
    'history.maxEvents': 'history.maxEvents in fanline.yaml',
  })
})
