import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { addressToCount, networks } from './client-address.ts'
import { composed } from './testing/composed.ts'

describe('the address of a client', () => {
  const rows: [
    what: string,
    peer: string | undefined,
    forwarded: string,
    trusted: string[],
    expected: string | undefined,
  ][] = [
    ['is that of its socket', '203.0.113.7', '', [], '203.0.113.7'],
    ['is not what it says itself', '203.0.113.7', '198.51.100.1', [], '203.0.113.7'],
    [
      'is not what it says itself, also to a proxy that is not listed',
      '192.168.0.2',
      '198.51.100.1',
      [],
      undefined,
    ],
    ['is what a trusted proxy says', '10.0.0.1', '198.51.100.1', ['10.0.0.0/8'], '198.51.100.1'],
    [
      'is what a trusted proxy wrote behind a lie',
      '10.0.0.1',
      '1.2.3.4, 198.51.100.1',
      ['10.0.0.1'],
      '198.51.100.1',
    ],
    [
      'is what the first of our proxies wrote',
      '10.0.0.1',
      '1.2.3.4, 198.51.100.1, 10.0.0.9, 10.0.0.8',
      ['10.0.0.0/8'],
      '198.51.100.1',
    ],
    [
      'is the proxy of somebody else',
      '10.0.0.1',
      '198.51.100.1, 203.0.113.9, 10.0.0.9',
      ['10.0.0.0/8'],
      '203.0.113.9',
    ],
    ['is not what a neighbour of the network says', '11.0.0.1', '198.51.100.1', ['10.0.0.0/8'], '11.0.0.1'],
    ['is private when a trusted proxy says so', '10.0.0.1', '192.168.7.7', ['10.0.0.1'], '192.168.7.7'],
    ['is unknown when a trusted proxy names none', '10.0.0.1', '', ['10.0.0.1'], undefined],
    ['is unknown when a trusted proxy names only proxies', '10.0.0.1', '10.0.0.2', ['10.0.0.0/8'], undefined],
    [
      'is unknown when a trusted proxy writes no address',
      '10.0.0.1',
      '1.2.3.4, unknown',
      ['10.0.0.1'],
      undefined,
    ],
    ['has no port', '10.0.0.1', '198.51.100.1:4711', ['10.0.0.1'], '198.51.100.1'],
    ['is unknown on loopback', '127.0.0.1', '', [], undefined],
    ['is unknown on loopback of IPv6', '::1', '198.51.100.1', [], undefined],
    ['is unknown inside a network', '172.31.0.1', '', [], undefined],
    ['is unknown behind the NAT of a carrier', '100.64.0.1', '', [], undefined],
    ['is unknown on a link', 'fe80::1%eth0', '', [], undefined],
    ['is unknown in a network of IPv6', 'fd00::1', '', [], undefined],
    ['is unknown on a socket that is closed', undefined, '', [], undefined],
    ['is its IPv4 address on a socket of IPv6', '::ffff:203.0.113.7', '', [], '203.0.113.7'],
    ['is its IPv4 address in every spelling', '::ffff:cb00:7107', '', [], '203.0.113.7'],
    ['is private, too, on a socket of IPv6', '::ffff:192.168.0.1', '', [], undefined],
    [
      'is believed from a trusted proxy on a socket of IPv6',
      '::ffff:10.0.0.1',
      '::ffff:198.51.100.1',
      ['10.0.0.0/8'],
      '198.51.100.1',
    ],
    ['counts with its network', '2001:db8:1:2:3:4:5:6', '', [], '2001:db8:1:2::/64'],
    ['counts with its network, however it is written', '2001:DB8:1::5', '', [], '2001:db8:1:0::/64'],
    ['is found in brackets', 'fd00::1', '[2001:db8:1:2::9]:4711', ['fd00::/8'], '2001:db8:1:2::/64'],
    ['is found without brackets', 'fd00::1', '2001:db8:1:2::9', ['fd00::1'], '2001:db8:1:2::/64'],
  ]
  for (const [what, peer, forwarded, trusted, expected] of rows) {
    it(what, () => {
      const entries = forwarded === '' ? [] : forwarded.split(',')
      assert.equal(
        addressToCount(peer, () => entries, networks(trusted)),
        expected,
      )
    })
  }
})

test('streams are counted by address, whatever a client claims before its proxy', async (t) => {
  const { port } = await composed(
    t,
    {},
    { 'proxy.trusted': '127.0.0.1', 'limits.connectionsPerAddress': '1' },
  )
  const open = (forwarded: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/v1/events/a`, {
      headers: { 'X-Forwarded-For': forwarded, Accept: 'text/event-stream, application/problem+json' },
    })
  const streams = [await open('198.51.100.1'), await open('198.51.100.2')]
  assert.deepEqual(
    streams.map(({ status }) => status),
    [200, 200],
  )
  const refused = await open('203.0.113.250, 198.51.100.1')
  assert.equal(refused.status, 429)
  assert.equal(((await refused.json()) as { code: string }).code, 'too-many-connections-of-address')
  for (const { body } of streams) await body!.cancel()
})

test('a proxy that is not listed does not pass for one client', async (t) => {
  const { port } = await composed(t, {}, { 'limits.connectionsPerAddress': '1' })
  for (let i = 0; i < 3; i++) {
    const stream = await fetch(`http://127.0.0.1:${port}/v1/events/a`, {
      headers: { 'X-Forwarded-For': '198.51.100.1' },
    })
    assert.match((await stream.body!.getReader().read()).value!.toString(), /./)
    assert.equal(stream.status, 200)
  }
})
