// The same as share.node.test.ts, for longer.
import { after, before, describe, test } from 'node:test'
import { browsers, SharingTabs, type TabBrowser } from './sharing-tabs.ts'

for (const [name, launch] of Object.entries(browsers)) {
  describe(`tabs of ${name}`, () => {
    let browser: TabBrowser

    before(async () => {
      browser = await launch()
    })

    after(() => browser?.close())

    for (const share of ['locks', 'worker'] as const) {
      test(`lose nothing when 50 of them are killed at 500 events/s, by ${share}`, async (t) => {
        const tabs = await SharingTabs.open(5, share, () => browser.newPage())
        t.after(() => tabs.close())
        const began = performance.now()
        await tabs.killSome(50)
        t.diagnostic(`${tabs.published} events in ${((performance.now() - began) / 1000).toFixed()} s`)
      })
    }
  })
}
