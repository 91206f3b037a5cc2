// Browsers send no body before it is whole, or answer only then: there a stream of publishes goes in lists.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launchChromium } from './chromium.ts'
import { bundleClient } from './client-bundle.ts'
import { type DevServer, startDevServer } from './dev-server.ts'
import { launchFirefox } from './firefox.ts'
import { storedData } from './stored-data.ts'

const COUNT = 1500

/** Publishes from a page: a stream of numbers, then one event that is refused. */
const PUBLISH = `(async () => {
  const publisher = fanline.createPublisher('/v1/publish')
  async function* numbers() {
    for (let n = 0; n < ${COUNT}; n++) {
      if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
      yield { channel: location.hash.slice(1), data: n }
    }
  }
  let published = 0
  for await (const result of publisher.stream(numbers())) if (result.id) published++
  const error = await publisher.publish({ channel: 'no spaces', data: 1 }).catch((error) => error)
  return [published, error.name, error.code]
})()`

/** What the two drivers have in common. */
interface AnyBrowser {
  newPage(): Promise<{ goto(url: string): Promise<unknown>; evaluate(script: string): Promise<unknown> }>
  close(): Promise<void>
}

const browsers: Record<string, () => Promise<AnyBrowser>> = {
  Chromium: launchChromium,
  Firefox: launchFirefox,
}

let server: DevServer

before(async () => {
  server = await startDevServer(undefined, ['--history-max-events', '10000'])
})

after(() => server?.stop())

for (const [name, launch] of Object.entries(browsers)) {
  test(`a page in ${name} publishes a stream, each event once and in order`, async (t) => {
    const browser = await launch()
    t.after(() => browser.close())
    const page = await browser.newPage()
    await page.goto(`${server.origin}/livez#${name}`)
    await page.evaluate(`${await bundleClient('publisher')}\nundefined`)
    assert.deepEqual(await page.evaluate(PUBLISH), [COUNT, 'PublishError', 'channel-invalid'])
    assert.deepEqual(
      await storedData(server.origin, name),
      Array.from({ length: COUNT }, (_, n) => n),
    )
  })
}
