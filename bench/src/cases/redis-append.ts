import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { redisLog } from '@fanline/hub/redis-log'
import { createEvent, parseChannel } from '@fanline/protocol'
import { createClient } from '@redis/client'
import type { BenchCase, Measured } from '../bench-case.ts'
import { eventData } from '../load/publisher.ts'
import type { Target } from '../load/target.ts'
import { cpuTimeUs } from '../process-usage.ts'

const WRITERS = 200

/** The product's own script, which is not among its exports. */
const script = new URL('redis/script.js', import.meta.resolve('@fanline/hub/redis-log'))
const { APPEND } = (await import(script.href)) as { APPEND: { source: string } }

/** What keeps events in a Redis. */
interface Store {
  /** Resolves when Redis has the event of this writer. */
  append(writer: number): Promise<unknown>
  close(): Promise<unknown>
}

/** The product. What waits while one call is under way goes together in the next. */
async function openLog(url: string): Promise<Store> {
  const log = redisLog({ client: createClient({ url }) as never })
  await log.open({ entries: () => undefined, gap: () => undefined })
  const event = createEvent(undefined, eventData)
  const drafts = Array.from({ length: WRITERS }, (_, writer) => [
    { channels: [parseChannel(`c${writer}`)], event, except: [], key: undefined, ephemeral: false },
  ])
  return { append: (writer) => log.append(drafts[writer]!), close: () => log.close() }
}

/** The control: the same script with one event a call, pipelined by the client, and nothing else. */
async function openScript(url: string): Promise<Store> {
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

async function startRedis(): Promise<{ readonly server: ChildProcess; readonly url: string }> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  for await (const said of server.stdout!.setEncoding('utf8')) if (/Ready to accept/.test(said)) break
  server.stdout!.resume()
  return { server, url: `redis://127.0.0.1:${port}` }
}

/**
 * 200 writers in this process, each with a channel of its own, append one event of 150 bytes at a time to a Redis without
 * AOF; the next when the last is there. After a warm-up of half the time, what Redis has taken is counted, by the clock on
 * the wall and by the CPU time of Redis.
 */
async function measure({ subject, effort, progress }: Target): Promise<Measured> {
  const { server, url } = await startRedis()
  try {
    const store = await (subject === 'control' ? openScript : openLog)(url)
    let taken = 0
    let isOver = false
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      for (; !isOver; taken++) await store.append(writer)
    })
    progress('warming up')
    await pause(effort.measureMs / 2)
    const [before, began, cpu] = [taken, performance.now(), cpuTimeUs(server.pid!)]
    progress('appending')
    await pause(effort.measureMs)
    const events = taken - before
    const rate = (events / (performance.now() - began)) * 1000
    const ceiling = (events / (cpuTimeUs(server.pid!) - cpu)) * 1_000_000
    isOver = true
    await Promise.all(writers)
    await store.close()
    return { rate, ceiling }
  } finally {
    server.kill('SIGKILL')
    await once(server, 'exit')
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
