import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { CheckResult, Diagnosis } from '../doctor/check.ts'
import { certificatePaths } from '../testing/certificate.ts'
import { API_KEY, closedServer, listenerToken } from '../testing/closed-server.ts'
import { impatientProxy } from '../testing/impatient-proxy.ts'
import { Program, type ProgramOptions, startDev } from '../testing/program.ts'
import { tlsDoor } from '../testing/tls-door.ts'

interface Report {
  readonly exitCode: number | null
  readonly ok: boolean
  readonly checks: readonly CheckResult[]
  readonly diagnoses: readonly Diagnosis[]
}

const DOCTOR = { subscribe: ['fanline.doctor.*'], publish: ['fanline.doctor.*'] }

/** Heartbeats that do not keep the tests waiting. */
const QUICK = { 'delivery.heartbeatMs': '1000' }

async function doctor(
  t: TestContext,
  url: string,
  flags: readonly string[] = [],
  env: NonNullable<ProgramOptions['env']> = {},
): Promise<Report> {
  const program = new Program(t, ['doctor', url, '--json', ...flags], { env })
  const exitCode = await program.exitCode
  assert.notEqual(program.stdout, '', program.stderr)
  return { exitCode, ...JSON.parse(program.stdout) }
}

function verdicts({ checks }: Report): Record<string, string> {
  return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]))
}

