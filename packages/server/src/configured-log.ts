import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Log, memoryLog } from '@fanline/hub'
import type { RedisLogOptions } from '@fanline/hub/redis-log'
import { snapshotFile } from '@fanline/hub/snapshot-file'
import type { Config } from './config/server-options.ts'
import { Failure, usageFailure } from './failure.ts'
import { redisAddress } from './redis-address.ts'

/**
 * Where events are ordered and kept.
 * @throws Failure for an address of Redis that is none, a file of certificates that cannot be read, and where LMDB does not run
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
  const { redisPrefix, redisAck, nodeName, history, idempotency } = config
  // The largest of all libraries: who starts without Redis need not wait for it.
  const { redisLog } = await import('@fanline/hub/redis-log')
  return redisLog({
    client: await redisClient(config),
    prefix: redisPrefix,
    ack: redisAck,
    nodeName: nodeName === '' ? undefined : nodeName,
    history,
    idempotency,
  })
}

async function redisClient({ redis, redisCa }: Config): Promise<RedisLogOptions['client']> {
  const address = redisAddress(redis)
  if (redisCa !== '' && !address.isEncrypted) {
    throw usageFailure('redisCa is for TLS: begin the address of Redis with rediss.')
  }
  const socket = address.isEncrypted ? ({ tls: true, ...certificates(redisCa) } as const) : {}
  const { createClient } = await import('@redis/client')
  if (address.sentinels === undefined) return createClient({ url: redis, socket })
  const { sentinelClient } = await import('@fanline/hub/redis-log')
  const { sentinels, master, login } = address
  return sentinelClient({ client: createClient({ ...login, socket }), sentinels, master })
}

/** @throws Failure when the file cannot be read */
function certificates(file: string): { ca?: string } {
  if (file === '') return {}
  try {
    return { ca: readFileSync(file, 'utf8') }
  } catch (error) {
    throw usageFailure(`redisCa cannot be read: ${(error as Error).message}.`)
  }
}
