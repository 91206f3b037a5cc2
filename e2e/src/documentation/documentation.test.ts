import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { Page, ROOT } from './page.ts'

const pages = Page.all()

test('every relative link leads somewhere', () => {
  const anchors = new Map(pages.map((page) => [page.path, page.anchors]))
  const broken = pages.flatMap((page) =>
    page.links
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const path = page.resolve(link)
        const anchor = link.split('#')[1]
        return !existsSync(join(ROOT, path)) || (anchor !== undefined && !anchors.get(path)?.has(anchor))
      })
      .map((link) => `${page.path}: ${link}`),
  )
  assert.deepEqual(broken, [])
})

test('every test that a page names is there', () => {
  const missing = pages.flatMap((page) =>
    page.tests
      .filter(({ title, path }) => !hasTest(path, title))
      .map(({ title }) => `${page.path}: ${title}`),
  )
  assert.deepEqual(missing, [])
})

test('docs/migrate/claims.md has fifteen claims, each with its test or what it waits for', () => {
  const text = readFileSync(join(ROOT, 'docs/migrate/claims.md'), 'utf8')
  const rows = text.split('\n').filter((line) => /^\| \d+ \|/.test(line))
  assert.deepEqual(
    rows.map((row) => Number(row.split('|')[1])),
    Array.from({ length: 15 }, (_, i) => i + 1),
  )
  for (const row of rows) assert.match(row, /\.test\.ts\)|come later/)
})

test('docs/README.md leads to every page of docs, or to its folder', () => {
  const index = pages.find(({ path }) => path === 'docs/README.md')
  const named = new Set(index?.links.map((link) => index.resolve(link)))
  const missing = pages
    .map(({ path }) => path)
    .filter((path) => path.startsWith('docs/') && path !== index?.path)
    .filter((path) => !named.has(path) && !named.has(dirname(path)))
  assert.deepEqual(missing, [])
})

test('docs/reference/library.md names everything that the library exports', async () => {
  const entries = ['', '/routes', '/api-key', '/jwt', '/ticket', '/compat', '/opentelemetry', '/testing'].map(
    (path) => `@fanline/hub${path}`,
  )
  const exports = (await Promise.all(entries.map((entry) => import(entry)))).flatMap(Object.keys)
  const text = readFileSync(join(ROOT, 'docs/reference/library.md'), 'utf8')
  assert.deepEqual(
    exports.filter((name) => !new RegExp(`\\b${name}\\b`).test(text)),
    [],
  )
})

/** True when a test has this title, or one that goes on with what the test is run with. */
function hasTest(path: string, title: string): boolean {
  if (!existsSync(join(ROOT, path))) return false
  const source = readFileSync(join(ROOT, path), 'utf8')
  return ['test', 'it', 'describe'].some((call) =>
    ["'", '"', '`'].some((quote) => source.includes(`${call}(${quote}${title}`)),
  )
}
