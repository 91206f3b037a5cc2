// The examples of streams: a page that is loaded again in the middle of an answer has all of it, each word once.
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { RunningExample } from './running-example.ts'

const NUMBERS = Array.from({ length: 100 }, (_, i) => i + 1)

let browser: Browser
let chat: RunningExample
let counting: RunningExample
let context: BrowserContext
let complaints: string[]

before(async () => {
  browser = await launchChromium()
  chat = await RunningExample.start('ai-chat')
  counting = await RunningExample.start('resumable-stream')
})

after(async () => {
  await browser?.close()
  for (const example of [chat, counting]) assert.equal(await example?.terminate(), 0)
})

// Each has a chat of its own.
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

async function open(example: RunningExample): Promise<Page> {
  const page = await context.newPage()
  await page.goto(example.origin)
  return page
}

/** Resolves when the page has counted so far. */
async function counted(page: Page, to: number): Promise<void> {
  await page.getByText(new RegExp(`\\b${to}\\b`)).waitFor()
}

async function say(page: Page, text: string): Promise<void> {
  await page.fill('[name=text]', text)
  await page.click('text=Send')
}

test('a chat that is loaded again in the middle of an answer, and in another tab', async () => {
  const page = await open(chat)
  await say(page, 'Hello')
  await counted(page, 20)
  await page.reload()
  await counted(page, 40)
  const other = await open(chat)
  for (const tab of [page, other]) {
    await counted(tab, 100)
    await tab.locator('#status', { hasText: 'ready' }).waitFor()
    const answers = await tab.locator('.assistant').allTextContents()
    assert.deepEqual(answers, [`“Hello” has 5 characters: ${NUMBERS.join(' ')}`])
  }
  await page.reload()
  await counted(page, 100)
})

test('a chat that is stopped by a tab that did not ask, and asked again', async () => {
  const page = await open(chat)
  await say(page, 'Hello')
  await counted(page, 5)
  const other = await open(chat)
  await counted(other, 10)
  await other.click('text=Stop')
  for (const tab of [page, other]) await tab.locator('#status', { hasText: 'ready' }).waitFor()
  const texts = await Promise.all([page, other].map((tab) => tab.locator('.assistant').textContent()))
  assert.equal(texts[0], texts[1])
  assert.doesNotMatch(String(texts[0]), /100/)
  await say(other, 'Once more')
  await other.getByText('“Once more” has 9 characters: 1 2 3').waitFor()
  await other.click('text=Stop')
})

test('a native EventSource hears an answer, and stops for good when nothing runs any more', async () => {
  const page = await open(chat)
  await say(page, 'Hello')
  await counted(page, 5)
  const heard = await page.evaluate(async () => {
    const source = new EventSource('/api/chat/stream')
    let [text, end, opened] = ['', '', 0]
    source.onopen = () => opened++
    source.addEventListener('fanline.stream', ({ data }) => {
      const piece = JSON.parse(data)
      for (const { delta = '' } of piece.parts ?? []) text += delta
      end = piece.end ?? end
    })
    await new Promise<void>((resolve) => {
      source.onerror = () => {
        if (source.readyState === EventSource.CLOSED) resolve()
      }
    })
    return { text, end, opened }
  })
  assert.deepEqual(heard, {
    text: `“Hello” has 5 characters: ${NUMBERS.join(' ')}`,
    end: 'complete',
    opened: 1,
  })
})

test('a text by resumable-stream that is loaded again in the middle, twice', async () => {
  const page = await open(counting)
  for (const to of [15, 45]) {
    await counted(page, to)
    await page.reload()
  }
  await page.locator('#state', { hasText: 'Done.' }).waitFor()
  assert.equal(await page.locator('#text').textContent(), `${NUMBERS.join(' ')} `)
})
