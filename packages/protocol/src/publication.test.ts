import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type ProblemCode, ProblemError } from './problem.ts'
import { parseKey, parsePublication } from './publication.ts'

describe('a publish request', () => {
  it('names channels, users and everyone, each once, in this order', () => {
    const { channels } = parsePublication({
      channel: 'a',
      channels: ['b', 'a', 'b'],
      user: 'u',
      users: ['v', 'u'],
      all: true,
      data: 1,
    })
    assert.deepEqual(channels, ['a', 'b', '@user:u', '@user:v', '@all'])
  })

  it('goes to one connection alone', () => {
    const publication = parsePublication({ connection: 'id', data: 'x' })
    assert.equal(publication.connection, 'id')
    assert.deepEqual(publication.channels, [])
  })

  it('has defaults for what it leaves out', () => {
    const { event, except, key, ephemeral } = parsePublication({ channel: 'a', data: { n: 1 } })
    assert.deepEqual(
      { event, except, key, ephemeral },
      {
        event: { type: 'message', data: '{"n":1}', json: true },
        except: [],
        key: undefined,
        ephemeral: false,
      },
    )
  })

  it('excepts one or several', () => {
    assert.deepEqual(parsePublication({ all: true, data: 1, except: 'u' }).except, ['u'])
    assert.deepEqual(parsePublication({ all: true, data: 1, except: ['u', 'v'] }).except, ['u', 'v'])
    const many = Array<string>(1000).fill('x'.repeat(256))
    assert.deepEqual(parsePublication({ all: true, data: 1, except: many }).except, many)
  })

  const refused: readonly [string, unknown, ProblemCode][] = [
    ['no object', 'x', 'publish-invalid'],
    ['null', null, 'publish-invalid'],
    ['a list', [], 'publish-invalid'],
    ['an unknown field', { channel: 'a', data: 1, ephemral: true }, 'publish-invalid'],
    [
      'a field from the prototype chain',
      JSON.parse('{"__proto__":{"all":true},"data":1}'),
      'publish-invalid',
    ],
    ['a field called constructor', { channel: 'a', data: 1, constructor: 1 }, 'publish-invalid'],
    ['no target', { data: 1 }, 'target-missing'],
    ['all: false alone', { all: false, data: 1 }, 'target-missing'],
    ['an empty list of channels', { channels: [], data: 1 }, 'target-missing'],
    ['a connection and a channel', { connection: 'c', channel: 'a', data: 1 }, 'target-conflict'],
    ['a bad channel', { channel: 'a b', data: 1 }, 'channel-invalid'],
    ['a channel of the hub', { channel: '@all', data: 1 }, 'channel-reserved'],
    ['a bad channel in the list', { channels: ['a', ''], data: 1 }, 'channel-invalid'],
    ['channels that are no list', { channels: 'a', data: 1 }, 'publish-invalid'],
    ['a bad user', { user: 7, data: 1 }, 'user-invalid'],
    ['a bad user in the list', { users: ['u', ''], data: 1 }, 'user-invalid'],
    ['users that are no list', { users: 'u', data: 1 }, 'publish-invalid'],
    ['all that is no flag', { all: 'yes', data: 1 }, 'publish-invalid'],
    ['an empty connection', { connection: '', data: 1 }, 'publish-invalid'],
    ['a connection that is no string', { connection: 1, data: 1 }, 'publish-invalid'],
    ['no data', { channel: 'a' }, 'data-missing'],
    ['data that is no JSON', { channel: 'a', data: () => 1 }, 'data-invalid'],
    ['a type with a line break', { channel: 'a', data: 1, event: 'a\nb' }, 'event-type-invalid'],
    ['a type of the hub', { channel: 'a', data: 1, event: 'fanline.bye' }, 'event-type-reserved'],
    ['except that is no list', { channel: 'a', data: 1, except: 7 }, 'publish-invalid'],
    ['except with something else', { channel: 'a', data: 1, except: ['u', 7] }, 'publish-invalid'],
    ['except with too many', { all: true, data: 1, except: Array(1001).fill('u') }, 'publish-invalid'],
    ['except with a long id', { all: true, data: 1, except: 'é'.repeat(129) }, 'publish-invalid'],
    ['an empty key', { channel: 'a', data: 1, key: '' }, 'key-invalid'],
    ['a long key', { channel: 'a', data: 1, key: 'é'.repeat(101) }, 'key-invalid'],
    ['a key that is no string', { channel: 'a', data: 1, key: 7 }, 'key-invalid'],
    ['ephemeral that is no flag', { channel: 'a', data: 1, ephemeral: 1 }, 'publish-invalid'],
  ]
  for (const [name, request, code] of refused) {
    it(`is refused as ${code} for ${name}`, () => {
      assert.throws(() => parsePublication(request), { code })
    })
  }

  it('is accepted or refused with a problem, whatever it is', () => {
    const values = fc.oneof(fc.jsonValue(), fc.constantFrom('a', ['a'], true, 'fanline.x', '@all'))
    const requests = fc.record(
      {
        channel: values,
        channels: values,
        user: values,
        users: values,
        connection: values,
        all: values,
        event: values,
        data: values,
        except: values,
        key: values,
        ephemeral: values,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(requests, fc.jsonValue()), (request) => {
        try {
          const { channels, connection } = parsePublication(request)
          assert.equal(channels.length > 0, connection === undefined)
        } catch (error) {
          assert.ok(error instanceof ProblemError, String(error))
          assert.ok(error.status === 400 || error.status === 422)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('an idempotency key', () => {
  it('has 1 to 200 bytes', () => {
    assert.equal(parseKey('é'.repeat(100)), 'é'.repeat(100))
    for (const key of ['', 'x'.repeat(201), 1, null])
      assert.throws(() => parseKey(key), { code: 'key-invalid' })
  })
})
