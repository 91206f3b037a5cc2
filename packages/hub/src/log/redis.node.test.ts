import * as runner from 'node:test'
import { createClient } from '@redis/client'
import { redisConformance } from '../testing/redis-conformance.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { redisLog } from './redis.ts'

const server = await RedisServer.start()
runner.after(() => server.stop())
let stores = 0

redisConformance('redisLog()', runner, () => {
  const prefix = `log-${++stores}`
  return (settings) => redisLog({ client: createClient({ url: server.url }) as never, prefix, ...settings })
})
