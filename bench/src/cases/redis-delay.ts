import { setTimeout as pause } from 'node:timers/promises'
import { createHub, eventStreamDialect, type Sink } from '@fanline/hub'
import { redisLog } from '@fanline/hub/redis-log'
import { createClient } from '@redis/client'
import type { BenchCase, Measured } from '../bench-case.ts'
import type { Target } from '../load/target.ts'
import { RedisServer } from '../subjects/redis-server.ts'

const PER_SECOND = 1000
/** What has not arrived so long after its answer is lost, in milliseconds. */
const LOST_MS = 5000

/** Two ends of a Redis. */
interface Pair {
  /** Sends a number from one end. */
  send(text: string): Promise<unknown>
  close(): Promise<unknown>
}

/** The product: published on one hub, written to a connection of another. */
async function openHubs(url: string, heard: (text: string) => void): Promise<Pair> {
  const [a, b] = [url, url].map((one) => createHub({ log: redisLog({ client: createClient({ url: one }) }) }))
  await b!.connect({ channels: ['c'] }, listeningSink(heard), eventStreamDialect)
  return {
    send: (data) => a!.publish({ channel: 'c', data }),
    close: () => Promise.all([a!.close({ drainMs: 0 }), b!.close({ drainMs: 0 })]),
  }
}

/** A stream that is read as it is written. */
function listeningSink(heard: (text: string) => void): Sink {
  let left: () => void = () => undefined
  return {
    open: (listener) => {
      left = () => listener.closed()
    },
    flush: () => undefined,
    write: ({ payload }) => {
      for (const [, text] of Buffer.from(payload)
        .toString()
        .matchAll(/^data: (\d+)$/gm))
        heard(text!)
      return true
    },
    progress: () => 0,
    bufferedBytes: () => 0,
    end: () => left(),
    destroy: () => left(),
  }
}

/** The control: a bare PUBLISH, and a bare SUBSCRIBE on another connection. */
async function openPubSub(url: string, heard: (text: string) => void): Promise<Pair> {
  const [publisher, subscriber] = await Promise.all([
    createClient({ url }).connect(),
    createClient({ url }).connect(),
  ])
  await subscriber.subscribe('c', heard)
  return {
    send: (text) => publisher.publish('c', text),
    close: () => Promise.all([publisher.close(), subscriber.close()]),
  }
}

/**
 * 1,000 events a second, evenly, from one end to the other; all in this process, so that one clock sees both. After a
 * warm-up of half the time each one counts, from before it is published until it is written to the other hub's stream.
 */
async function measure({ subject, effort, progress }: Target): Promise<Measured> {
  const redis = await RedisServer.start()
  try {
    const sentAt: number[] = []
    const delaysMs: number[] = []
    let arrived: () => void = () => undefined
    const pair = await (subject === 'control' ? openPubSub : openHubs)(redis.url, (text) => {
      delaysMs.push(performance.now() - sentAt[Number(text)]!)
      if (delaysMs.length === sentAt.length) arrived()
    })
    const sendFor = async (durationMs: number): Promise<void> => {
      const [first, began] = [sentAt.length, performance.now()]
      const answers: Promise<unknown>[] = []
      for (let elapsed = 0; elapsed < durationMs; elapsed = performance.now() - began) {
        for (; sentAt.length - first < (elapsed * PER_SECOND) / 1000; ) {
          answers.push(pair.send(String(sentAt.push(performance.now()) - 1)))
        }
        await pause(1)
      }
      await Promise.all(answers)
      // An answer may be ahead of its event.
      const allArrived = new Promise<void>((resolve) => {
        arrived = resolve
      })
      if (delaysMs.length < sentAt.length) await Promise.race([allArrived, pause(LOST_MS)])
      if (delaysMs.length !== sentAt.length) throw new Error(`${delaysMs.length} of ${sentAt.length} arrived`)
    }
    progress('warming up')
    await sendFor(effort.measureMs / 2)
    const before = sentAt.length
    progress('publishing')
    await sendFor(effort.measureMs)
    await pair.close()
    const measured = delaysMs.slice(before).sort((one, other) => one - other)
    const atPart = (part: number): number => measured[Math.floor(measured.length * part)]!
    return { p50: atPart(0.5), p99: atPart(0.99) }
  } finally {
    await redis.stop()
  }
}

/** How long an event takes from hub to hub. */
export const redisDelay: BenchCase = {
  name: 'redis-delay',
  title: 'from one hub to a stream of another over Redis, 1,000 events a second',
  subjects: ['control', 'fanline'],
  inProcess: true,
  figures: [
    { name: 'p50', title: 'median', unit: 'ms', aims: [{ bound: 'at most', amount: 2 }] },
    { name: 'p99', title: '99th percentile', unit: 'ms', aims: [{ bound: 'at most', amount: 10 }] },
  ],
  measure,
}
