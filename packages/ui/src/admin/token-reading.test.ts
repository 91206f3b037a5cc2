import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readToken, reasonsToRefuse } from './token-reading.ts'

function token(claims: object, header: object = { alg: 'HS256' }): string {
  const parts = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  return `${parts.join('.')}.c2ln`
}

function reasons(claims: object, header?: object): string {
  return reasonsToRefuse(readToken(token(claims, header))!, 1_000_000).join(' ')
}

test('a token is taken apart, whatever letters it has', () => {
  const reading = readToken(` ${token({ sub: 'Zoë 🥌', exp: 5 })}\n`)
  assert.deepEqual(reading, { header: { alg: 'HS256' }, claims: { sub: 'Zoë 🥌', exp: 5 } })
})

test('what is no token is none', () => {
  for (const text of ['', 'fl_key', 'a.b', 'a.b.c', 'e30.W10.c', '//79.e30.c'])
    assert.equal(readToken(text), undefined)
})

test('what speaks against a token is said', () => {
  assert.equal(reasons({ exp: 1001, fanline: { subscribe: ['a'] } }), '')
  assert.match(reasons({ exp: 1000 }), /expired: 1970-01-01T00:16:40/)
  assert.match(reasons({}), /does not say when it ends/)
  assert.match(reasons({ exp: 'soon' }), /exp is not a number/)
  assert.match(reasons({ exp: 2000, nbf: 1500 }), /not good before/)
  assert.match(reasons({ exp: 2000 }, { alg: 'none' }), /not signed/)
  assert.match(reasons({ exp: 2000, jti: 5, iat: 'x', fanline: { subscribe: 'a' } }), /iat.*jti.*grants/)
  assert.match(reasons({ exp: 2000, fanline: { role: 'boss' } }), /fanline is not a set of grants/)
})
