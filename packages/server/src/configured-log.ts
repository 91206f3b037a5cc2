import { resolve } from 'node:path'
import { type Log, memoryLog } from '@fanline/hub'
import { snapshotFile } from '@fanline/hub/snapshot-file'
import type { Config } from './config/server-options.ts'
import { Failure, usageFailure } from './failure.ts'

/**
 * Where events are ordered and kept.
 * @throws Failure for an address of Redis that is none, and where LMDB does not run
 */
export async function configuredLog(config: Config): Promise<Log> {
  if (config.data !== '') return logOnDisk(config)
  return config.redis === '' ? logInMemory(config) : logOnRedis(config)
}

function logInMemory({ snapshot, history, idempotency }: Config): Log {
  return memoryLog({
    history,
    idempotency,
    ...(snapshot === '' ? {} : { snapshot: snapshotFile(resolve(snapshot)) }),
  })
}

async function logOnDisk({ data, durability, history, idempotency }: Config): Promise<Log> {
  // Loaded when it is asked for: its library is a binary that not every platform has.
  const { diskLog } = await import('@fanline/hub/disk-log').catch((cause) => {
    throw new Failure(`A log on disk needs the package lmdb, which does not load here: ${cause.message}`)
  })
  return diskLog({ path: resolve(data), durability, history, idempotency })
}

async function logOnRedis(config: Config): Promise<Log> {
  const { redis, redisPrefix, redisAck, nodeName, history, idempotency } = config
  if (!/^rediss?:\/\//.test(redis) || !URL.canParse(redis)) {
    // It may hold a password, so it is not shown.
    throw usageFailure('The address of Redis is such as redis://localhost:6379, or rediss:// for TLS.')
  }
  // The largest of all libraries: who starts without Redis need not wait for it.
  const { createClient } = await import('@redis/client')
  const { redisLog } = await import('@fanline/hub/redis-log')
  return redisLog({
    client: createClient({ url: redis }),
    prefix: redisPrefix,
    ack: redisAck,
    nodeName: nodeName === '' ? undefined : nodeName,
    history,
    idempotency,
  })
}
