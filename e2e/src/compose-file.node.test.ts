import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { startNginx } from './proxies/running-nginx.ts'
import { RedisServer } from './redis-server.ts'
import { ReturningListener } from './returning-listener.ts'
import { type RunningServer, startServer } from './running-server.ts'

const FOLDER = new URL('../../deploy/', import.meta.url)
const PROGRAM = fileURLToPath(new URL('../../packages/server/bin/fanline.js', import.meta.url))
const SECRETS = {
  FANLINE_JWT_SECRET: 'a secret of the tests, long enough to be taken',
  FANLINE_API_KEY: 'a-key-of-the-tests-long-enough-to-be-taken',
}
const BY_KEY = { Authorization: `Bearer ${SECRETS.FANLINE_API_KEY}` }

interface Service {
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly environment?: Readonly<Record<string, string | number>>
  readonly volumes?: readonly string[]
  readonly stop_grace_period?: string
}

const { services } = parse(readFileSync(new URL('compose.yml', FOLDER), 'utf8'), { merge: true }) as {
  services: Readonly<Record<string, Service>>
}
const hubs = Object.entries(services).filter(([name]) => name.startsWith('hub'))

/** The variables of the hubs as the compose file sets them, with secrets in their places. */
function environment(): Record<string, string> {
  const given = Object.entries(hubs[0]![1].environment!).map(([name, value]) => [name, String(value)])
  return { ...Object.fromEntries(given), ...SECRETS }
}

test('deploy/compose.yml has three hubs, and names files that are there and what nginx.conf knows', () => {
  assert.equal(hubs.length, 3)
  const { build, stop_grace_period: grace } = hubs[0]![1]
  assert.ok(existsSync(new URL(`${build!.context}/${build!.dockerfile}`, FOLDER)))
  assert.ok(Number.parseInt(grace!, 10) * 1000 > Number(environment().FANLINE_SHUTDOWN_DRAIN_MS))
  const [mounted] = services.nginx!.volumes![0]!.split(':')
  const configuration = readFileSync(new URL(mounted!, FOLDER), 'utf8')
  assert.deepEqual(
    [...configuration.matchAll(/^ *server (\S+):(\d+) /gm)].map(([, name, port]) => [name, port]),
    hubs.map(([name]) => [name, environment().FANLINE_PORT]),
  )
  for (const name of Object.keys(SECRETS)) {
    assert.match(
      String(hubs[0]![1].environment![name]),
      new RegExp(`^\\$\\{${name}:\\?`),
      'a secret in a file',
    )
  }
})

test('the program takes what the compose file sets', () => {
  const checked = execFileSync(process.execPath, [PROGRAM, 'config', 'check'], {
    env: { PATH: process.env.PATH, ...environment() },
    encoding: 'utf8',
  })
  assert.match(checked, /^ok/)
})

test('three hubs behind nginx are one: what one is given all deliver, and a killed one is missed by nobody', async (t) => {
  const redis = await RedisServer.start('aof')
  t.after(() => redis.stop())
  const running = await Promise.all([startHub(t, redis.url), startHub(t, redis.url), startHub(t, redis.url)])
  const origin = await startNginx(
    t,
    running.map(({ port }) => port),
  )
  const listeners = await Promise.all(Array.from({ length: 12 }, () => listen(t, `${origin}/v1/events/news`)))
  const counts = await Promise.all(running.map(connectionsAt))
  assert.ok(
    counts.every((count) => count > 0),
    `all hubs have clients: ${counts}`,
  )

  const expected: string[] = []
  const publish = async (data: string): Promise<void> => {
    const answer = await fetch(`${origin}/v1/publish/news`, { method: 'POST', body: data, headers: BY_KEY })
    assert.equal(answer.status, 200, await answer.clone().text())
    expected.push(data)
  }
  const allHear = async (): Promise<void> => {
    for (const listener of listeners) await listener.until(() => listener.heard.length === expected.length)
  }
  for (let n = 0; n < 10; n++) await publish(`before ${n}`)
  await allHear()

  await running[1]!.stop('SIGKILL')
  for (let n = 0; n < 10; n++) await publish(`after ${n}`)
  await allHear()
  for (const listener of listeners) {
    assert.deepEqual(
      listener.heard.map(({ data }) => data),
      expected,
    )
    assert.deepEqual(listener.gaps, [])
  }
  assert.equal((await fetch(`${origin}/metrics`, { headers: BY_KEY })).status, 404)
})

async function startHub(test: TestContext, redis: string): Promise<RunningServer> {
  const { FANLINE_PORT: _, ...env } = environment()
  const hub = await startServer(['start'], {
    env: { ...env, FANLINE_HOST: '127.0.0.1', FANLINE_REDIS: redis },
  })
  test.after(() => hub.stop('SIGKILL'))
  return hub
}

async function listen(test: TestContext, url: string): Promise<ReturningListener> {
  const listener = new ReturningListener(url, undefined, BY_KEY)
  test.after(() => listener.close())
  await listener.until(() => listener.lastId !== undefined)
  return listener
}

async function connectionsAt({ origin }: RunningServer): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`, { headers: BY_KEY })).text()
  return Number(/^fanline_connections (\d+)$/m.exec(text)![1])
}
