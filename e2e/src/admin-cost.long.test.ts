// What the admin UI costs a server with 10,000 open streams: the CPU time of its process, screen by screen.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { LOOKS, openAdmin } from './admin-page.ts'
import { launchChromium } from './chromium.ts'
import { startDevServer } from './dev-server.ts'
import { ServerView } from './server-view.ts'

const STREAMS = 10_000
/** How many are opened at once, so that none waits for long. */
const BATCH = 200
const CHANNELS = 1000

/** Beside what the server does anyway, in percent of a core. */
const MAX_PERCENT = 3
const SETTLE_MS = 3000
const WINDOW_MS = Number(process.env.ADMIN_COST_WINDOW_MS ?? 10_000)

test(`the admin UI costs a server with ${STREAMS} streams less than ${MAX_PERCENT} % of a core, on every screen`, async (t) => {
  const sockets: Socket[] = []
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  // Heartbeats would come in bursts, now in this window and now in that.
  const server = await startDevServer(undefined, ['--delivery-heartbeat-ms', '600000'])
  t.after(() => server.stop())
  while (sockets.length < STREAMS) {
    const numbers = Array.from({ length: BATCH }, (_, i) => sockets.length + i)
    sockets.push(...(await Promise.all(numbers.map((number) => openStream(server.port, number)))))
  }
  const view = new ServerView(server.origin)
  const percentMeanwhile = async (): Promise<number> => {
    await delay(SETTLE_MS)
    const [before, began] = [await view.cpuMs(), performance.now()]
    await delay(WINDOW_MS)
    return ((await view.cpuMs()) - before) / ((performance.now() - began) / 100)
  }

  const browser = await launchChromium()
  t.after(() => browser.close())
  const { page, show } = await openAdmin(browser, server.origin, LOOKS[0]!)
  await show('Overview')
  await percentMeanwhile() // the engine tidies up what the streams have left as they were opened
  const screens = await page.getByRole('navigation').getByRole('link').allInnerTexts()
  await page.goto('about:blank')
  const idle = await percentMeanwhile()
  t.diagnostic(`nobody looks: ${idle.toFixed(2)} %`)
  const costs: [screen: string, percent: number][] = []
  for (const screen of screens) {
    await show(screen)
    let cost = (await percentMeanwhile()) - idle
    // The garbage of all streams is collected now and then, whoever looks; that takes as much as a window may cost.
    if (cost >= MAX_PERCENT) cost = (await percentMeanwhile()) - idle
    costs.push([screen, cost])
    t.diagnostic(`${screen}: ${cost.toFixed(2)} %`)
  }
  assert.deepEqual(
    costs.filter(([, percent]) => percent >= MAX_PERCENT),
    [],
  )
})

/** Resolves when the stream has begun. */
async function openStream(port: number, number: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `GET /v1/events/room.${number % CHANNELS}?user=user-${number} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`,
  )
  await once(socket, 'data')
  socket.resume()
  return socket
}
