// The site in a browser: pages with much on them, by day and by night, wide and narrow.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { launchChromium } from '../chromium.ts'
import { ROOT } from './page.ts'

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const PAGES = ['index.html', 'docs/getting-started.html', 'docs/comparison.html', 'docs/reference/api.html']
const LOOKS = [
  { width: 1280, colorScheme: 'light' },
  { width: 390, colorScheme: 'dark' },
] as const

test('pages of the site have no fault that axe knows, and fit the screen', async (t) => {
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, '.cache/site-'))
  t.after(() => rmSync(folder, { recursive: true }))
  execFileSync(process.execPath, [join(ROOT, 'tools/site.mjs'), '--out', folder])
  const browser = await launchChromium()
  t.after(() => browser.close())
  for (const { width, colorScheme } of LOOKS) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
    for (const path of PAGES) {
      await page.goto(pathToFileURL(join(folder, path)).href)
      await page.addScriptTag({ path: AXE })
      const { faults, tooWide } = await page.evaluate(async () => {
        const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }
        interface Violation {
          readonly id: string
          readonly nodes: readonly { readonly html: string }[]
        }
        const { violations } = await axe.run()
        return {
          faults: violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
          tooWide: document.documentElement.scrollWidth - innerWidth,
        }
      })
      assert.deepEqual(faults, [], `${path} at ${width}`)
      assert.ok(tooWide <= 0, `${path} at ${width} is ${tooWide} pixels too wide`)
    }
    await page.close()
  }
})
