import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Page, ROOT } from './page.ts'

describe('the site', () => {
  let folder: string
  let pages: ReadonlyMap<string, string>

  before(() => {
    mkdirSync(join(ROOT, '.cache'), { recursive: true })
    folder = mkdtempSync(join(ROOT, '.cache/site-'))
    execFileSync(process.execPath, [join(ROOT, 'tools/site.mjs'), '--out', folder])
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    const paths = files.filter((path) => path.endsWith('.html'))
    pages = new Map(paths.map((path) => [path, readFileSync(join(folder, path), 'utf8')]))
  })

  after(() => rmSync(folder, { recursive: true }))

  test('has every page, with its title, and a way to each page of docs/README.md', () => {
    // What stands in hidden folders is for programs.
    for (const { path } of Page.all().filter((page) => !page.path.startsWith('.'))) {
      const target = path.replace(/README\.md$/, 'index.md').replace(/\.md$/, '.html')
      assert.match(pages.get(target) ?? '', /<title>[^<]*fanline<\/title>/, path)
    }
    const [, navigation = ''] = /<nav class="pages"[^>]*>(.*?)<\/nav>/s.exec(pages.get('index.html')!) ?? []
    for (const path of ['getting-started', 'guides/embedding', 'reference/api'])
      assert.ok(navigation.includes(`href="docs/${path}.html"`), path)
  })

  test('every link in it leads to a file or a place that is there', () => {
    const places = new Map([...pages].map(([path, html]) => [path, valuesOf(html, 'id')]))
    const broken = [...pages].flatMap(([path, html]) =>
      [...valuesOf(html, 'href'), ...valuesOf(html, 'src')]
        .filter((link) => !/^[a-z]+:/.test(link))
        .filter((link) => {
          const [file = '', anchor] = link.split('#')
          const to = file === '' ? path : join(dirname(path), file)
          return !existsSync(join(folder, to)) || (anchor !== undefined && !places.get(to)?.has(anchor))
        })
        .map((link) => `${path}: ${link}`),
    )
    assert.deepEqual(broken, [])
  })

  test('loads nothing from elsewhere, and has no script', () => {
    for (const [path, html] of pages) {
      const loaded = [...html.matchAll(/<(?:link|img|script|iframe)\b[^>]*?(?:href|src)="([^"]+)"/g)]
      for (const [, address] of loaded) assert.doesNotMatch(address!, /^(?:[a-z]+:|\/)/, path)
      assert.doesNotMatch(html, /<script|style="/, path)
    }
    assert.doesNotMatch(readFileSync(join(folder, 'site.css'), 'utf8'), /url\(|@import/)
  })
})

test('every link of docs/llms.txt leads to a page', () => {
  const page = new Page('docs/llms.txt')
  assert.ok(page.links.length > 20)
  for (const link of page.links) assert.ok(existsSync(join(ROOT, page.resolve(link))), link)
})

/** What an attribute is on the elements of a page. */
function valuesOf(html: string, attribute: string): ReadonlySet<string> {
  return new Set([...html.matchAll(new RegExp(` ${attribute}="([^"]+)"`, 'g'))].map(([, value]) => value!))
}
