import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { inTime } from './deadline.ts'
import { ForkedHub, type Report } from './forked-hub.ts'

const LOOPS = 40
/** So many come in any case, however slow the machine is: what they leave behind is to show. */
const LEAST_STREAMS = LOOPS * 10
/** Long enough for every cache and pool to have the size that it keeps, in milliseconds. */
const WARM_UP_MS = 5000
/** The heap may end above its start by this share. */
const MAX_GROWTH = 0.1

/** Forty clients at a time connect, read and leave in every way there is; nothing of them may stay in the hub. */
export async function churn(durationMs: number): Promise<void> {
  const hub = await ForkedHub.start('small-caches')
  try {
    await hub.ask({ do: 'publish', first: 0, count: 5000, bytes: 100 })
    await comeAndGo(hub, WARM_UP_MS)
    const before = await settled(hub)
    const streams = await comeAndGo(hub, durationMs)
    const after = await settled(hub, before.handles)
    assert.equal(after.channels, 0)
    const growth = after.heapUsed / before.heapUsed - 1
    assert.ok(
      growth < MAX_GROWTH,
      `after ${streams} streams the heap has grown by ${Math.round(growth * 100)} %`,
    )
  } finally {
    await hub.end()
  }
}

/** The hub when nobody is connected any more, and no more sockets and timers are left than there may be. */
async function settled(hub: ForkedHub, maxHandles = Number.POSITIVE_INFINITY): Promise<Report> {
  const nobody = async (): Promise<Report> => {
    for (;;) {
      const report = await hub.ask({ do: 'report' })
      if (report.connections === 0 && report.handles <= maxHandles) return report
    }
  }
  return inTime(nobody(), () => `the end of all connections, with at most ${maxHandles} sockets and timers`)
}

async function comeAndGo(hub: ForkedHub, durationMs: number): Promise<number> {
  const end = Date.now() + durationMs
  let streams = 0
  const loop = async (number: number): Promise<void> => {
    for (let round = number; Date.now() < end || streams < LEAST_STREAMS; round++) {
      await visit(hub.port, round)
      streams++
      // One of them publishes, too, so that the others leave in the middle of something.
      if (number === 0) await hub.ask({ do: 'publish', first: 0, count: 5, bytes: 100 })
    }
  }
  await Promise.all(Array.from({ length: LOOPS }, (_, number) => loop(number)))
  return streams
}

/** One stream; which of its ways to come and to go it takes is the number's choice. */
async function visit(port: number, number: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  // A reset is one of the ways to go.
  socket.on('error', () => socket.destroy())
  const cursor =
    number % 3 === 0 ? '' : `Last-Event-ID: ${number % 3 === 1 ? Date.now() * 1000 - 1_000_000 : 'x'}\r\n`
  socket.write(`GET / HTTP/1.${number % 7 === 0 ? 0 : 1}\r\nHost: test\r\n${cursor}\r\n`)
  if (number % 5 !== 0) await heard(socket, 'fanline.hello')
  if (number % 4 === 0) socket.resetAndDestroy()
  else if (number % 4 === 1) socket.resume().end()
  else socket.destroy()
  await inTime(closed, () => 'the end of a connection')
}

function heard(socket: ReturnType<typeof connect>, text: string): Promise<void> {
  const come = new Promise<void>((resolve) => {
    let all = ''
    socket.setEncoding('latin1').on('data', (part: string) => {
      if (all.includes(text)) return
      all += part
      if (all.includes(text)) resolve()
    })
    socket.once('close', () => resolve())
  })
  return inTime(come, () => text)
}
