import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Log, memoryLog } from '@fanline/hub'
import type { RedisLogOptions } from '@fanline/hub/redis-log'
import { snapshotFile } from '@fanline/hub/snapshot-file'
import type { Config } from './config/server-options.ts'
import { Failure, usageFailure } from './failure.ts'
import type { Logger } from './logger.ts'
import { redisAddress } from './redis-address.ts'
import type { Team } from './workers/team.ts'

/**
 * Where events are ordered and kept.
 * @param team the workers of which this process is one: without Redis they share the log of the process that started them
 * @throws Failure for an address of Redis that is none, a file of certificates that cannot be read, and where LMDB does not run
 */
export async function configuredLog(config: Config, team?: Team): Promise<Log> {
  if (config.redis !== '') return logOnRedis(config, ownName(config, team))
  if (team) return team.log(ownName(config, team))
  return config.data === '' ? logInMemory(config) : logOnDisk(config)
}

/** Says what a log promises that is open now, and where its history comes from. */
export function sayWhatTheLogPromises(log: Log, { snapshot }: Config, logger: Logger): void {
  if (snapshot !== '') {
    logger.info({ file: snapshot, events: log.stats?.().events }, 'history goes on from the snapshot')
  }
  const health = log.health?.()
  if (!health) return
  logger.info({ promise: health.promise }, 'the log is open')
  for (const warning of health.warnings) logger.warn({ warning }, 'the log may break its promises')
}

/** @throws Failure that says why a log, or a hub with its log, could not be closed */
export async function closedWell(closing: Promise<void>): Promise<void> {
  await closing.catch((error) => {
    throw new Failure(`The log was not closed well: ${error.message}`)
  })
}

/** Workers of one server have its name, and their number. */
function ownName({ nodeName }: Config, team: Team | undefined): string | undefined {
  if (nodeName === '') return undefined
  return team ? `${nodeName}:${team.worker}` : nodeName
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

async function logOnRedis(config: Config, nodeName: string | undefined): Promise<Log> {
  const { redisPrefix, redisAck, history, idempotency } = config
  // The largest of all libraries: who starts without Redis need not wait for it.
  const { redisLog } = await import('@fanline/hub/redis-log')
  return redisLog({
    client: await redisClient(config),
    prefix: redisPrefix,
    ack: redisAck,
    nodeName,
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
