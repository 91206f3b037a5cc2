// How smooth the inspector stays while thousands of events pass each second.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { LOOKS, openAdmin } from './admin-page.ts'
import { launchChromium } from './chromium.ts'
import { startDevServer } from './dev-server.ts'
import { publishLines } from './publish-lines.ts'

const EVENTS_PER_S = 5000
const WINDOW_MS = 10_000
/** Every frame but one of twenty comes in this time; an idle page has one each 17 ms, and a busy machine adds its own. */
const MAX_FRAME_MS = 50

test(`the inspector draws in time while ${EVENTS_PER_S} events pass each second`, async (t) => {
  const server = await startDevServer()
  t.after(() => server.stop())
  const browser = await launchChromium()
  t.after(() => browser.close())
  const { page, show } = await openAdmin(browser, server.origin, LOOKS[0]!)
  await show('Inspector')
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  await page.getByLabel('Filter').fill(process.env.INSPECTOR_FILTER ?? '')
  let isOver = false
  const published = publishLines(
    server.origin,
    traffic(() => isOver),
  )
  await delay(2000)
  const heardBefore = await heard()
  const before = await usedMs()
  const frames = await page.evaluate(frameTimes, WINDOW_MS)
  const used = (await usedMs()) - before
  const rate = ((await heard()) - heardBefore) / (WINDOW_MS / 1000)
  isOver = true
  await published

  const { intervals, tasks } = frames
  t.diagnostic(`heard ${Math.round(rate)}/s, ${await page.getByText(/ heard/).innerText()}`)
  t.diagnostic(`frames: ${intervals.length}, ${percentiles(intervals)}`)
  t.diagnostic(`long tasks: ${tasks.length}, longest ${Math.max(0, ...tasks).toFixed(0)} ms`)
  t.diagnostic(`main thread: ${((used / WINDOW_MS) * 100).toFixed(1)} % of a core`)
  assert.ok(rate > EVENTS_PER_S * 0.9, `${rate} events heard each second`)
  const p95 = percentile(intervals, 95)
  assert.ok(p95 <= MAX_FRAME_MS, `p95 is ${p95} ms`)

  async function heard(): Promise<number> {
    const text = await page.getByText(/ heard/).innerText()
    return Number(text.replace(/ heard.*$/s, '').replaceAll(',', ''))
  }
  async function usedMs(): Promise<number> {
    const { metrics } = await session.send('Performance.getMetrics')
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0)
  }
})

/** Ten batches a second; should the server lag, it gets later what it should have had. */
async function* traffic(isOver: () => boolean): AsyncGenerator<object[]> {
  const began = performance.now()
  for (let sent = 0; !isOver(); ) {
    const due = Math.floor(((performance.now() - began) / 1000) * EVENTS_PER_S)
    const count = Math.min(due - sent, EVENTS_PER_S)
    yield Array.from({ length: count }, (_, i) => ({
      channel: `orders.${(sent + i) % 50}`,
      event: 'order-paid',
      data: { order: sent + i, amount: 99.9, currency: 'EUR', lines: ['a first line', 'a second one'] },
    }))
    sent += count
    await delay(100)
  }
}

/** In the page: the times between frames, and how long tasks took that were longer than 50 ms. */
async function frameTimes(windowMs: number): Promise<{ intervals: number[]; tasks: number[] }> {
  const intervals: number[] = []
  const tasks: number[] = []
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) tasks.push(duration)
  })
  observer.observe({ type: 'longtask' })
  const end = performance.now() + windowMs
  for (let last = performance.now(); last < end; ) {
    const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve))
    intervals.push(now - last)
    last = now
  }
  observer.disconnect()
  return { intervals, tasks }
}

function percentiles(values: readonly number[]): string {
  return [50, 95, 99, 100].map((p) => `p${p} ${percentile(values, p).toFixed(1)} ms`).join(', ')
}

function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] ?? 0
}
