// The admin UI in Chromium, over a server with traffic that tries to run in it.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { LOOKS, mustBeSound, openAdmin } from './admin-page.ts'
import { launchChromium } from './chromium.ts'
import { type DevServer, startDevServer } from './dev-server.ts'
import { startHostileTraffic } from './hostile-traffic.ts'
import { startServer } from './running-server.ts'

/** Where pictures of the screens go, when somebody wants to look at them. */
const PICTURES = process.env.ADMIN_PICTURES

let server: DevServer
let browser: Browser
let stopTraffic: () => void

before(async () => {
  server = await startDevServer()
  browser = await launchChromium()
  stopTraffic = await startHostileTraffic(server.origin)
})

after(async () => {
  stopTraffic?.()
  await browser?.close()
  await server?.stop()
})

/** Each screen, and what it shows when it has what it asked for. */
const SCREENS: readonly (readonly [name: string, shows: string])[] = [
  ['Overview', 'th:has-text("this server")'],
]

for (const look of LOOKS) {
  describe(`at ${look.width} pixels, ${look.colorScheme}`, () => {
    for (const [name, shows] of SCREENS) {
      test(name, async () => {
        const admin = await openAdmin(browser, server.origin, look)
        await admin.show(name)
        await admin.page.locator(shows).first().waitFor()
        await mustBeSound(admin, name)
        if (PICTURES !== undefined) {
          mkdirSync(PICTURES, { recursive: true })
          await admin.page.screenshot({ path: `${PICTURES}/${name}-${look.width}.png`, fullPage: true })
        }
        await admin.context.close()
      })
    }
  })
}

test('charts get a point each second, and say the newest figure in text', async () => {
  const admin = await openAdmin(browser, server.origin, LOOKS[0]!)
  await admin.show('Overview')
  const figure = admin.page.locator('figure', { hasText: 'Publishes / s' })
  await figure.locator('canvas').waitFor()
  await admin.page.waitForFunction(
    () => Number(document.querySelector('figure:nth-of-type(3) strong')?.textContent) > 0,
  )
  await admin.context.close()
})

test('a server that asks for credentials lets an admin in, and nobody else', async () => {
  const key = 'a-key-of-the-tests-long-enough-to-be-taken'
  const closed = await startServer(['start'], { env: { FANLINE_API_KEY: key } })
  try {
    const { page, context } = await openAdmin(browser, closed.origin, LOOKS[0]!)
    await page.goto(`${closed.origin}/admin`)
    await page.getByLabel('API key or token').fill('nonsense')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').filter({ hasText: /./ }).waitFor()
    await page.getByLabel('API key or token').fill(key)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('API key or token').waitFor()
    assert.equal(await page.evaluate(() => sessionStorage.length), 0)
    await context.close()
  } finally {
    await closed.stop()
  }
})

test('its policy allows no inline code, and nothing from elsewhere', async () => {
  const { headers } = await fetch(`${server.origin}/admin`)
  const policy = headers.get('content-security-policy') ?? ''
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/)
  assert.doesNotMatch(policy, /unsafe|https?:|\*/)
})
