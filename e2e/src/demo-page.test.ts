import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { type DevServer, startDevServer } from './dev-server.ts'

/** What a person would wait for something to happen, in milliseconds; a task takes eight seconds. */
const PATIENCE_MS = 20_000

let server: DevServer
let browser: Browser
let context: BrowserContext
let complaints: string[]

before(async () => {
  server = await startDevServer()
  browser = await launchChromium()
})

after(async () => {
  await browser?.close()
  await server?.stop()
})

// All tabs of a test are in one context, and so share the six connections of a real browser.
beforeEach(async () => {
  complaints = []
  context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] })
  context.setDefaultTimeout(PATIENCE_MS)
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== server.origin) complaints.push(`asked ${request.url()}`)
  })
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  context.on('weberror', (error) => complaints.push(String(error.error())))
})

afterEach(async () => {
  await context.close()
  assert.deepEqual(complaints, [], 'no request to another origin, nothing on the console')
})

test('a toast reaches all tabs of its user, and nobody else', async () => {
  const [alice, second, bob] = [await open('alice'), await open('alice'), await open('bob')]
  await alice.fill('#notice', 'Your parcel is here')
  await alice.click('#notify-user')
  await shows(alice, '#notify-outcome', 'Delivered to 2 connections of alice.')
  for (const tab of [alice, second]) await toast(tab, 'Your parcel is here').waitFor()
  // The broadcast comes later in the log: when bob has it, the toast would have been there.
  await alice.fill('#announcement', 'To all of you')
  await alice.click('#broadcast')
  await toast(bob, 'To all of you').waitFor()
  assert.equal(await toast(bob, 'Your parcel is here').count(), 0)
})

test('a broadcast reaches everybody', async () => {
  const tabs = [await open('alice'), await open('bob'), await open('carol')]
  await tabs[0]!.click('#broadcast')
  for (const tab of tabs) await toast(tab, 'We deploy at noon').waitFor()
  await shows(tabs[0]!, '#broadcast-outcome', 'Delivered to 3 connections: everybody.')
})

test('progress reaches 100 % in every tab, also in one that was reloaded half-way', async () => {
  const [alice, bob] = [await open('alice'), await open('bob')]
  await alice.click('#start-task')
  await bob.waitForFunction(() => document.querySelector('progress')!.value >= 20)
  await bob.reload()
  await bob.waitForFunction(() => document.querySelector('progress')!.value >= 20)
  assert.match(await textOf(bob, '#events [data-event="fanline.hello"] .data'), /"resumed":true/)
  for (const tab of [alice, bob]) await shows(tab, '#task-percent', '100 %')
  assert.equal(await bob.locator('#events [data-event="fanline.gap"]').count(), 0)
})

test('each chart gets points', async () => {
  const alice = await open('alice')
  for (const field of ['cpuPercent', 'memoryMb', 'connections', 'lagMs']) {
    const figure = alice.locator(`figure[data-field="${field}"]`)
    await figure.and(alice.locator('[data-points="3"]')).waitFor()
    assert.match((await figure.locator('path.line').getAttribute('d')) ?? '', /^M[\d. ]+L[\d. ]+L[\d. ]+$/)
  }
  await shows(alice, 'figure[data-field="connections"] b', '1')
})

test('five events published while a tab is offline arrive when it comes back: each once, in order', async () => {
  const alice = await open('alice')
  await alice.click('#plug')
  await shows(alice, '#state-text', 'closed')
  await alice.click('#publish-five')
  await shows(alice, '#plug-outcome', 'Published 5, each delivered to 0 connections.')
  assert.equal(await alice.locator('#slots [data-state="published"]').count(), 5)
  assert.equal(await alice.locator('#events [data-event="numbered"]').count(), 0)

  await alice.click('#plug')
  await shows(alice, '#plug-outcome', '5 of 5 arrived: each once, in order.')
  assert.equal(await alice.locator('#slots [data-state="arrived"]').count(), 5)
  assert.match(await textOf(alice, '#story'), /fanline\.hello connection \S+ resumed after \d+/)
  await alice.locator('#story [data-name="fanline.checkpoint"]', { hasText: /live at \d/ }).waitFor()
  assert.equal(await alice.locator('#story [data-name="fanline.gap"]').count(), 0)

  // A publish that everybody gets comes behind them, so what is on the wire then is all there is.
  await alice.click('#broadcast')
  await toast(alice, 'We deploy at noon').waitFor()
  const newestFirst = await alice.locator('#events [data-event="numbered"] .data').allTextContents()
  assert.deepEqual(
    newestFirst.reverse().map((data) => JSON.parse(data)),
    [1, 2, 3, 4, 5].map((n) => ({ n })),
  )
})

