// The same as share.node.test.ts, for longer.
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { eventually } from './eventually.ts'
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

      const skip = name === 'Firefox' && 'its driver cannot end a process'
      test(`lose nothing when processes crash, by ${share}`, { skip }, async (t) => {
        const tabs = await SharingTabs.open(4, share, () => browser.newPage())
        t.after(() => tabs.close())
        await tabs.killSome(5, browser.crash)
      })
    }
  })
}

for (const share of ['locks', 'worker'] as const) {
  test(`a page that shares by ${share} is shown again as it was, and hears what it missed`, async (t) => {
    // The driver forbids what is tested here, and then does not know of the page that is back.
    const browser = await launchChromium({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })
    t.after(() => browser.close())
    const context = await browser.newContext()
    const tabs = await SharingTabs.open(1, share, () => context.newPage())
    t.after(() => tabs.site.close())
    const page = tabs.pages[0] as Page
    const session = await context.newCDPSession(page)
    await page.goto(`${tabs.site.origin}/another`)
    await eventually(() => tabs.connections === 0, 'no connection')
    await tabs.site.hub.publish({ channel: 'numbers', data: 'missed' })
    const { entries, currentIndex } = await session.send('Page.getNavigationHistory')
    await session.send('Page.navigateToHistoryEntry', { entryId: entries[currentIndex - 1]!.id })
    const expression = 'String(window.told)'
    await eventually(async () => {
      const { result } = await session.send('Runtime.evaluate', { expression })
      return result.value === 'missed'
    }, 'what was missed')
  })
}
