import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redisAddress } from './redis-address.ts'

test('one server, with or without TLS', () => {
  assert.deepEqual(redisAddress('redis://localhost:6379/2'), { isEncrypted: false, sentinels: undefined })
  assert.deepEqual(redisAddress('rediss://user:secret@cache'), { isEncrypted: true, sentinels: undefined })
})

test('Sentinels, the name of their master, and how to log in there', () => {
  assert.deepEqual(redisAddress('redis+sentinel://one:1,[::1]:2,three/main'), {
    isEncrypted: false,
    sentinels: [
      { host: 'one', port: 1 },
      { host: '::1', port: 2 },
      { host: 'three', port: 26_379 },
    ],
    master: 'main',
    login: {},
  })
  assert.deepEqual(redisAddress('rediss+sentinel://hub:s%40cret@one/main/3'), {
    isEncrypted: true,
    sentinels: [{ host: 'one', port: 26_379 }],
    master: 'main',
    login: { username: 'hub', password: 's@cret', database: 3 },
  })
})

for (const text of ['localhost:6379', 'redis+sentinel://one:1', 'redis+sentinel:///main']) {
  test(`${text} is refused without being shown`, () => {
    assert.throws(() => redisAddress(text), { name: 'Failure', message: /^The address of Redis is such as/ })
  })
}
