// One connection for all tabs of a real browser, whoever of them is closed.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { launchChromium } from './chromium.ts'
import { eventually } from './eventually.ts'
import { launchFirefox } from './firefox.ts'
import { SharingTabs, type TabPage } from './sharing-tabs.ts'

interface Driver {
  newPage(): Promise<TabPage>
  close(): Promise<void>
}

const browsers: Record<string, () => Promise<Driver>> = {
  async Chromium() {
    const browser = await launchChromium()
    const context = await browser.newContext()
    return { newPage: () => context.newPage(), close: () => browser.close() }
  },
  async Firefox() {
    const browser = await launchFirefox()
    return { newPage: () => browser.newPage(), close: () => browser.close() }
  },
}

for (const [name, launch] of Object.entries(browsers)) {
  describe(`tabs of ${name}`, () => {
    let browser: Driver

    before(async () => {
      browser = await launch()
    })

    after(() => browser?.close())

    for (const share of ['locks', 'worker'] as const) {
      test(`have one connection by ${share}, and lose nothing when tabs are killed`, async (t) => {
        const tabs = await SharingTabs.open(5, share, () => browser.newPage())
        t.after(() => tabs.close())
        await eventually(() => tabs.connections === 1, 'one connection')
        assert.equal((await tabs.leader()) === undefined, share === 'worker')
        await tabs.whilePublishing(500, async () => {
          for (let kills = 0; kills < 3; kills++) {
            // The first one has started the worker.
            await tabs.kill((await tabs.leader()) ?? tabs.pages[0]!)
            await tabs.add()
          }
        })
        await tabs.assertComplete()
        await eventually(() => tabs.connections === 1, 'one connection')
        t.diagnostic(`${tabs.published} events`)
      })
    }
  })
}
