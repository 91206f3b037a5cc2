// The hooks in a page that a server has rendered, with everything mounted twice.
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createHub } from '@fanline/hub'
import { nativeRoutes, openAccess } from '@fanline/hub/routes'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { rolldown } from 'rolldown'
import { launchChromium } from './chromium.ts'
import { eventually } from './eventually.ts'
import { ReactPage, type ReactPageProps } from './react-page.ts'

const hub = createHub<{ n: number }>()
const complaints: string[] = []
let server: Server
let browser: Browser

before(async () => {
  const routes = nativeRoutes(hub, { authenticator: openAccess() })
  const script = await bundle()
  server = createServer((req, res) => {
    if (routes.handle(req, res)) return
    res.setHeader('Content-Type', req.url === '/page.js' ? 'text/javascript' : 'text/html')
    res.end(req.url === '/page.js' ? script : html({ user: 'ann', factor: 1 }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  browser = await launchChromium()
})

after(async () => {
  await browser?.close()
  await hub.close({ drainMs: 0 })
  server?.close()
})

test('they hear by the handler of the last render, over one connection for each user', async () => {
  const page = await open()
  await shows(page, 'ann is live, latest is undefined')
  assert.deepEqual(users(), ['ann'])
  await hub.publish({ user: 'ann', event: 'n', data: 2 })
  await shows(page, 'ann is live, latest is 2')

  const listened = await page.evaluate(() => window.listened)
  for (let factor = 2; factor <= 10; factor++) await page.evaluate(show, { user: 'ann', factor })
  await hub.publish({ user: 'ann', event: 'n', data: 3 })
  await shows(page, 'ann is live, latest is 3')
  assert.deepEqual(await page.evaluate(() => window.products), [2, 30])
  assert.equal(await page.evaluate(() => window.listened), listened, 'nobody listened anew')

  await page.evaluate(show, { user: 'ben', factor: 1 })
  await shows(page, 'ben is live, latest is undefined')
  await eventually(() => String(users()) === 'ben', 'only the new user is connected')
  await hub.publish({ user: 'ann', event: 'n', data: 4 })
  await hub.publish({ user: 'ben', event: 'n', data: 5 })
  await shows(page, 'ben is live, latest is 5')
  assert.deepEqual(await page.evaluate(() => window.products), [2, 30, 5])

  await page.evaluate(show, { factor: 1 })
  await shows(page, 'undefined is connecting, latest is undefined')
  await eventually(() => users().length === 0, 'nobody is connected')
  assert.deepEqual(complaints, [])
  await page.close()
})

test('pages have one connection when they share', async () => {
  const profile = await browser.newContext()
  const pages = [await open(profile), await open(profile)]
  for (const page of pages) {
    await page.evaluate(show, { factor: 1 })
    await page.evaluate(show, { user: 'cleo', factor: 1, share: true })
    await shows(page, 'cleo is live, latest is undefined')
  }
  await eventually(() => String(users()) === 'cleo', 'one connection')
  await hub.publish({ user: 'cleo', event: 'n', data: 6 })
  for (const page of pages) await shows(page, 'cleo is live, latest is 6')
  await pages[0]!.close()
  await hub.publish({ user: 'cleo', event: 'n', data: 7 })
  await shows(pages[1]!, 'cleo is live, latest is 7')
  assert.deepEqual(await pages[1]!.evaluate(() => window.products), [6, 7])
  assert.deepEqual(complaints, [])
  await profile.close()
})

/** Runs in the page: shows it with other properties, and waits until it is drawn. */
async function show(props: ReactPageProps): Promise<void> {
  window.show(props)
  await new Promise((resolve) => requestAnimationFrame(resolve))
}

async function open(profile: Pick<BrowserContext, 'newPage'> = browser): Promise<Page> {
  const page = await profile.newPage()
  page.setDefaultTimeout(20_000)
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return page
}

async function shows(page: Page, text: string): Promise<void> {
  await page.waitForFunction((text) => document.querySelector('p')?.textContent === text, text)
}

/** Who is connected. */
function users(): (string | null)[] {
  return [...hub.connections()].map(({ user }) => user)
}

function html(props: ReactPageProps): string {
  const start = `import { start } from '/page.js'; start(${JSON.stringify(props)})`
  return `<!doctype html><link rel="icon" href="data:,"><main>${renderToString(
    createElement(ReactPage, props),
  )}</main><script type="module">${start}</script>`
}

async function bundle(): Promise<string> {
  const input = fileURLToPath(new URL('react-page.js', import.meta.url))
  const define = { 'process.env.NODE_ENV': '"development"' }
  const bundled = await rolldown({ input, platform: 'browser', transform: { define } })
  const { output } = await bundled.generate({ codeSplitting: false })
  await bundled.close()
  return output[0].code
}
