import { createClient } from '@redis/client'
import type { BenchCase } from '../bench-case.ts'
import { EventStreams } from '../load/event-streams.ts'
import { eventData, Publishers, publishRequest } from '../load/publisher.ts'

const CLIENTS = 10_000
const BEHIND = 100

/**
 * A connection learns its cursor, 100 events are published, and then 10,000 clients of that channel connect with that
 * cursor; all must get the 100 events. How often a history was read is what Redis itself has counted (XRANGE, which each
 * reading of a channel takes once; a client reads two: its own, and that of everybody).
 */
export const redisReturn: BenchCase = {
  name: 'redis-return',
  title: '10,000 clients of one channel return 100 events behind, on Redis',
  subjects: ['fanline-redis'],
  figures: [
    {
      name: 'reads',
      title: 'readings of a history from Redis, for each client',
      unit: '',
      aims: [{ subject: 'fanline-redis', bound: 'at most', amount: 0.02 }],
    },
  ],
  async measure(target) {
    const { port, redisPort, effort } = target
    const path = '/v1/events/news'
    const early = await EventStreams.open(target, [path])
    const cursor = early.firstId
    const publishers = await Publishers.connect(port, 1, [
      publishRequest(port, { channel: 'news', data: eventData }),
    ])
    await publishers.publishCount(BEHIND)
    publishers.close()
    const redis = await createClient({ socket: { port: redisPort } }).connect()
    const readings = async (): Promise<number> =>
      Number(/^cmdstat_xrange:calls=(\d+)/m.exec(await redis.info('commandstats'))?.[1] ?? 0)
    const before = await readings()
    const count = CLIENTS * effort.share
    const streams = await EventStreams.open(target, new Array<string>(count).fill(path), cursor)
    await streams.arrived(() => BEHIND)
    const reads = ((await readings()) - before) / count
    await redis.close()
    return { reads }
  },
}
