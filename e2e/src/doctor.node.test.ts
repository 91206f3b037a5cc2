// `fanline doctor` through real programs that stand in front of a hub.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type RequestListener, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import compression from 'compression'
import express from 'express'
import { startPlainHaproxy } from './proxies/running-haproxy.ts'
import { startPlainNginx } from './proxies/running-nginx.ts'
import { type RunningServer, startServer } from './running-server.ts'

const PROGRAM = fileURLToPath(new URL('../../packages/server/bin/fanline.js', import.meta.url))

/** A hub whose heartbeats do not keep the tests waiting, and one as it is by default. */
let quick: RunningServer
let calm: RunningServer

before(async () => {
  const flags = ['--delivery-heartbeat-ms', '1000', '--cors-origins', 'https://app.example']
  ;[quick, calm] = await Promise.all([startServer(['dev', ...flags]), startServer(['dev'])])
})

after(() => Promise.all([quick.stop('SIGKILL'), calm.stop('SIGKILL')]))

interface Report {
  readonly exitCode: number
  readonly checks: readonly { readonly name: string; readonly verdict: string; readonly text: string }[]
  readonly diagnoses: readonly { readonly trouble: string; readonly culprit: string; readonly fix: string }[]
}

describe('fanline doctor names who does it', { concurrency: 3 }, () => {
  test('nginx that buffers, because it is told to pass over X-Accel-Buffering', async (t) => {
    const url = await startPlainNginx(t, quick.port, 'proxy_ignore_headers X-Accel-Buffering;')
    const report = await doctor(url)
    const { trouble, culprit, fix } = theOnlyDiagnosis(report)
    assert.match(trouble, /^Events are held back, in a buffer of about \d+ KiB/)
    assert.equal(culprit, 'nginx')
    assert.match(fix, /proxy_buffering off;/)
  })

  test('nginx that compresses and buffers', async (t) => {
    const gzip = 'gzip on; gzip_types text/event-stream; gzip_proxied any; proxy_http_version 1.1;'
    const url = await startPlainNginx(t, quick.port, gzip)
    const [hint] = (await doctor(url, { exitCode: 0 })).diagnoses
    assert.match(hint!.trouble, /^The stream is compressed \(gzip\)/)
    assert.equal(hint!.culprit, 'nginx')
    assert.match(hint!.fix, /gzip off;/)
  })

  test('nobody, with nginx as it is by default', async (t) => {
    const report = await doctor(await startPlainNginx(t, quick.port), { exitCode: 0 })
    assert.deepEqual(report.diagnoses, [])
    assert.match(report.checks[0]!.text, /on the way: nginx$/)
  })

  test('HAProxy as it is by default, which waits for more before it sends a packet', async (t) => {
    const { trouble, culprit, fix } = theOnlyDiagnosis(await doctor(await startPlainHaproxy(t, quick.port)))
    assert.match(trouble, /^Events come \d+ ms late/)
    assert.equal(culprit, 'HAProxy')
    assert.match(fix, /option http-no-delay/)
    const cured = await doctor(await startPlainHaproxy(t, quick.port, 'option http-no-delay'), {
      exitCode: 0,
    })
    assert.deepEqual(cured.diagnoses, [])
  })

  test('HAProxy with a time-out that is shorter than the heartbeat', async (t) => {
    const lines = 'option http-no-delay\ntimeout client 3s\ntimeout server 3s'
    const report = await doctor(await startPlainHaproxy(t, calm.port, lines))
    const { trouble, culprit, fix } = theOnlyDiagnosis(report)
    assert.match(trouble, /^A stream that is quiet for (?:2\.[5-9]|3\.\d) s is cut/)
    assert.equal(culprit, 'HAProxy')
    assert.match(fix, /timeout server 60s/)
  })

  test('nginx with a time-out that is shorter than the heartbeat', async (t) => {
    const report = await doctor(await startPlainNginx(t, calm.port, 'proxy_read_timeout 3s;'))
    const { trouble, culprit, fix } = theOnlyDiagnosis(report)
    assert.match(trouble, /^A stream that is quiet for 3\.\d s is cut/)
    assert.equal(culprit, 'nginx')
    assert.match(fix, /proxy_read_timeout 60s/)
  })

  test('Express with compression that passes streams on without no-transform', async (t) => {
    const app = express()
    app.use(compression(), passOn(quick.port, { 'cache-control': 'no-cache' }))
    const { trouble, culprit, fix } = theOnlyDiagnosis(await doctor(await listening(t, app)))
    assert.match(trouble, /^The stream is compressed \(\w+\), and the compression holds events back/)
    assert.equal(culprit, 'Express')
    assert.match(fix, /app\.use\(compression\(\{/)
  })

  test('nobody, with Express and compression that leaves no-transform alone', async (t) => {
    const app = express()
    app.use(compression(), passOn(quick.port, {}))
    assert.deepEqual((await doctor(await listening(t, app), { exitCode: 0 })).diagnoses, [])
  })

  test('a proxy that allows every origin by itself', async (t) => {
    const url = await startPlainNginx(t, quick.port, 'add_header Access-Control-Allow-Origin *;')
    const { trouble, culprit, fix } = theOnlyDiagnosis(
      await doctor(url, { flags: ['--origin', 'https://app.example'] }),
    )
    assert.match(trouble, /^Browsers keep pages of https:\/\/app\.example from listening/)
    assert.match(culprit, /adds CORS headers of its own/)
    assert.match(fix, /no add_header/)
  })

  test('a proxy that drops Last-Event-ID, or asks for a name that the hub does not know', async (t) => {
    const anew = await startPlainNginx(t, quick.port, 'proxy_set_header Last-Event-ID "";')
    assert.match(theOnlyDiagnosis(await doctor(anew)).trouble, /^Last-Event-ID does not reach the hub/)
    const app = express()
    app.use(passOn(quick.port, {}, { host: 'app.example' }))
    const renamed = theOnlyDiagnosis(await doctor(await listening(t, app)))
    assert.match(renamed.trouble, /^The hub does not answer under this name/)
    assert.match(renamed.fix, /^FANLINE_HTTP_HOSTS=/)
  })
})

/** Runs the doctor, and expects its exit code. */
async function doctor(
  url: string,
  { flags = [], exitCode = 1 }: { flags?: readonly string[]; exitCode?: number } = {},
): Promise<Report> {
  const args = [PROGRAM, 'doctor', url, '--json', ...flags]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error ? error.code : 0
      if (code === exitCode) resolve({ exitCode, ...JSON.parse(stdout) })
      else reject(new Error(`exit code ${code}, not ${exitCode}:\n${stdout}${stderr}`))
    })
  })
}

function theOnlyDiagnosis({ diagnoses }: Report): Report['diagnoses'][number] {
  assert.equal(diagnoses.length, 1, JSON.stringify(diagnoses, null, 2))
  return diagnoses[0]!
}

/** An application that passes requests on to a hub, and changes headers. */
function passOn(
  port: number,
  answerHeaders: Readonly<Record<string, string>>,
  requestHeaders: Readonly<Record<string, string>> = {},
): RequestListener {
  return (req, res) => {
    const { method, url: path } = req
    const asking = request({
      port,
      method: method!,
      path: path!,
      headers: { ...req.headers, ...requestHeaders },
    })
    asking.on('response', (answer) => {
      res.writeHead(answer.statusCode!, { ...answer.headers, ...answerHeaders })
      answer.pipe(res)
      res.flushHeaders()
    })
    asking.on('error', () => res.destroy())
    res.on('close', () => asking.destroy())
    req.pipe(asking)
  }
}

async function listening(t: TestContext, app: express.Express): Promise<string> {
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
