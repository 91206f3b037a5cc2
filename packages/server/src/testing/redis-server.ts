// The hub's own tests are not among its exports.
const file = new URL('testing/redis-server.js', import.meta.resolve('@fanline/hub'))
const module: typeof import('../../../hub/src/testing/redis-server.ts') = await import(file.href)

/** A real redis-server on a free port of 127.0.0.1. */
export const RedisServer: typeof module.RedisServer = module.RedisServer
/** One of them. */
export type RedisServer = Awaited<ReturnType<typeof module.RedisServer.start>>

const [sentinels, tls]: [
  typeof import('../../../hub/src/testing/redis-sentinels.ts'),
  typeof import('../../../hub/src/testing/tls-redis.ts'),
] = await Promise.all([
  import(new URL('testing/redis-sentinels.js', import.meta.resolve('@fanline/hub')).href),
  import(new URL('testing/tls-redis.js', import.meta.resolve('@fanline/hub')).href),
])

/** Real Sentinels on free ports of 127.0.0.1. */
export const RedisSentinels: typeof sentinels.RedisSentinels = sentinels.RedisSentinels
/** A Redis with TLS until the test is over. */
export const startTlsRedis: typeof tls.startTlsRedis = tls.startTlsRedis
