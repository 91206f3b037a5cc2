import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadAssets, type Pages } from './assets.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'fanline-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path + sep
}

function pagesIn(folder: string): Pages {
  return { folder, index: '/', base: '/assets/' }
}

test('every file has its path and type, and tells browsers to trust nothing else', (t) => {
  const path = folder(t)
  mkdirSync(join(path, 'deep'))
  writeFileSync(join(path, 'index.html'), '<!doctype html>')
  writeFileSync(join(path, 'page.js'), 'let a')
  writeFileSync(join(path, 'deep', 'style.css'), 'a {}')
  const assets = new Map(loadAssets(pagesIn(path)).map((asset) => [asset.path, asset]))
  assert.deepEqual([...assets.keys()].sort(), ['/', '/assets/deep/style.css', '/assets/page.js'])
  const page = assets.get('/')!
  assert.equal(page.headers['Content-Type'], 'text/html; charset=utf-8')
  assert.match(page.headers['Content-Security-Policy']!, /^default-src 'none'; script-src 'self';/)
  assert.equal(page.headers['X-Content-Type-Options'], 'nosniff')
  assert.equal(page.headers['Referrer-Policy'], 'no-referrer')
  assert.equal(assets.get('/assets/page.js')!.headers['Content-Type'], 'text/javascript; charset=utf-8')
  assert.notEqual(page.headers.ETag, assets.get('/assets/page.js')!.headers.ETag)
  assert.equal(Buffer.from(page.body).toString(), '<!doctype html>')
})

test('without a build of the pages there are none', (t) => {
  assert.deepEqual(loadAssets(pagesIn(join(folder(t), 'missing'))), [])
})
