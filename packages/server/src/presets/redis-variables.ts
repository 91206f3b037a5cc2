import type { Environment, Variable } from '../config/environment.ts'
import { usageFailure } from '../failure.ts'

/** An address of Redis, and the variable that said it. */
export interface RedisAddress {
  /** With the password in it. */
  readonly url: string
  readonly source: string
}

/**
 * Where go-sse-notification was told its Redis is: in `REDIS_ADDR`, which is a URL, or host and port that
 * `REDIS_PASSWORD` and `REDIS_DB` complete; else in `REDIS_URL`. Undefined where neither is set.
 * @throws Failure that shows no value: any of them may be the password
 */
export function redisAddress(environment: Environment): RedisAddress | undefined {
  const address = environment.get('REDIS_ADDR')
  if (address && !isUrl(address))
    return { url: urlOf(address, environment), source: sourceOf('REDIS_ADDR', address) }
  const url = address ?? environment.get('REDIS_URL')
  if (!url) return undefined
  const name = address ? 'REDIS_ADDR' : 'REDIS_URL'
  if (!isUrl(url)) throw usageFailure(`${sourceOf(name, url)} must begin with redis:// or rediss://.`)
  return { url: url.value, source: sourceOf(name, url) }
}

function isUrl({ value }: Variable): boolean {
  return /^rediss?:\/\//.test(value)
}

function urlOf(address: Variable, environment: Environment): string {
  if (!/^(?:\[[\da-f:]+\]|[^\s:/@[\]]+):\d{1,5}$/i.test(address.value)) {
    throw usageFailure(`${sourceOf('REDIS_ADDR', address)} must be host:port, redis://… or rediss://….`)
  }
  const password = environment.get('REDIS_PASSWORD')?.value
  const database = environment.get('REDIS_DB')
  if (database && !/^\d{1,5}$/.test(database.value)) {
    throw usageFailure(`${sourceOf('REDIS_DB', database)} must be the number of a database.`)
  }
  const credential = password === undefined ? '' : `:${encodeURIComponent(password)}@`
  return `redis://${credential}${address.value}/${database?.value ?? '0'}`
}

function sourceOf(name: string, { source }: Variable): string {
  return `${name} in ${source}`
}
