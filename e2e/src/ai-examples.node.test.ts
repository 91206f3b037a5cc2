// The examples of streams: a page that is loaded again in the middle of an answer has all of it, each word once.
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { RunningExample } from './running-example.ts'

const NUMBERS = Array.from({ length: 100 }, (_, i) => i + 1)

let browser: Browser
let context: BrowserContext
let complaints: string[]

before(async () => {
  browser = await launchChromium()
})

after(() => browser?.close())

beforeEach(async () => {
  complaints = []
  context = await browser.newContext()
  context.setDefaultTimeout(15_000)
  context.on('weberror', (error) => complaints.push(String(error.error())))
})

afterEach(async () => {
  await context.close()
  assert.deepEqual(complaints, [])
})

/** Runs a test with an example, and asks it to end. */
async function withExample(name: string, run: (origin: string) => Promise<void>): Promise<void> {
  const example = await RunningExample.start(name)
  try {
    await run(example.origin)
  } finally {
    assert.equal(await example.terminate(), 0)
  }
}

/** Resolves when the page has counted so far. */
async function counted(page: Page, to: number): Promise<void> {
  await page.getByText(new RegExp(`\\b${to}\\b`)).waitFor()
}

async function say(page: Page, text: string): Promise<void> {
  await page.fill('[name=text]', text)
  await page.click('text=Send')
}

test('ai-chat: loaded again in the middle of an answer, and in another tab', () =>
  withExample('ai-chat', async (origin) => {
    const page = await context.newPage()
    await page.goto(origin)
    await say(page, 'Hello')
    await counted(page, 20)
    await page.reload()
    await counted(page, 40)
    const other = await context.newPage()
    await other.goto(origin)
    for (const tab of [page, other]) {
      await counted(tab, 100)
      await tab.locator('#status', { hasText: 'ready' }).waitFor()
      const answers = await tab.locator('.assistant').allTextContents()
      assert.deepEqual(answers, [`“Hello” has 5 characters: ${NUMBERS.join(' ')}`])
    }
    await page.reload()
    await counted(page, 100)
  }))

test('ai-chat: stopped by a tab that did not ask, and asked again', () =>
  withExample('ai-chat', async (origin) => {
    const [page, other] = [await context.newPage(), await context.newPage()]
    await page.goto(origin)
    await say(page, 'Hello')
    await counted(page, 5)
    await other.goto(origin)
    await counted(other, 10)
    await other.click('text=Stop')
    for (const tab of [page, other]) await tab.locator('#status', { hasText: 'ready' }).waitFor()
    const texts = await Promise.all([page, other].map((tab) => tab.locator('.assistant').textContent()))
    assert.equal(texts[0], texts[1])
    assert.doesNotMatch(String(texts[0]), /100/)
    await say(other, 'Once more')
    await other.getByText('“Once more” has 9 characters: 1 2 3').waitFor()
    await other.click('text=Stop')
  }))

test('resumable-stream: loaded again in the middle of a text, twice', () =>
  withExample('resumable-stream', async (origin) => {
    const page = await context.newPage()
    await page.goto(origin)
    for (const to of [15, 45]) {
      await counted(page, to)
      await page.reload()
    }
    await page.locator('#state', { hasText: 'Done.' }).waitFor()
    assert.equal(await page.locator('#text').textContent(), `${NUMBERS.join(' ')} `)
  }))
