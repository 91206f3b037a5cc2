// Firefox differs from Chromium where it matters to a stream: it never comes back before 500 ms have passed, it ignores
// an id in a block without data, and it reports an open stream with the first byte of the body.
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import type { Browser, Page } from 'puppeteer-core'
import { type Cutting, type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts'
import { type DevServer, startDevServer } from './dev-server.ts'
import { launchFirefox } from './firefox.ts'
import { countInPage, publishNumbers } from './number-counter.ts'

let server: DevServer
let browser: Browser

before(async () => {
  server = await startDevServer(undefined, ['--delivery-retry-ms', '1000'])
  browser = await launchFirefox()
})

after(async () => {
  await browser?.close()
  await server?.stop()
})

test('2,000 events while the network breaks after every 50 ms: each once, in order', async (t) => {
  const { proxy, page } = await pageBehind(t, { aliveMs: 50, bytesOf: (n) => 9_000 + n * 1_000, cuts: 1000 })
  await page.evaluate(countInPage, { url: '/v1/events/broken' })
  await publishNumbers(server.origin, 'broken', 2_000)
  const tally = await page.evaluate(() => window.tally)
  t.diagnostic(`${await browser.version()}, ${proxy.cuts} cuts`)
  assert.ok(proxy.cuts >= 5, 'the network was bad')
  assert.deepEqual(tally, { count: 2_000, wrong: [], streams: tally.streams, gaps: [] })
})

test('a page that is cut off before its first event misses nothing', async (t) => {
  const { proxy, page } = await pageBehind(t, { aliveMs: 50, bytesOf: () => 10_000, cuts: 1 })
  await page.evaluate(countInPage, { url: '/v1/events/quiet' })
  await proxy.allCut
  await publishNumbers(server.origin, 'quiet', 5)
  const tally = await page.evaluate(() => window.tally)
  assert.deepEqual(tally, { count: 5, wrong: [], streams: 2, gaps: [] })
})

/** A page without scripts of its own, with a bad network between it and the server. */
async function pageBehind(t: TestContext, cutting: Cutting): Promise<{ proxy: CuttingProxy; page: Page }> {
  const proxy = await startCuttingProxy(server.port, cutting)
  t.after(() => proxy.close())
  const page = await browser.newPage()
  await page.goto(`${proxy.origin}/livez`)
  return { proxy, page }
}
