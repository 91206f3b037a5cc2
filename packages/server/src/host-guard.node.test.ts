import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from './failure.ts'
import { hostGuard } from './host-guard.ts'
import { composed } from './testing/composed.ts'
import { rawRequest } from './testing/raw-request.ts'

describe('the names that a server answers for', () => {
  const rows: [address: string, hosts: string[], asked: string, answered: boolean][] = [
    ['127.0.0.1', [], 'localhost', true],
    ['127.0.0.1', [], 'LocalHost:4000', true],
    ['127.0.0.1', [], '127.0.0.1:4000', true],
    ['127.0.0.2', [], '127.0.0.2', true],
    ['::1', [], '[::1]:4000', true],
    ['127.0.0.1', [], 'evil.example', false],
    ['127.0.0.1', [], 'evil.example:4000', false],
    ['127.0.0.1', [], '127.0.0.1.evil.example', false],
    ['127.0.0.1', [], 'localhost.evil.example', false],
    ['127.0.0.1', [], 'localhost:4000:4000', false],
    ['127.0.0.1', [], '192.168.0.1', false],
    ['127.0.0.1', [], '[::2]', false],
    ['127.0.0.1', ['app.example'], 'app.example', true],
    ['127.0.0.1', ['app.example'], 'App.Example.:443', true],
    ['127.0.0.1', ['App.Example'], 'app.example', true],
    ['127.0.0.1', ['app.example'], 'localhost', true],
    ['127.0.0.1', ['app.example'], 'evil.example', false],
    ['127.0.0.1', ['app.example'], 'app.example.evil.example', false],
    ['127.0.0.1', ['app.example'], 'xapp.example', false],
    ['127.0.0.1', ['*'], 'evil.example', true],
    ['0.0.0.0', [], 'whatever.example', true],
    ['0.0.0.0', ['app.example'], 'app.example', true],
    ['0.0.0.0', ['app.example'], 'whatever.example', false],
  ]
  for (const [address, hosts, asked, answered] of rows) {
    it(`${answered ? 'have' : 'lack'} ${asked} on ${address} with [${hosts}]`, async (t) => {
      const guard = hostGuard(address, hosts)
      const { port, hub } = await composed(t, { entrance: { addresses: ['127.0.0.1'], guard } })
      for (const path of ['/readyz?verbose', '/v1/stats']) {
        const answer = await rawRequest(
          port,
          `GET ${path} HTTP/1.1\r\nHost: ${asked}\r\nConnection: close\r\n\r\n`,
        )
        if (answered) assert.match(answer, /^HTTP\/1\.1 200 /)
        else assert.match(answer, /^HTTP\/1\.1 421 .*"code":"host-forbidden"/s)
      }
      assert.equal(hub.stats().problems['host-forbidden'], answered ? undefined : 2)
    })
  }

  for (const [address, status] of [
    ['0.0.0.0', 200],
    ['127.0.0.1', 421],
  ] as const) {
    it(`are ${status === 200 ? 'not' : 'also'} asked of a probe on ${address}`, async (t) => {
      const guard = hostGuard(address, ['app.example'])
      const { port } = await composed(t, { entrance: { addresses: ['127.0.0.1'], guard } })
      for (const path of ['/livez', '/readyz']) {
        const probe = `GET ${path} HTTP/1.1\r\nHost: 10.1.2.3:4000\r\nConnection: close\r\n\r\n`
        assert.match(await rawRequest(port, probe), new RegExp(`^HTTP/1\\.1 ${status} `))
      }
    })
  }

  it('are names, without scheme and port', () => {
    for (const host of ['https://app.example', 'app.example:443', '*.app.example', '']) {
      assert.throws(() => hostGuard('127.0.0.1', [host]), Failure, host)
    }
  })
})
