// Not exported by the package: it is for the tests of this repository alone.
const file = new URL('testing/redis-server.js', import.meta.resolve('@fanline/hub'))
const module: typeof import('../../packages/hub/src/testing/redis-server.ts') = await import(file.href)

/** A real redis-server on a free port of 127.0.0.1. */
export const RedisServer: typeof module.RedisServer = module.RedisServer
export type RedisServer = import('../../packages/hub/src/testing/redis-server.ts').RedisServer
export type RedisPersistence = import('../../packages/hub/src/testing/redis-server.ts').RedisPersistence
