import { test } from 'node:test'
import { heardInPage, listenInPage, publishOneByOne, startCompressing } from './compressed-stream.ts'
import { launchFirefox } from './firefox.ts'

test('Firefox reads a compressed stream as it comes', async (t) => {
  const server = await startCompressing()
  t.after(() => server.stop())
  const browser = await launchFirefox()
  t.after(() => browser.close())
  const page = await browser.newPage()
  await page.goto(`${server.origin}/livez`)
  await page.evaluate(listenInPage)
  await publishOneByOne(server, () => page.evaluate(heardInPage))
})