describe('fanline doctor', { concurrency: 4 }, () => {
  test('finds nothing wrong where nothing is, says so line by line, and ends with 0', async (t) => {
    const { url } = await startDev(t, ['--delivery-heartbeat-ms', '1000'])
    const program = new Program(t, ['doctor', url], { env: { NO_COLOR: '1' } })
    assert.equal(await program.exitCode, 0, program.stdout)
    const marks = program.stdout
      .split('\n')
      .flatMap((line) => /^([✓!✗-]) (\w+) /.exec(line)?.slice(1).join(' ') ?? [])
    assert.deepEqual(marks, [
      '✓ reach',
      '✓ http',
      '✓ token',
      '✓ stream',
      '✓ delivery',
      '✓ compression',
      '✓ resume',
      '✓ leaving',
      '✓ cookies',
      '- cors',
      '✓ idle',
    ])
    assert.match(program.stdout, /Nothing is wrong\.\n$/)
    assert.ok(!program.stdout.includes('\u001b'))
  })

  test('goes through TLS that is trusted, and says how to trust what is not', async (t) => {
    const { port: inside } = await closedServer(t, QUICK)
    const { port } = await tlsDoor(t, inside)
    const url = `https://localhost:${port}`
    const env = { FANLINE_TOKEN: API_KEY, NODE_EXTRA_CA_CERTS: certificatePaths(t).cert }
    const report = await doctor(t, url, [], env)
    assert.equal(report.exitCode, 0, JSON.stringify(report))
    assert.deepEqual(report.checks.find(({ name }) => name === 'http')?.figures, {
      version: '1.1',
      tls: true,
    })

    const strangers: [url: string, said: RegExp][] = [
      [url, /from nobody who is trusted here \(DEPTH_ZERO_SELF_SIGNED_CERT\).*NODE_EXTRA_CA_CERTS=/],
      [`https://localhost:${inside}`, /it does not speak TLS/],
    ]
    for (const [address, said] of strangers) {
      const program = new Program(t, ['doctor', address])
      assert.equal(await program.exitCode, 2)
      assert.match(program.stderr, said)
    }
  })

  test('listens with a token and publishes with the API key', async (t) => {
    const { port } = await closedServer(t, QUICK)
    const env = {
      FANLINE_TOKEN: await listenerToken({ sub: '42', fanline: DOCTOR }),
      FANLINE_API_KEY: API_KEY,
    }
    const report = await doctor(t, `http://127.0.0.1:${port}`, [], env)
    assert.equal(report.exitCode, 0, JSON.stringify(report))
    assert.equal(verdicts(report).delivery, 'ok')
  })

  test('judges what it can when it may not publish', async (t) => {
    const { port } = await closedServer(t, QUICK)
    const env = { FANLINE_TOKEN: await listenerToken({ fanline: { subscribe: DOCTOR.subscribe } }) }
    const report = await doctor(t, `http://127.0.0.1:${port}`, [], env)
    assert.equal(report.exitCode, 0, JSON.stringify(report))
    const { stream, delivery, resume, idle } = verdicts(report)
    assert.deepEqual(
      { stream, delivery, resume, idle },
      { stream: 'ok', delivery: 'skipped', resume: 'skipped', idle: 'ok' },
    )
  })

  test('says that a token has expired, that it was made with another secret, covers too little, or is missing', async (t) => {
    const { port } = await closedServer(t, QUICK)
    const longAgo = Math.floor(Date.now() / 1000) - 3600
    const cases: [token: string | undefined, trouble: RegExp, culprit: RegExp][] = [
      [await listenerToken({ exp: longAgo }), /^The token has expired/, /^the token$/],
      [
        await listenerToken({}, 'another secret of the tests, long enough'),
        /not accepted/,
        /secret, issuer or audience/,
      ],
      [await listenerToken({}), /does not cover fanline\.doctor\./, /grants/],
      [undefined, /asks for a token/, /FANLINE_TOKEN is not set/],
    ]
    for (const [token, trouble, culprit] of cases) {
      const env = token === undefined ? {} : { FANLINE_TOKEN: token }
      const report = await doctor(t, `http://127.0.0.1:${port}`, [], env)
      assert.equal(report.exitCode, 1)
      assert.equal(verdicts(report).token, 'wrong')
      assert.match(report.diagnoses[0]!.trouble, trouble)
      assert.match(report.diagnoses[0]!.culprit, culprit)
    }
  })

  test('finds the origin that is not listed, and is content with the one that is', async (t) => {
    const { port } = await closedServer(t, { ...QUICK, 'cors.origins': 'https://app.example' })
    const env = { FANLINE_TOKEN: API_KEY }
    const url = `http://127.0.0.1:${port}`
    const wrong = await doctor(t, url, ['--origin', 'http://app.example'], env)
    assert.equal(wrong.exitCode, 1)
    assert.equal(verdicts(wrong).cors, 'wrong')
    assert.match(wrong.diagnoses[0]!.culprit, /not listed exactly/)
    assert.match(wrong.diagnoses[0]!.fix, /^FANLINE_CORS_ORIGINS=http:\/\/app\.example$/m)
    const right = await doctor(t, url, ['--origin', 'https://app.example'], env)
    assert.equal(right.exitCode, 0, JSON.stringify(right))
    assert.equal(verdicts(right).cors, 'ok')
  })

  test('says after how much silence a stream is cut by somebody who says no name', async (t) => {
    const { port } = await closedServer(t)
    const url = await impatientProxy(t, port, 3000)
    const report = await doctor(t, url, [], { FANLINE_TOKEN: API_KEY })
    assert.equal(report.exitCode, 1)
    const { text } = report.checks.find(({ name }) => name === 'idle')!
    assert.match(text, /^cut after (?:2\.9|3\.\d) s of silence; the hub says something every 15\.0 s$/)
    const [{ culprit, fix }] = report.diagnoses as [Diagnosis]
    assert.equal(culprit, 'something on the way')
    for (const cure of [
      /proxy_read_timeout/,
      /timeout server/,
      /idle_timeout/,
      /FANLINE_DELIVERY_HEARTBEAT_MS=1000/,
    ])
      assert.match(fix, cure)
  })

  test('ends with 2 when nobody answers, and for what it cannot read', async (t) => {
    const cases: [readonly string[], RegExp][] = [
      [['http://localhost:1'], /^fanline: Nobody answers at http:\/\/localhost:1 /],
      [['ftp://localhost'], /is not the address of a server/],
      [['--origin', 'app.example'], /--origin is what a browser sends/],
      [['--idle', 'long'], /--idle is a number with s, m, h or d/],
    ]
    for (const [args, message] of cases) {
      const program = new Program(t, ['doctor', ...args])
      assert.equal(await program.exitCode, 2)
      assert.match(program.stderr, message)
    }
  })
})
