// The hub's own tests are not among its exports.
const file = new URL('testing/redis-server.js', import.meta.resolve('@fanline/hub'))
const module: typeof import('../../../hub/src/testing/redis-server.ts') = await import(file.href)

/** A real redis-server on a free port of 127.0.0.1. */
export const RedisServer: typeof module.RedisServer = module.RedisServer
/** One of them. */
export type RedisServer = Awaited<ReturnType<typeof module.RedisServer.start>>

const [sentinels, certificate]: [
  typeof import('../../../hub/src/testing/redis-sentinels.ts'),
  typeof import('../../../hub/src/testing/certificate.ts'),
] = await Promise.all([
  import(new URL('testing/redis-sentinels.js', import.meta.resolve('@fanline/hub')).href),
  import(new URL('testing/certificate.js', import.meta.resolve('@fanline/hub')).href),
])

/** Real Sentinels on free ports of 127.0.0.1. */
export const RedisSentinels: typeof sentinels.RedisSentinels = sentinels.RedisSentinels
/** Of localhost, signed by itself. */
export const CERTIFICATE: string = certificate.CERTIFICATE
export const CERTIFICATE_KEY: string = certificate.CERTIFICATE_KEY
