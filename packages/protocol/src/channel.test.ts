import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { connectionChannel, connectionOf, parseChannel, parseUser, userChannel } from './channel.ts'

const FORBIDDEN = [
  '\0',
  '\n',
  '\r',
  '\t',
  ' ',
  '\u00a0',
  '\u2028',
  '\u3000',
  '\u007f',
  '\u0085',
  '*',
  ',',
  '\ud800',
  '\udfff',
]

describe('a channel name', () => {
  it('is accepted as it is', () => {
    for (const name of [
      'a',
      'orders.eu.1',
      'user:42',
      'größe',
      '日本',
      '😀',
      'a@b',
      'a/b?c#d%20',
      'x'.repeat(200),
    ]) {
      assert.equal(parseChannel(name), name)
    }
  })

  it('is refused when it is empty, too long in bytes, or no string', () => {
    for (const name of ['', 'x'.repeat(201), 'é'.repeat(101), undefined, null, 1, {}, ['a']]) {
      assert.throws(() => parseChannel(name), { code: 'channel-invalid' })
    }
    assert.equal(parseChannel('é'.repeat(100)), 'é'.repeat(100))
  })

  it('is refused for white space, control characters, lone surrogates, * and , anywhere', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 20 }),
        fc.constantFrom(...FORBIDDEN),
        fc.string({ maxLength: 20 }),
        (before, bad, after) => {
          assert.throws(() => parseChannel(`a${before}${bad}${after}`), { code: 'channel-invalid' })
        },
      ),
    )
  })

  it('is refused when it belongs to the hub', () => {
    for (const name of ['@', '@all', '@user:1', '@connection:1', '@x']) {
      assert.throws(() => parseChannel(name), { code: 'channel-reserved' })
    }
  })

  it('is quoted in its refusal without flooding it', () => {
    assert.throws(
      () => parseChannel('\n'.repeat(10_000)),
      ({ message }: Error) => message.length < 300,
    )
  })
})

describe('a user id', () => {
  it('is accepted as it is, also with spaces and signs', () => {
    for (const user of ['42', 'alice smith', 'a,b*c', '@me', 'ü', 'x'.repeat(256), 'é'.repeat(128)]) {
      assert.equal(parseUser(user), user)
    }
  })

  it('is refused when it is empty, too long in bytes, no string, or holds a control character', () => {
    for (const user of [
      '',
      'x'.repeat(257),
      'é'.repeat(129),
      undefined,
      null,
      7,
      'a\nb',
      'a\0',
      '\u007f',
      '\u009f',
      '\ud800',
    ]) {
      assert.throws(() => parseUser(user), { code: 'user-invalid' })
    }
  })

  it('has a channel of its own', () => {
    assert.equal(userChannel(parseUser('42')), '@user:42')
  })
})

describe("a connection's channel", () => {
  it('tells its connection, and no other channel does', () => {
    assert.equal(connectionOf(connectionChannel('abc')), 'abc')
    assert.equal(connectionOf(parseChannel('abc')), undefined)
    assert.equal(connectionOf(userChannel(parseUser('abc'))), undefined)
  })
})
