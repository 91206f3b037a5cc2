import { redisLog } from '@fanline/hub/redis-log'
import { createEvent } from '@fanline/protocol'
import { createClient } from '@redis/client'
import type { BenchCase, Measured } from '../bench-case.ts'
import { appendTogether, type EventStore, storeIn } from '../load/append-together.ts'
import { eventData } from '../load/publisher.ts'
import type { Target } from '../load/target.ts'
import { cpuTimeUs } from '../process-usage.ts'
import { RedisServer } from '../subjects/redis-server.ts'

/** The product's own script, which is not among its exports. */
const script = new URL('redis/script.js', import.meta.resolve('@fanline/hub/redis-log'))
const { APPEND } = (await import(script.href)) as { APPEND: { source: string } }

/** The product. What waits while one call is under way goes together in the next. */
function openLog(url: string): Promise<EventStore> {
  return storeIn(redisLog({ client: createClient({ url }) as never }))
}

/** The control: the same script with one event a call, pipelined by the client, and nothing else. */
async function openScript(url: string): Promise<EventStore> {
  const client = createClient({ url })
  await client.connect()
  const sha = String(await client.sendCommand(['SCRIPT', 'LOAD', APPEND.source]))
  const payload = JSON.stringify({ e: createEvent(undefined, eventData), x: [] })
  // Prefix, server, floor, clock; the default history, window of keys, and how long trim marks live.
  const settings = ['{b}', 'run', '0', '', '10000', '86400000', '33554432', '600000', '864000000']
  const args = (writer: number): string[] => [...settings, '', '', payload, '1', `c${writer}`]
  return {
    append: (writer) => client.sendCommand(['EVALSHA', sha, '1', '{b}:meta', ...args(writer)]),
    close: () => client.close(),
  }
}

/**
 * 200 writers in this process, each with a channel of its own, append one event of 150 bytes at a time to a Redis without
 * AOF; the next when the last is there. After a warm-up of half the time, what Redis has taken is counted, by the clock on
 * the wall and by the CPU time of Redis.
 */
async function measure(target: Target): Promise<Measured> {
  const redis = await RedisServer.start()
  try {
    const store = await (target.subject === 'control' ? openScript : openLog)(redis.url)
    const { events, seconds, spent } = await appendTogether(store, target, () => cpuTimeUs(redis.pid))
    return { rate: events / seconds, ceiling: (events / spent) * 1_000_000 }
  } finally {
    await redis.stop()
  }
}

/** What the log on Redis takes, with nothing before it, and what one Redis could take at the most. */
export const redisAppend: BenchCase = {
  name: 'redis-append',
  title: 'the log on Redis, 200 concurrent appends in process, no AOF',
  subjects: ['control', 'fanline'],
  inProcess: true,
  figures: [
    {
      name: 'rate',
      title: 'appended per second',
      unit: '/s',
      aims: [{ bound: 'at least', amount: 0.8, relation: 'times', reference: 'control' }],
    },
    { name: 'ceiling', title: 'appended per CPU second of Redis', unit: '/s', aims: [] },
  ],
  measure,
}
