// One connection for all tabs of a real browser, whoever of them is closed.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { eventually } from './eventually.ts'
import { browsers, SharingTabs, type TabBrowser } from './sharing-tabs.ts'

for (const [name, launch] of Object.entries(browsers)) {
  describe(`tabs of ${name}`, () => {
    let browser: TabBrowser

    before(async () => {
      browser = await launch()
    })

    after(() => browser?.close())

    // Both ways in both browsers, with 50 tabs killed, are in the long test.
    for (const share of name === 'Firefox' ? (['locks'] as const) : (['locks', 'worker'] as const)) {
      test(`have one connection by ${share}, and lose nothing when tabs are killed`, async (t) => {
        const tabs = await SharingTabs.open(5, share, () => browser.newPage())
        t.after(() => tabs.close())
        await eventually(() => tabs.connections === 1, 'one connection')
        assert.equal((await tabs.leader()) === undefined, share === 'worker')
        await tabs.killSome(3)
        t.diagnostic(`${tabs.published} events`)
      })
    }

    if (name === 'Firefox') return

    test('have a connection each where the part of the host cannot be loaded', async (t) => {
      const complaints: string[] = []
      const tabs = await SharingTabs.open(2, 'locks', async () => {
        const page = (await browser.newPage()) as Page
        await page.route('**/share/host.js', (route) => route.abort())
        page.on('pageerror', (error) => complaints.push(String(error)))
        return page
      })
      t.after(() => tabs.close())
      assert.equal(tabs.connections, 2)
      await tabs.whilePublishing(100, async () => {
        await eventually(() => tabs.published > 3, 'some numbers')
      })
      await tabs.assertComplete()
      assert.match(String(complaints), /host\.js.*host\.js/s)
    })
  })
}
