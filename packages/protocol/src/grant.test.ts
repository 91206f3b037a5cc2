import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isGranted, parseGrant, parsePublishGrant } from './grant.ts'
import { ProblemError } from './problem.ts'

describe('a grant', () => {
  const rows: [pattern: string, channel: string, covered: boolean][] = [
    ['orders', 'orders', true],
    ['orders', 'orders.eu', false],
    ['orders', 'Orders', false],
    ['orders.*', 'orders.eu', true],
    ['orders.*', 'orders', false],
    ['orders.*', 'orders.eu.1', false],
    ['orders.*', 'ordersxeu', false],
    ['orders.**', 'orders.eu', true],
    ['orders.**', 'orders.eu.1', true],
    ['orders.**', 'orders', false],
    ['*.eu', 'orders.eu', true],
    ['*.eu', 'a.b.eu', false],
    ['**', 'anything.at.all', true],
    ['**', '@user:42', false],
    ['*', '@all', false],
    ['a.*', 'a.', true],
    ['a/b', 'a/b', true],
    ['a/../b', 'b', false],
  ]
  for (const [pattern, channel, covered] of rows) {
    it(`${pattern} ${covered ? 'covers' : 'does not cover'} ${channel}`, () => {
      assert.equal(isGranted([parseGrant(pattern)], channel), covered)
    })
  }

  it('is refused when it cannot be a pattern', () => {
    for (const pattern of ['', 'a*', '**.a', 'a.**.b', 'a b', 'a,b', '@all', 'x'.repeat(201), 7, null]) {
      assert.throws(
        () => parseGrant(pattern),
        (error) => error instanceof ProblemError && error.code === 'grant-invalid',
      )
    }
  })

  it('without a star covers its own name and nothing else', () => {
    const segment = fc.stringMatching(/^[a-z0-9]{1,5}$/)
    const name = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('.'))
    fc.assert(fc.property(name, name, (a, b) => isGranted([parseGrant(a)], b) === (a === b)))
  })

  it('covers nothing when there is none', () => {
    assert.equal(isGranted([], 'orders'), false)
  })

  it('to publish may also name everyone, every user, or one', () => {
    const rows: [pattern: string, channel: string, covered: boolean][] = [
      ['@all', '@all', true],
      ['@all', '@user:42', false],
      ['@user:*', '@user:42', true],
      ['@user:*', '@user:a.b.c', true],
      ['@user:*', '@all', false],
      ['@user:*', 'orders', false],
      ['@user:a.b', '@user:a.b', true],
      ['@user:a.b', '@user:a.c', false],
      ['**', '@all', false],
      ['orders.*', 'orders.eu', true],
    ]
    for (const [pattern, channel, covered] of rows) {
      assert.equal(isGranted([parsePublishGrant(pattern)], channel), covered, `${pattern} ${channel}`)
    }
    for (const pattern of ['@', '@user:', '@users', '@connection:x', '@user:a\n', '@*']) {
      assert.throws(() => parsePublishGrant(pattern), { code: 'grant-invalid' }, pattern)
    }
  })
})
