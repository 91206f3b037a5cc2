import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Program, startDev } from '../testing/program.ts'
import { rawRequest } from '../testing/raw-request.ts'

/** A request as curl would send it, with any Host. */
async function fetchAs(host: string, address: string, port: number, path: string): Promise<IncomingMessage> {
  const request = get({ host: address, port, path, headers: { Host: host } })
  const [response] = await once(request, 'response')
  response.setEncoding('utf8')
  return response
}

function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some((known) => known?.some(({ address }) => address === '::1'))
}

test('dev prints lines to copy, and they work', async (t) => {
  const { program, url } = await startDev(t)
  assert.match(program.stdout, /Open to everybody on this machine/)
  for (const [name, path] of [
    ['Demo page', '/'],
    ['Admin UI', '/admin'],
    ['API', '/docs'],
  ]) {
    assert.match(program.stdout, new RegExp(`${name} +${url}${path}\n`))
    assert.equal((await fetch(url + path)).status, 200, name)
  }
  assert.match(program.stdout, /curl -N localhost:\d+\/v1\/events\/hello\n/)
  assert.match(program.stdout, /curl -d 'Hello' localhost:\d+\/v1\/publish\/hello\n/)

  const stream = await fetch(`${url}/v1/events/hello`)
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
  const { value: hello } = await reader.read()
  assert.match(hello!, /^retry: \d+\nid: \d+\nevent: fanline\.hello\ndata: \{/)

  // What `curl -d Hello` sends.
  const answer = await fetch(`${url}/v1/publish/hello`, {
    method: 'POST',
    body: 'Hello',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  })
  assert.equal(answer.status, 200)
  const { id, delivered } = (await answer.json()) as { id: string; delivered: number }
  assert.equal(delivered, 1)
  assert.equal((await reader.read()).value, `id: ${id}\nchannel: hello\ndata: Hello\n\n`)

  program.signal('SIGINT')
  assert.match(
    (await reader.read()).value!,
    /event: fanline\.bye\ndata: \{"reason":"drain","reconnect":true\}/,
  )
  assert.equal(await program.exitCode, 0)
})

test('dev answers on 127.0.0.1, and on ::1 where there is one, to loopback names only', async (t) => {
  const { port } = await startDev(t)
  for (const [address, host] of [
    ['127.0.0.1', `localhost:${port}`],
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1', 'LOCALHOST:1'],
    ...(hasIpv6Loopback() ? [['::1', `[::1]:${port}`] as const] : []),
  ] as const) {
    const response = await fetchAs(host, address, port, '/livez')
    assert.equal(response.statusCode, 200, host)
    response.resume()
  }
  for (const host of ['evil.example', `localhost.evil.example:${port}`, 'localhost:1:2', '192.168.0.1']) {
    for (const path of ['/livez', '/v1/stats', '/']) {
      const response = await fetchAs(host, '127.0.0.1', port, path)
      assert.equal(response.statusCode, 421, host)
      assert.equal(response.headers['content-type'], 'application/problem+json')
      const [body] = await once(response, 'data')
      assert.equal(JSON.parse(body).code, 'host-forbidden')
    }
  }
  assert.match(
    await rawRequest(port, 'GET /livez HTTP/1.0\r\n\r\n'),
    /^HTTP\/1\.1 421 .*"code":"host-forbidden"/s,
  )
})

test('dev takes publishes from programs and pages of this machine, from no other page', async (t) => {
  const { port } = await startDev(t)
  const publish = (headers: Record<string, string>) =>
    fetch(`http://127.0.0.1:${port}/v1/publish/hello`, { method: 'POST', body: 'Hello', headers })
  for (const headers of [{}, { Origin: `http://localhost:${port}` }, { Origin: 'http://127.0.0.1:5173' }]) {
    assert.equal((await publish(headers as Record<string, string>)).status, 200)
  }
  for (const Origin of ['https://evil.example', 'http://localhost.evil.example', 'null']) {
    const answer = await publish({ Origin })
    assert.equal(answer.status, 403, Origin)
    assert.equal(((await answer.json()) as { code: string }).code, 'origin-forbidden')
  }
})

test('dev honours PORT, and does not mind a HOST that a shell has set', async (t) => {
  const { port } = await startDev(t)
  const program = new Program(t, ['dev'], { env: { PORT: String(port), HOST: 'my-machine' } })
  assert.equal(await program.exitCode, 1)
  assert.match(
    program.stderr,
    new RegExp(`^fanline: Port ${port} on 127\\.0\\.0\\.1 is in use\\. Take another with --port`),
  )
})

test('dev refuses NODE_ENV=production, also from .env', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, '.env'), 'NODE_ENV=production\n')
  for (const options of [{ env: { NODE_ENV: 'production' } }, { directory }]) {
    const program = new Program(t, ['dev', '--port', '0'], options)
    assert.equal(await program.exitCode, 1)
    assert.match(program.stderr, /does not run with NODE_ENV=production\. Use `fanline start`\.\n$/)
  }
})

test('dev refuses an address that others can reach', async (t) => {
  for (const host of ['0.0.0.0', '::', '192.168.0.1', 'example.com']) {
    const program = new Program(t, ['dev', '--port', '0', '--host', host])
    assert.equal(await program.exitCode, 2)
    assert.match(program.stderr, /open to everybody, so its host is localhost, 127\.0\.0\.1 or ::1/)
  }
  const admin = new Program(t, ['dev', '--port', '0', '--admin-host', '0.0.0.0', '--admin-port', '0'])
  assert.equal(await admin.exitCode, 2)
})

test('dev shows where the admin UI is, when it has a port of its own', async (t) => {
  const { program, url } = await startDev(t, ['--admin-port', '0'])
  const [, admin] = await program.prints(/Admin UI +(http:\/\/localhost:\d+\/admin)\n/)
  assert.deepEqual([(await fetch(admin!)).status, (await fetch(`${url}/admin`)).status], [200, 404])
})

test('dev serves the task of the demo page', async (t) => {
  const { url } = await startDev(t)
  const answer = await fetch(`${url}/demo/task`, { method: 'POST' })
  assert.equal(answer.status, 200)
  const { channel } = (await answer.json()) as { channel: string }
  assert.match(channel, /^task\./)
})

test('a mistake on the command line is one clear line and exit code 2', async (t) => {
  const cases: [string[], RegExp][] = [
    [['dev', '--prot', '1'], /^fanline: unknown option '--prot'\n\(Did you mean --port\?\)\n$/],
    [['dve'], /^fanline: unknown command 'dve'\n\(Did you mean dev\?\)\n$/],
    [['dev', '--port', 'x'], /^fanline: --port must be an integer from 0 to 65535 \(port\), not "x"\.\n$/],
    [['dev', 'extra'], /^fanline: too many arguments/],
  ]
  for (const [args, message] of cases) {
    const program = new Program(t, args)
    assert.equal(await program.exitCode, 2, args.join(' '))
    assert.match(program.stderr, message)
  }
})

test('version is printed by the verb and by the flag', async (t) => {
  for (const args of [['version'], ['--version']]) {
    const program = new Program(t, args)
    assert.equal(await program.exitCode, 0)
    assert.match(program.stdout, /^\d+\.\d+\.\d+\n$/)
  }
})
