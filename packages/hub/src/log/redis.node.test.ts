import * as runner from 'node:test'
import { createClient } from '@redis/client'
import { systemClock } from '../clock.ts'
import { logConformance } from '../testing/log-conformance.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { redisLog } from './redis.ts'

const server = await RedisServer.start()
runner.after(() => server.stop())
let stores = 0

logConformance({
  name: 'redisLog()',
  runner,
  create(settings) {
    const prefix = `log-${++stores}`
    let offset = 0
    const clock = { ...systemClock, now: () => Date.now() + offset }
    const make = () =>
      redisLog({ client: createClient({ url: server.url }) as never, prefix, clock, ...settings })
    return {
      log: make(),
      now: () => clock.now(),
      advance: (ms) => {
        offset += ms
      },
      restart: make,
    }
  },
  skips: {
    'the byte cap of the whole log takes the oldest of all': 'Redis bounds its memory with maxmemory',
    'any number of channel names stays inside the byte cap, and what is new is kept':
      'Redis bounds its memory with maxmemory',
  },
})
