import type { Log } from '@fanline/hub'
import { redisLog } from '@fanline/hub/redis-log'
import { createClient } from '@redis/client'
import type { Config } from './config/server-options.ts'
import { usageFailure } from './failure.ts'

/**
 * Where events are ordered and kept; undefined for the memory of this process.
 * @throws Failure for an address of Redis that is none
 */
export function configuredLog({
  redis,
  redisPrefix,
  redisAck,
  history,
  idempotency,
}: Config): Log | undefined {
  if (redis === '') return undefined
  if (!/^rediss?:\/\//.test(redis) || !URL.canParse(redis)) {
    // It may hold a password, so it is not shown.
    throw usageFailure('The address of Redis is such as redis://localhost:6379, or rediss:// for TLS.')
  }
  return redisLog({
    client: createClient({ url: redis }),
    prefix: redisPrefix,
    ack: redisAck,
    history,
    idempotency,
  })
}
