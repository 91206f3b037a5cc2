/** A process that carries a stream into a channel on Redis, and has nothing to say when it is killed. */
import { createClient } from '@redis/client'
import { createHub } from '../create-hub.ts'
import { redisLog } from '../log/redis.ts'

const [url = '', prefix = ''] = process.argv.slice(2)
const hub = createHub({ log: redisLog({ client: createClient({ url }) as never, prefix }) })

await hub.ready
await hub.stream('chat', async function* () {
  for (let i = 0; ; i++) {
    yield `${i} `
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
})
process.send?.('streaming')
