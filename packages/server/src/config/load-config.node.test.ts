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
  })
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
})
