import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type ClientHttp2Session, connect } from 'node:http2'
import { request } from 'node:https'
import { describe, it, type TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { type CertificatePaths, certificatePaths } from './testing/certificate.ts'
import { eventually } from './testing/eventually.ts'
import { HeardStream } from './testing/heard-stream.ts'
import { Program } from './testing/program.ts'
import { startServer } from './testing/start-server.ts'

/** Puts another certificate of localhost into the files, with this serial number. */
function renew({ cert, key }: CertificatePaths, serial: number): void {
  const what = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const whose = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const where = ['-keyout', key, '-out', cert, '-set_serial', `${serial}`]
  execFileSync('openssl', ['req', ...what, ...whose, ...where], { stdio: 'ignore' })
}

/** The process sends itself SIGHUP as soon as it has begun to listen to signals. */
const HANGUP_AT_START =
  "--import=data:text/javascript,process.on('newListener',(name)=>name==='SIGTERM'&&process.kill(process.pid,'SIGHUP'))"

interface SecureServer {
  readonly program: Program
  readonly port: number
  readonly files: CertificatePaths
}

async function startSecure(t: TestContext, ...flags: string[]): Promise<SecureServer> {
  const files = certificatePaths(t)
  const args = ['dev', '--port', '0', '--tls-cert', files.cert, '--tls-key', files.key, ...flags]
  const program = new Program(t, args)
  const [, port] = await program.prints(/https:\/\/localhost:(\d+)\//)
  return { program, port: Number(port), files }
}

function openSession(t: TestContext, port: number): ClientHttp2Session {
  const session = connect(`https://localhost:${port}`, { rejectUnauthorized: false })
  session.on('error', () => undefined)
  t.after(() => session.destroy())
  return session
}

function listen(session: ClientHttp2Session, path: string, headers = {}): HeardStream {
  const stream = session.request({ ':path': path, ...headers })
  return new HeardStream(stream, () => stream.close())
}

/** By HTTP/1.1. */
async function publish(port: number, channel: string, data: string): Promise<number | undefined> {
  const asking = request({ port, path: `/v1/publish/${channel}`, method: 'POST', rejectUnauthorized: false })
  asking.end(data)
  const [answer] = await once(asking, 'response')
  answer.resume()
  return answer.statusCode
}

async function serialOf(port: number): Promise<string> {
  const socket = connectTls({ port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}

describe('a server with a certificate', () => {
  it('has any number of streams on one connection of HTTP/2, and takes HTTP/1.1 as well', async (t) => {
    const { port, program } = await startSecure(t)
    const session = openSession(t, port)
    const streams = Array.from({ length: 50 }, (_, n) => listen(session, `/v1/events/c${n % 5}`))
    for (const stream of streams) assert.equal((await stream.next()).event, 'fanline.hello')
    assert.equal(await publish(port, 'c3', 'hello'), 200)
    for (const [n, stream] of streams.entries()) {
      if (n % 5 === 3) assert.equal((await stream.next()).data, 'hello')
    }
    const { id } = streams[3]!.events.at(-1)!
    streams[3]!.leave()
    await publish(port, 'c3', 'missed')
    const again = listen(session, '/v1/events/c3', { 'last-event-id': id })
    assert.equal((await again.next()).event, 'fanline.hello')
    assert.equal((await again.next()).data, 'missed')

    program.signal('SIGTERM')
    await again.over
    assert.equal(again.events.at(-1)?.event, 'fanline.bye')
    assert.equal(await program.exitCode, 0)
  })

  it('sends a slow reader of HTTP/2 no more than it takes, and everything in the end', async (t) => {
    const { port } = await startSecure(t)
    const session = openSession(t, port)
    const stream = session.request({ ':path': '/v1/events/news' })
    const slow = new HeardStream(stream, () => stream.close())
    assert.equal((await slow.next()).event, 'fanline.hello')
    stream.pause()
    const data = 'x'.repeat(300_000)
    for (let n = 0; n < 10; n++) await publish(port, 'news', `${n} ${data}`)
    const figures = listen(session, '/v1/stats')
    await figures.over
    const { behind, bufferedBytes } = JSON.parse(figures.text)
    assert.equal(behind, 1)
    assert.ok(bufferedBytes < 1_000_000, `${bufferedBytes} bytes wait in the server`)
    stream.resume()
    for (let n = 0; n < 10; n++) assert.equal((await slow.next()).data.split(' ')[0], `${n}`)
  })

  it('answers under its own name only', async (t) => {
    const { port } = await startSecure(t)
    const session = openSession(t, port)
    const foreign = listen(session, '/v1/stats', { ':authority': `evil.example:${port}` })
    await foreign.over
    assert.equal(JSON.parse(foreign.text).code, 'host-forbidden')
  })

  it('shows another certificate after SIGHUP, and the old one as long as the new one is not usable', async (t) => {
    const { port, program, files } = await startSecure(t)
    assert.equal(await serialOf(port), '01')
    const session = openSession(t, port)
    const stream = listen(session, '/v1/events/news')
    await stream.next()
    renew(files, 2)
    program.signal('SIGHUP')
    await eventually(async () => (await serialOf(port)) === '02', 'the new certificate')
    writeFileSync(files.cert, 'no certificate')
    program.signal('SIGHUP')
    await program.prints(/not usable/)
    assert.equal(await serialOf(port), '02')
    await publish(port, 'news', 'still here')
    assert.equal((await stream.next()).data, 'still here')
  })

  it('has all workers show another certificate after SIGHUP, and ends none that is about to start', async (t) => {
    const files = certificatePaths(t)
    const flags = ['--workers', '2', '--tls-cert', files.cert, '--tls-key', files.key]
    const { program, port } = await startServer(t, flags, { NODE_OPTIONS: HANGUP_AT_START })
    const serials = (): Promise<string[]> => Promise.all([serialOf(port), serialOf(port)])
    assert.ok(!(await serials()).includes('02'))
    renew(files, 2)
    program.signal('SIGHUP')
    await eventually(
      async () => (await serials()).every((serial) => serial === '02'),
      'both show the new one',
    )
  })

  it('without a certificate a hangup ends nobody', async (t) => {
    const { program } = await startServer(t, [], { NODE_OPTIONS: HANGUP_AT_START })
    program.signal('SIGHUP')
    program.signal('SIGTERM')
    assert.equal(await program.exitCode, 0)
  })

  it('does not start with half a pair, a file that is not there, or a key that does not fit', async (t) => {
    const [one, other] = [certificatePaths(t), certificatePaths(t)]
    renew(other, 2)
    for (const [flags, said] of [
      [['--tls-cert', one.cert], /tls\.cert and tls\.key go together/],
      [['--tls-cert', one.cert, '--tls-key', '/nowhere'], /tls\.key cannot be read/],
      [['--tls-cert', one.cert, '--tls-key', other.key], /tls\.key is not the key of the certificate/],
      [['--tls-cert', one.key, '--tls-key', one.key], /are PEM files/],
    ] as const) {
      const program = new Program(t, ['config', 'check', ...flags], {
        env: { FANLINE_API_KEY: 'x'.repeat(32) },
      })
      assert.equal(await program.exitCode, 2)
      assert.match(program.stderr, said)
    }
  })
})
