import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../testing/eventually.ts'
import { Program } from '../testing/program.ts'

/** A folder with a file of keys, and `fanline` in it. */
class Keys {
  readonly file: string
  readonly #test: TestContext
  readonly #options: { directory: string; env: Record<string, string> }

  constructor(test: TestContext) {
    const directory = mkdtempSync(join(tmpdir(), 'fanline-'))
    test.after(() => rmSync(directory, { recursive: true }))
    this.file = join(directory, 'keys.json')
    this.#test = test
    this.#options = { directory, env: { FANLINE_API_KEYS_FILE: 'keys.json' } }
  }

  start(args: readonly string[]): Program {
    return new Program(this.#test, args, this.#options)
  }

  /** Runs `fanline key` to its end. */
  async run(...args: string[]): Promise<Program> {
    const program = this.start(['key', ...args])
    await program.exitCode
    return program
  }

  /** Makes a key, and answers it. */
  async create(...args: string[]): Promise<string> {
    const program = await this.run('create', ...args)
    assert.equal(await program.exitCode, 0, program.stderr)
    return program.stdout.trim()
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it and fails where it is something else
  async list(): Promise<any[]> {
    return JSON.parse((await this.run('list', '--json')).stdout)
  }

  /** `fanline start`, listening. */
  async serve(): Promise<{ program: Program; url: string }> {
    const program = this.start(['start', '--port', '0'])
    const [, port] = await program.prints(/"port":(\d+)/)
    return { program, url: `http://127.0.0.1:${port}/v1` }
  }
}

function bearer(key: string): Record<string, string> {
  return { Authorization: `Bearer ${key}` }
}

async function publish(url: string, key: string, channel: string): Promise<number> {
  return (await fetch(`${url}/publish/${channel}`, { method: 'POST', body: 'x', headers: bearer(key) }))
    .status
}

/** Waits until the key is answered with this status, and notes how long that took. */
async function answeredWith(status: number, url: string, key: string, t: TestContext): Promise<void> {
  const began = performance.now()
  await eventually(async () => (await publish(url, key, 'a')) === status, `${status}`)
  t.diagnostic(`answered with ${status} after ${(performance.now() - began).toFixed()} ms`)
}

test('key create prints the key, and nothing else, on standard output', async (t) => {
  const keys = new Keys(t)
  const program = await keys.run('create', '--name', 'shop', '--publish', 'orders.*', '--expires', '90d')
  assert.equal(await program.exitCode, 0)
  assert.match(program.stdout, /^fl_[0-9a-f]{12}_[0-9a-f]{64}\n$/)
  const [, id, secret] = program.stdout.trim().split('_')
  assert.match(
    program.stderr,
    new RegExp(
      `^The key ${id} \\(shop\\) may publish to orders\\.\\*\\. It expires \\d{4}-.*store it now`,
      's',
    ),
  )
  assert.ok(!program.stderr.includes(secret!))
  assert.ok(!readFileSync(keys.file, 'utf8').includes(secret!))
  assert.equal(statSync(keys.file).mode & 0o777, 0o600)
})

test('key list shows what there is, and no hash', async (t) => {
  const keys = new Keys(t)
  const empty = await keys.run('list')
  assert.equal(await empty.exitCode, 0)
  assert.equal(empty.stdout, '')
  assert.match(empty.stderr, /There are no keys in keys\.json/)
  await keys.create('--name', 'shop', '--publish', 'orders.*', '--publish', '@user:*', '--subscribe', 'news')
  await keys.create('--name', 'ops', '--admin', '--expires', '1s')
  const list = await keys.list()
  const [{ hash }] = JSON.parse(readFileSync(keys.file, 'utf8')).keys
  assert.deepEqual(
    list.map(({ id, createdAt, expiresAt, ...rest }) => rest),
    [
      { name: 'shop', subscribe: ['news'], publish: ['orders.*', '@user:*'], role: null, lastUsedAt: null },
      { name: 'ops', subscribe: [], publish: [], role: 'admin', lastUsedAt: null },
    ],
  )
  assert.equal(Date.parse(list[1].expiresAt) - Date.parse(list[1].createdAt), 1000)
  await delay(Math.max(0, Date.parse(list[1].expiresAt) - Date.now()))
  const { stdout } = await keys.run('list')
  const [head, shop, ops] = stdout.split('\n')
  assert.match(head!, /^ID +NAME +MAY +CREATED +EXPIRES +LAST USED$/)
  assert.match(
    shop!,
    /^[0-9a-f]{12} +shop +publish to orders\.\*, @user:\* and read news +20\S+Z +never +never$/,
  )
  assert.match(ops!, /^[0-9a-f]{12} +ops +do everything +20\S+Z +20\S+Z, over +never$/)
  assert.ok(!stdout.includes(hash))
})

test('a key does what it was made for, and its use is noted', async (t) => {
  const keys = new Keys(t)
  const shop = await keys.create('--name', 'shop', '--publish', 'orders.*')
  const { program, url } = await keys.serve()
  assert.equal(await publish(url, shop, 'orders.eu'), 200)
  assert.equal(await publish(url, shop, 'news'), 403)
  assert.equal((await fetch(`${url}/stats`, { headers: bearer(shop) })).status, 403)
  assert.equal((await fetch(`${url}/events/orders.eu`, { headers: bearer(shop) })).status, 403)

  // Made while the server runs.
  const ops = await keys.create('--name', 'ops', '--admin')
  await answeredWith(200, url, ops, t)
  assert.equal((await fetch(`${url}/stats`, { headers: bearer(ops) })).status, 200)
  const usedFrom = Date.now()
  assert.equal(await publish(url, shop, 'orders.eu'), 200)

  program.signal('SIGTERM')
  assert.equal(await program.exitCode, 0)
  const [first, second] = await keys.list()
  assert.ok(Date.parse(first.lastUsedAt) >= usedFrom)
  assert.ok(Date.parse(second.lastUsedAt) <= usedFrom)
  assert.equal(statSync(keys.file.replace('.json', '.used.json')).mode & 0o777, 0o600)
  for (const key of [shop, ops]) {
    assert.ok(!program.stdout.includes(key.split('_')[2]!))
    assert.ok(!program.stderr.includes(key.split('_')[2]!))
  }
})

test('a revoked key counts no more, and its streams end', async (t) => {
  const keys = new Keys(t)
  const gone = await keys.create('--name', 'gone', '--subscribe', 'a', '--publish', 'a')
  const stays = await keys.create('--name', 'stays', '--subscribe', 'a', '--publish', 'a')
  const { program, url } = await keys.serve()
  const open = async (key: string): Promise<ReadableStreamDefaultReader<string>> => {
    const stream = await fetch(`${url}/events/a`, { headers: bearer(key) })
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
    assert.match((await reader.read()).value!, /fanline\.hello/)
    return reader
  }
  const [ends, goesOn] = [await open(gone), await open(stays)]

  const revoked = await keys.run('revoke', gone.split('_')[1]!)
  assert.equal(await revoked.exitCode, 0)
  const revokedAt = performance.now()
  assert.match(revoked.stderr, /^The key [0-9a-f]{12} \(gone\) is revoked\.\n$/)
  assert.match(
    (await ends.read()).value!,
    /event: fanline\.bye\ndata: \{"reason":"revoked","reconnect":false\}/,
  )
  t.diagnostic(`its stream ended after ${(performance.now() - revokedAt).toFixed()} ms`)
  assert.equal((await ends.read()).done, true)
  assert.equal(await publish(url, gone, 'a'), 401)

  assert.equal(await publish(url, stays, 'a'), 200)
  assert.match((await goesOn.read()).value!, /data: x/)
  program.signal('SIGTERM')
  assert.equal(await program.exitCode, 0)

  const again = await keys.run('revoke', gone.split('_')[1]!)
  assert.equal(await again.exitCode, 1)
  assert.match(again.stderr, /^fanline: There is no key "[0-9a-f]{12}" in keys\.json\.\n$/)
})

test('a file that is damaged while the server runs changes nothing until it is mended', async (t) => {
  const keys = new Keys(t)
  const key = await keys.create('--name', 'shop', '--publish', 'a')
  const whole = readFileSync(keys.file, 'utf8')
  const { program, url } = await keys.serve()
  writeFileSync(keys.file, '{"keys": hush')
  await program.prints(/"level":"error",.*keys\.json is damaged.*API keys cannot be read again/)
  assert.equal(await publish(url, key, 'a'), 200)
  rmSync(keys.file)
  await program.prints(/keys\.json is gone/)
  assert.equal(await publish(url, key, 'a'), 200)

  // Put in place as other programs do.
  writeFileSync(`${keys.file}.new`, '{"keys":[]}')
  renameSync(`${keys.file}.new`, keys.file)
  await answeredWith(401, url, key, t)
  writeFileSync(keys.file, whole)
  await answeredWith(200, url, key, t)
  assert.doesNotMatch(program.stdout, /hush/)
})

test('a server does not start with a damaged file, and starts without any', async (t) => {
  const keys = new Keys(t)
  writeFileSync(keys.file, '{"keys": hush')
  const refused = keys.start(['start', '--port', '0'])
  assert.equal(await refused.exitCode, 2)
  assert.match(
    refused.stderr,
    /^fanline: The file of API keys keys\.json is damaged: it is not a JSON object/,
  )
  assert.doesNotMatch(refused.stderr, /hush/)
  for (const args of [['list'], ['revoke', 'x'], ['create', '--name', 'x', '--admin']]) {
    const program = await keys.run(...args)
    assert.equal(await program.exitCode, 1)
    assert.match(program.stderr, /is damaged/)
  }
  rmSync(keys.file)
  const { program, url } = await keys.serve()
  await program.prints(/"level":"warn",.*there is no API key yet/)
  const key = await keys.create('--name', 'first', '--publish', 'a')
  await answeredWith(200, url, key, t)
})

test('uses that cannot be written down stop nobody', async (t) => {
  const keys = new Keys(t)
  const key = await keys.create('--name', 'shop', '--publish', 'a')
  const { program, url } = await keys.serve()
  writeFileSync(keys.file.replace('.json', '.used.json.lock'), '')
  assert.equal(await publish(url, key, 'a'), 200)
  await program.prints(/"level":"warn",.*when API keys are used cannot be written down/)
  assert.equal(await publish(url, key, 'a'), 200)
})

test('key says what it needs', async (t) => {
  const keys = new Keys(t)
  const cases: [string[], RegExp][] = [
    [['create', '--admin'], /required option '--name <name>' not specified/],
    [['create', '--name', 'x'], /This key may do nothing/],
    [['create', '--name', 'x\ny', '--admin'], /--name has 1 to 100 characters/],
    [['create', '--name', 'x', '--publish', 'a*'], /"a\*" is not a channel name or pattern/],
    [['create', '--name', 'x', '--admin', '--expires', 'soon'], /--expires is a number with s, m, h or d/],
    [['create', '--name', 'x', '--admin', '--port', '5'], /unknown option '--port'/],
    [['revoke'], /missing required argument 'id'/],
  ]
  for (const [args, message] of cases) {
    const program = await keys.run(...args)
    assert.equal(await program.exitCode, 2, args.join(' '))
    assert.match(program.stderr, message)
    assert.equal(program.stdout, '')
  }
  const nowhere = new Program(t, ['key', 'list'])
  assert.equal(await nowhere.exitCode, 2)
  assert.match(nowhere.stderr, /^fanline: Where are keys kept\? Name a file with --api-keys-file/)
})
