import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, Page } from 'playwright-core'

/** How a screen is looked at. */
export interface Look {
  readonly width: number
  readonly height: number
  readonly colorScheme: 'light' | 'dark'
}

/** At a desk, and on a phone at night. */
export const LOOKS: readonly Look[] = [
  { width: 1280, height: 800, colorScheme: 'light' },
  { width: 390, height: 844, colorScheme: 'dark' },
]

/** What a person would wait for something to happen, in milliseconds. */
const PATIENCE_MS = 20_000

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** The admin UI in a browser of its own. */
export interface AdminPage {
  readonly page: Page
  readonly context: BrowserContext
  /** What should not have happened: requests elsewhere, errors on the console, dialogs. */
  readonly complaints: string[]
  show(screen: string): Promise<void>
}

/** Opens the admin UI of a server, and listens to what goes wrong in it. */
export async function openAdmin(browser: Browser, origin: string, look: Look): Promise<AdminPage> {
  const { colorScheme, ...viewport } = look
  const context = await browser.newContext({
    viewport,
    colorScheme,
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  context.setDefaultTimeout(PATIENCE_MS)
  // Not by a tag: the page's policy would refuse it.
  await context.addInitScript({ path: AXE })
  const complaints: string[] = []
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) complaints.push(`asked ${request.url()}`)
  })
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  context.on('weberror', (error) => complaints.push(String(error.error())))
  const page = await context.newPage()
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  const show = async (screen: string): Promise<void> => {
    await page.goto(`${origin}/admin#/${screen.toLowerCase()}`)
    await page.getByRole('heading', { level: 1, name: screen }).waitFor()
  }
  return { page, context, complaints, show }
}

/** The screen has no fault that axe knows, fits its width, and ran nothing that it was shown. */
export async function mustBeSound({ page, complaints }: AdminPage, what: string): Promise<void> {
  const found = await page.evaluate(async () => {
    const { axe, hacked } = globalThis as unknown as {
      axe: {
        run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>
      }
      hacked: unknown
    }
    const { violations } = await axe.run()
    return {
      violations: violations.map(({ id, nodes }) => [
        id,
        nodes.map(({ html, failureSummary }) => [html, failureSummary]),
      ]),
      hacked: hacked ?? null,
      overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    }
  })
  assert.deepEqual(found, { violations: [], hacked: null, overflow: 0 }, what)
  assert.deepEqual(complaints, [], what)
}