test('the first curl of the start screen shows', async () => {
  const alice = await open('alice')
  await fetch(`${server.origin}/v1/publish/hello`, { method: 'POST', body: 'Hello' })
  await toast(alice, 'Hello').waitFor()
})

test('the commands on the page do what the buttons do', async () => {
  const alice = await open('alice')
  await alice.fill('#notice', `It's "here"`)
  await alice.locator('#curl-notify button').click()
  const command = await alice.evaluate(() => navigator.clipboard.readText())
  assert.equal(command, await textOf(alice, '#curl-notify code'))
  await curl(command)
  await toast(alice, `It's "here"`).waitFor()
  await curl(await textOf(alice, '#curl-broadcast code'))
  await toast(alice, 'We deploy at noon').waitFor()
  await curl(await textOf(alice, '#curl-progress code'))
  await shows(alice, '#task-percent', '30 %')
})

test('another name is kept in the address, and listens as that user', async () => {
  const alice = await open('alice')
  await alice.fill('#user', 'dora')
  await alice.press('#user', 'Enter')
  await alice.waitForURL('**/?user=dora')
  await alice.locator('#events [data-event="fanline.hello"]', { hasText: '"user":"dora"' }).waitFor()
  await alice.click('#notify-user')
  await toast(alice, 'Your invoice is ready').waitFor()
  await shows(alice, '#notify-outcome', 'Delivered to 1 connection of dora.')
})

test('the wire can be paused, and then shows what came meanwhile', async () => {
  const alice = await open('alice')
  await alice.click('#pause')
  await alice.click('#notify-user')
  await toast(alice, 'Your invoice is ready').waitFor()
  assert.equal(await alice.locator('#events [data-event="notification"]').count(), 0)
  await alice.click('#pause')
  await alice.locator('#events [data-event="notification"]').waitFor()
  await shows(alice, '#fact-delivered', 'delivered 1')
})

test('a tab that was kicked says so and comes back when told to', async () => {
  const alice = await open('alice')
  await fetch(`${server.origin}/v1/users/alice/connections`, { method: 'DELETE' })
  await shows(alice, '#state-text', 'closed')
  await alice.locator('#story [data-name="fanline.bye"]', { hasText: 'kicked' }).waitFor()
  await alice.click('#plug')
  await shows(alice, '#state-text', 'open')
})

test('the page allows itself nothing but its own files', async () => {
  const response = await fetch(server.origin)
  const policy = response.headers.get('content-security-policy') ?? ''
  for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"]) {
    assert.ok(policy.includes(rule), `${policy} has no ${rule}`)
  }
})

test('a tab survives a restart of the server, and tells what a memory log lost', async () => {
  const alice = await open('alice')
  await server.stop()
  await shows(alice, '#state-text', 'connecting')
  server = await startDevServer(server.port)
  await shows(alice, '#state-text', 'open')
  await alice.locator('#story [data-name="fanline.gap"]', { hasText: 'restarted' }).first().waitFor()
  complaints = complaints.filter((complaint) => !complaint.includes('ERR_CONNECTION_REFUSED'))
})

/** A new tab of this user, once it is connected. */
async function open(user: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${server.origin}/?user=${user}`)
  await shows(page, '#state-text', 'open')
  return page
}

/** Waits until the element says exactly this. */
async function shows(page: Page, selector: string, text: string): Promise<void> {
  await page.waitForFunction(([selector, text]) => document.querySelector(selector)?.textContent === text, [
    selector,
    text,
  ] as const)
}

async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).textContent()) ?? ''
}

function toast(page: Page, text: string) {
  return page.locator('.toast-text', { hasText: text })
}

/** Sends what `curl -d BODY URL` would, having let a shell take the command apart. */
async function curl(command: string): Promise<void> {
  const script = `curl() { for word; do printf '%s\\0' "$word"; done; }; ${command}`
  const [option, body, url] = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).split('\0')
  assert.equal(option, '-d')
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const response = await fetch(url!, { method: 'POST', headers, body: body! })
  assert.equal(response.status, 200, await response.text())
}
