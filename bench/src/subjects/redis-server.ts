// The hub's own tests are not among its exports.
const file = new URL('testing/redis-server.js', import.meta.resolve('@fanline/hub'))
const module: typeof import('../../../packages/hub/src/testing/redis-server.ts') = await import(file.href)

/** A real redis-server on a free port of 127.0.0.1, without persistence unless told otherwise. */
export const RedisServer: typeof module.RedisServer = module.RedisServer
/** One of them. */
export type RedisServer = Awaited<ReturnType<typeof module.RedisServer.start>>
