import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load-config.ts'
import { Failure } from '../failure.ts'
import { redisAddress } from './redis-variables.ts'

function environmentOf(variables: Readonly<Record<string, string>>): Environment {
  return new Map(Object.entries(variables).map(([name, value]) => [name, { value, source: 'a file' }]))
}

describe('the Redis of go-sse-notification', () => {
  it('is in memory where nobody says where it is', () => {
    assert.equal(redisAddress(environmentOf({})), undefined)
    assert.equal(redisAddress(environmentOf({ REDIS_PASSWORD: 'pw', REDIS_DB: '1' })), undefined)
  })

  it('is where REDIS_ADDR says in one of three forms, else where REDIS_URL says', () => {
    for (const [variables, url] of [
      [{ REDIS_ADDR: 'redis:6379' }, 'redis://redis:6379/0'],
      [{ REDIS_ADDR: '[::1]:6379', REDIS_DB: '15' }, 'redis://[::1]:6379/15'],
      [{ REDIS_ADDR: 'h:1', REDIS_PASSWORD: 'a/@:%b', REDIS_DB: '2' }, 'redis://:a%2F%40%3A%25b@h:1/2'],
      [{ REDIS_ADDR: 'redis://:pw@h:1/2', REDIS_PASSWORD: 'other', REDIS_DB: '3' }, 'redis://:pw@h:1/2'],
      [{ REDIS_ADDR: 'rediss://h:1' }, 'rediss://h:1'],
      [{ REDIS_ADDR: 'h:1', REDIS_URL: 'redis://other:2' }, 'redis://h:1/0'],
    ] as const) {
      assert.deepEqual(redisAddress(environmentOf(variables)), { url, source: 'REDIS_ADDR in a file' })
      assert(URL.canParse(url))
    }
    assert.deepEqual(
      redisAddress(environmentOf({ REDIS_URL: 'rediss://u:pw@h:1/2', REDIS_PASSWORD: 'other' })),
      {
        url: 'rediss://u:pw@h:1/2',
        source: 'REDIS_URL in a file',
      },
    )
  })

  it('is refused without a word about what was said', () => {
    for (const variables of [
      { REDIS_ADDR: 'secret' },
      { REDIS_ADDR: ':secret@h:1' },
      { REDIS_ADDR: 'http://secret' },
      { REDIS_URL: 'secret:1' },
      { REDIS_URL: 'https://:secret@h:1' },
      { REDIS_ADDR: 'h:1', REDIS_DB: 'secret' },
      { REDIS_ADDR: 'h:1', REDIS_DB: '-1', REDIS_PASSWORD: 'secret' },
    ]) {
      assert.throws(
        () => redisAddress(environmentOf(variables)),
        (error) =>
          error instanceof Failure &&
          /^REDIS_(ADDR|URL|DB) in a file must /.test(error.message) &&
          !error.message.includes('secret'),
      )
    }
  })

  it('is used with the preset notification alone, and where fanline’s own option is not set', () => {
    const redisOf = (flags: Readonly<Record<string, string>>): readonly [string, string | undefined] => {
      const environment = environmentOf({ REDIS_ADDR: 'h:1' })
      const { config, sources } = loadConfig({
        flags: new Map(Object.entries(flags)),
        environment,
        directory: '/nowhere',
      })
      return [config.redis, sources.get('redis')]
    }
    assert.deepEqual(redisOf({ preset: 'session,notification' }), ['redis://h:1/0', 'REDIS_ADDR in a file'])
    assert.deepEqual(redisOf({ preset: 'session' }), ['', undefined])
    assert.deepEqual(redisOf({}), ['', undefined])
    const redis = 'redis://other:1'
    assert.deepEqual(redisOf({ preset: 'notification', redis }), [redis, '--redis'])
  })
})
