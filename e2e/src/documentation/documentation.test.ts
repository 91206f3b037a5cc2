import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { Page, ROOT } from './page.ts'
import { Walkthrough } from './walkthrough.ts'

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
  const entries = ['', '/routes', '/api-key', '/jwt', '/ticket', '/compat', '/testing'].map(
    (path) => `@fanline/hub${path}`,
  )
  const exports = (await Promise.all(entries.map((entry) => import(entry)))).flatMap(Object.keys)
  const text = readFileSync(join(ROOT, 'docs/reference/library.md'), 'utf8')
  assert.deepEqual(
    exports.filter((name) => !new RegExp(`\\b${name}\\b`).test(text)),
    [],
  )
})

describe('what a page tells its reader to do works as the page shows it', () => {
  const walked = pages.filter(Walkthrough.isFor)

  test('there are such pages', () => {
    const paths = walked.map(({ path }) => path)
    for (const path of ['README.md', 'docs/getting-started.md', 'docs/reference/api.md'])
      assert.ok(paths.includes(path), path)
  })

  for (const page of walked) test(page.path, () => Walkthrough.through(page))
})
