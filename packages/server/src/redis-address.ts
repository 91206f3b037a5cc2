import { usageFailure } from './failure.ts'

/** Where Redis is: one server, or the Sentinels who know it. */
export type RedisAddress = { readonly isEncrypted: boolean } & (
  | { readonly sentinels: undefined }
  | {
      readonly sentinels: readonly { readonly host: string; readonly port: number }[]
      /** What the Sentinels call the master. */
      readonly master: string
      /** For the servers, not for the Sentinels. */
      readonly login: { readonly username?: string; readonly password?: string; readonly database?: number }
    }
)

const SENTINEL_PORT = 26_379

/**
 * Reads `redis://…`, `rediss://…` (TLS), or `redis+sentinel://user:password@host:port,host:port/MASTER/DATABASE`.
 * @throws Failure without the address: it may hold a password
 */
export function redisAddress(text: string): RedisAddress {
  const scheme = /^redis(s?)(\+sentinel)?:\/\//.exec(text)
  if (!scheme) throw wrong()
  const isEncrypted = scheme[1] === 's'
  if (!scheme[2]) {
    if (!URL.canParse(text)) throw wrong()
    return { isEncrypted, sentinels: undefined }
  }
  const parts = /^(?:([^:@]*)(?::([^@]*))?@)?([^/@]+)\/([^/]+)(?:\/(\d+))?$/.exec(
    text.slice(scheme[0].length),
  )
  if (!parts) throw wrong()
  const [, username = '', password = '', hosts = '', master = '', database] = parts
  return {
    isEncrypted,
    sentinels: hosts.split(',').map(sentinelAddress),
    master: decodeURIComponent(master),
    login: {
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(database !== undefined && { database: Number(database) }),
    },
  }
}

function sentinelAddress(text: string): { host: string; port: number } {
  const url = `redis://${text}`
  if (!URL.canParse(url)) throw wrong()
  const { hostname, port } = new URL(url)
  if (hostname === '') throw wrong()
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? SENTINEL_PORT : Number(port) }
}

function wrong(): Error {
  return usageFailure(
    'The address of Redis is such as redis://localhost:6379, rediss:// for TLS, or ' +
      'redis+sentinel://host:26379,host:26379/MASTER.',
  )
}
