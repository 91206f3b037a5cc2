/**
 * Publishes to a channel of its own every ten milliseconds and measures how long each event takes from the
 * POST to its arrival. A process of its own, because the load generator is too busy to look at the clock.
 * Started with the server's port; says `ready`, and on the message `stop` says what it saw.
 */
import { connect } from 'node:net'
import { Publisher, publishRequest } from './publisher.ts'

/** What the probe saw. */
export interface Delays {
  readonly samples: number
  readonly maxMs: number
}

const EVERY_MS = 10
const CHANNEL = 'probe'

const port = Number(process.argv[2])
const idle: Publisher[] = []
const sentAt = new Map<string, number>()
let sent = 0
let samples = 0
let maxMs = 0
let unread = ''
let timer: NodeJS.Timeout | undefined
let stopping = false

const stream = connect({ host: '127.0.0.1', port, noDelay: true })
stream.write(`GET /v1/events/${CHANNEL} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
stream.on('data', (bytes) => {
  unread += bytes.toString('latin1')
  timer ??= start()
  const end = unread.lastIndexOf('\n')
  for (const [, number] of unread.slice(0, end).matchAll(/^data: (\d+)$/gm)) arrive(String(number))
  unread = unread.slice(end)
})
stream.on('close', () => {
  if (!stopping) throw new Error(`the probe's stream was cut: ${unread}`)
})
process.on('message', () => {
  stopping = true
  clearInterval(timer)
  finishWhenAllArrived()
})
process.on('disconnect', () => process.exit())

function start(): NodeJS.Timeout {
  process.send?.('ready')
  return setInterval(publish, EVERY_MS)
}

/** A publish whose answer is late does not hold up the next: that one goes over another connection. */
async function publish(): Promise<void> {
  const number = String(++sent)
  sentAt.set(number, performance.now())
  const publisher = idle.pop() ?? (await Publisher.connect(port))
  await publisher.publish(publishRequest(port, { channel: CHANNEL, data: number }))
  idle.push(publisher)
}

function arrive(number: string): void {
  const from = sentAt.get(number)
  if (from === undefined) throw new Error(`event ${number} arrived but was not under way`)
  sentAt.delete(number)
  samples += 1
  maxMs = Math.max(maxMs, performance.now() - from)
  if (stopping) finishWhenAllArrived()
}

function finishWhenAllArrived(): void {
  if (sentAt.size > 0) return
  const delays: Delays = { samples, maxMs }
  process.send?.(delays, () => process.exit())
}
