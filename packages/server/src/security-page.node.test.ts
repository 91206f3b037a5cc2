import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const PAGE = new URL('../../../docs/security.md', import.meta.url)
const page = readFileSync(PAGE, 'utf8')
const rows = page.split('\n').filter((line) => /^\| \d+ \|/.test(line))

test('docs/security.md has a row for each of the 29 threats, and each row its tests or why there are none', () => {
  assert.deepEqual(
    rows.map((row) => Number(row.split('|')[1])),
    Array.from({ length: 29 }, (_, i) => i + 1),
  )
  for (const row of rows) {
    assert.ok(testsIn(row).length > 0 || /does not apply|come later/i.test(row), row)
  }
})

test('every test that docs/security.md names is there', () => {
  for (const { title, path } of testsIn(page)) {
    const file = new URL(path, PAGE)
    assert.ok(existsSync(file), path)
    // The end of a title may be made of what it is run with.
    const calls = ['test', 'it', 'describe'].flatMap((call) =>
      [`'`, '"', '`'].map((quote) => `${call}(${quote}${title}`),
    )
    const source = readFileSync(file, 'utf8')
    assert.ok(
      calls.some((call) => source.includes(call)),
      `${path} has no test ${JSON.stringify(title)}`,
    )
  }
})

function testsIn(text: string): { title: string; path: string }[] {
  return [...text.matchAll(/\[([^\]]+)\]\(([^)\s]+\.test\.ts)\)/g)].map(([, title = '', path = '']) => ({
    title,
    path,
  }))
}
