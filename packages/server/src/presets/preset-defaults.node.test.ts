import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { START_VARIABLES } from '../commands/start.ts'
import { readEnvironment } from '../config/environment.ts'
import { loadConfig } from '../config/load-config.ts'
import { Failure } from '../failure.ts'
import { Program, startDev } from '../testing/program.ts'

interface Setting {
  readonly preset?: string
  readonly flags?: Readonly<Record<string, string>>
  readonly variables?: Readonly<Record<string, string>>
  /** What `.env` says. */
  readonly env?: string
}

interface Place {
  readonly host: string
  readonly port: number
  /** Where the port was set. */
  readonly source: string | undefined
}

/** Where `fanline start` would listen. */
function placeOf(t: TestContext, { preset, flags = {}, variables = {}, env }: Setting): Place {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-'))
  t.after(() => rmSync(directory, { recursive: true }))
  if (env !== undefined) writeFileSync(join(directory, '.env'), env)
  const { config, sources } = loadConfig({
    flags: new Map(Object.entries({ ...(preset ? { preset } : {}), ...flags })),
    environment: readEnvironment(directory, variables),
    directory,
    platformVariables: START_VARIABLES,
  })
  return { host: config.host, port: config.port, source: sources.get('port') }
}

describe('where a server with presets listens', () => {
  it('is the port of the system that it stands for, on loopback', (t) => {
    for (const [preset, port] of [
      ['user-channel', 8080],
      ['client-id', 3020],
      ['notification', 8080],
      ['session', 8080],
      ['starter', 3000],
    ] as const) {
      const source = `the preset ${preset}`
      assert.deepEqual(placeOf(t, { preset }), { host: '127.0.0.1', port, source })
    }
    const presets = '[{"name":"starter","prefix":"/a"}]'
    assert.equal(placeOf(t, { flags: { presets } }).port, 3000)
  })

  it('is fanline’s own port where there are several', (t) => {
    const preset = 'user-channel,notification'
    assert.deepEqual(placeOf(t, { preset }), { host: '127.0.0.1', port: 4000, source: undefined })
  })

  it('is what SERVER_ADDR says, with or without a colon; without a host it is everywhere', (t) => {
    for (const [SERVER_ADDR, host, port] of [
      ['8080', '0.0.0.0', 8080],
      [':9090', '0.0.0.0', 9090],
      ['localhost:9090', 'localhost', 9090],
      ['10.1.2.3:1', '10.1.2.3', 1],
      ['[::1]:9090', '::1', 9090],
      ['[::]:65535', '::', 65_535],
    ] as const) {
      for (const preset of ['notification', 'notification,starter']) {
        const variables = { SERVER_ADDR }
        assert.deepEqual(placeOf(t, { preset, variables }), {
          host,
          port,
          source: 'SERVER_ADDR in the environment',
        })
      }
    }
    assert.deepEqual(placeOf(t, { preset: 'notification', env: 'SERVER_ADDR=8081\nREDIS_DB=0\n' }), {
      host: '0.0.0.0',
      port: 8081,
      source: 'SERVER_ADDR in .env',
    })
  })

  it('is refused where SERVER_ADDR is none', (t) => {
    for (const SERVER_ADDR of ['x', '8080/', '1:2:3', ':', '70000', '-1', 'redis://h:1']) {
      assert.throws(
        () => placeOf(t, { preset: 'notification', variables: { SERVER_ADDR } }),
        (error) =>
          error instanceof Failure &&
          error.message.startsWith('SERVER_ADDR is a port, :port or host:port, not '),
        SERVER_ADDR,
      )
    }
  })

  it('is what fanline’s own names say where they are set', (t) => {
    const preset = 'notification'
    const SERVER_ADDR = '10.1.2.3:9090'
    const at = (variables: Record<string, string>, flags = {}): Place =>
      placeOf(t, { preset, flags, variables: { SERVER_ADDR, ...variables } })
    assert.deepEqual(at({ PORT: '1', HOST: '::1' }), {
      host: '::1',
      port: 1,
      source: 'PORT in the environment',
    })
    assert.deepEqual(at({ FANLINE_PORT: '2', PORT: '1' }), {
      host: '10.1.2.3',
      port: 2,
      source: 'FANLINE_PORT in the environment',
    })
    assert.deepEqual(at({}, { port: '3', host: '127.0.0.1' }), {
      host: '127.0.0.1',
      port: 3,
      source: '--port',
    })
    assert.equal(placeOf(t, { preset, env: 'PORT=7\n' }).port, 7)
  })

  it('is nothing that SERVER_ADDR says where there are no presets', (t) => {
    for (const SERVER_ADDR of ['10.1.2.3:9090', 'nonsense']) {
      assert.deepEqual(placeOf(t, { variables: { SERVER_ADDR } }), {
        host: '127.0.0.1',
        port: 4000,
        source: undefined,
      })
    }
  })
})

describe('fanline dev with presets', () => {
  it('takes a port from SERVER_ADDR, and stays on loopback', async (t) => {
    const { port } = await startDev(t)
    // The port is taken, so that the program says where it wanted to listen.
    for (const SERVER_ADDR of [`:${port}`, `${port}`, `localhost:${port}`]) {
      const program = new Program(t, ['dev', '--preset', 'notification'], { env: { SERVER_ADDR } })
      assert.equal(await program.exitCode, 1)
      assert.match(program.stderr, new RegExp(`^fanline: Port ${port} on 127\\.0\\.0\\.1 is in use\\.`))
    }
    const everywhere = new Program(t, ['dev', '--preset', 'notification'], {
      env: { SERVER_ADDR: `0.0.0.0:${port}` },
    })
    assert.equal(await everywhere.exitCode, 2)
    assert.match(everywhere.stderr, /its host is localhost, 127\.0\.0\.1 or ::1, not 0\.0\.0\.0/)
  })

  it('does not run where the names of the systems say production', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'fanline-'))
    t.after(() => rmSync(directory, { recursive: true }))
    writeFileSync(join(directory, '.env'), 'ENV_TYPE=prod\n')
    for (const [options, said] of [
      [{ env: { ENVIRONMENT: 'production' } }, 'ENVIRONMENT=production'],
      [{ env: { ENVIRONMENT: 'prod' } }, 'ENVIRONMENT=prod'],
      [{ env: { ENV_TYPE: 'production' } }, 'ENV_TYPE=production'],
      [{ directory }, 'ENV_TYPE=prod'],
    ] as const) {
      const program = new Program(t, ['dev', '--port', '0', '--preset', 'starter'], options)
      assert.equal(await program.exitCode, 1)
      assert.match(program.stderr, new RegExp(`does not run with ${said}\\. Use \`fanline start\`\\.\\n$`))
    }
    await startDev(t, [], { env: { ENVIRONMENT: 'local', ENV_TYPE: 'dev' } })
  })
})
