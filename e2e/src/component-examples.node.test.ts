// The examples with components: their pages hear everything once, over one connection, also after a restart.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { eventually } from './eventually.ts'
import { RunningExample } from './running-example.ts'

let browser: Browser

before(async () => {
  browser = await launchChromium()
})

after(() => browser?.close())

// React mounts everything twice here, as in development.
for (const name of ['react', 'vue']) {
  describe(`example ${name}`, () => {
    const snapshot = join(tmpdir(), `fanline-${name}-${process.pid}.snapshot`)
    const complaints: string[] = []
    let example: RunningExample
    let context: BrowserContext

    before(async () => {
      example = await RunningExample.start(name, { SNAPSHOT: snapshot })
      context = await browser.newContext()
      context.setDefaultTimeout(15_000)
      context.on('weberror', (error) => complaints.push(String(error.error())))
      context.on('console', (message) => {
        const isRestart = message.text().includes('net::ERR_')
        if (['error', 'warning'].includes(message.type()) && !isRestart) complaints.push(message.text())
      })
    })

    after(async () => {
      await context?.close()
      await example?.terminate()
      rmSync(snapshot, { force: true })
    })

    test('a page has one connection, which follows what its components ask for', async () => {
      const page = await open()
      assert.deepEqual(await followed(), [['orders', 'table.1']])
      await page.fill('input', '7')
      await eventually(
        async () => String(await followed()) === 'orders,table.7',
        'it follows the other table',
      )
      await page.close()
      await eventually(async () => (await followed()).length === 0, 'the end of the connection')
    })

    test('orders show on every page, and what concerns a table there', async () => {
      const [page, other] = [await open(), await open()]
      await other.fill('input', '2')
      await page.click('text=Espresso')
      for (const each of [page, other]) await shows(each, ['Espresso for table 1'])
      await page.locator('#table', { hasText: 'Your Espresso is ready.' }).waitFor()
      assert.match((await other.locator('#table').textContent()) ?? '', /Order something/)
      await other.click('text=Cappuccino')
      for (const each of [page, other]) await shows(each, ['Cappuccino for table 2', 'Espresso for table 1'])
      await other.close()
      await page.close()
    })

    test('after a restart a page shows everything once, also what came before it was back', async () => {
      const page = await open()
      const before = ['Cappuccino for table 2', 'Espresso for table 1']
      await shows(page, before)
      assert.equal(await example.terminate(), 0)
      await page.locator('#state', { hasText: 'waiting until' }).waitFor()
      example = await RunningExample.start(name, { SNAPSHOT: snapshot }, example.port)
      await order(3)
      const all = ['Tea for table 3', ...before]
      await shows(page, all)
      await page.locator('#state', { hasText: 'live' }).waitFor()
      assert.equal((await followed()).length, 1)
      await page.reload()
      await shows(page, all)
    })

    test('the console has no complaint', () => {
      assert.deepEqual(complaints, [])
    })

    async function open(): Promise<Page> {
      const page = await context.newPage()
      await page.goto(example.origin)
      await page.locator('#state', { hasText: 'live' }).waitFor()
      return page
    }

    /** Waits until these orders are listed, and no others. */
    async function shows(page: Page, orders: readonly string[]): Promise<void> {
      const listed = page.locator('#orders li')
      await eventually(async () => String(await listed.allTextContents()) === String(orders), String(orders))
    }

    async function order(table: number): Promise<void> {
      const body = JSON.stringify({ table, drink: 'Tea' })
      const response = await fetch(`${example.origin}/orders`, { method: 'POST', body })
      assert.equal(response.status, 204)
    }

    /** The topics of each connection. */
    async function followed(): Promise<string[][]> {
      const response = await fetch(`${example.origin}/push/v1/connections`)
      const { connections } = (await response.json()) as { connections: { channels: string[] }[] }
      return connections.map(({ channels }) => channels.toSorted())
    }
  })
}
