import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeIn, withVersion } from './changelog.mjs'

test('a change is an item, without the packages it is about', () => {
  const text = '---\n"@fanline/hub": minor\n"fanline": patch\n---\n\nTwo lines\nof it.\n'
  assert.equal(changeIn(text), '- Two lines\n  of it.')
})

test('what was unreleased and the changes become the section of the version', () => {
  const before = '# Changes\n\n## Unreleased\n\n- old\n\n## 0.1.0 – 2026-12-01\n\n- first\n'
  const after = '# Changes\n\n## 0.2.0 – 2027-01-31\n\n- old\n- new\n\n## 0.1.0 – 2026-12-01\n\n- first\n'
  assert.equal(withVersion(before, '0.2.0', '2027-01-31', ['- new']), after)
})

test('a version without anything unreleased stands before the others, the first one at the end', () => {
  const one = withVersion('# Changes\n\n## Unreleased\n\n- first\n', '0.1.0', '2026-12-01', [])
  assert.equal(one, '# Changes\n\n## 0.1.0 – 2026-12-01\n\n- first\n')
  const two = withVersion(one, '0.2.0', '2027-01-31', ['- new'])
  assert.equal(two, '# Changes\n\n## 0.2.0 – 2027-01-31\n\n- new\n\n## 0.1.0 – 2026-12-01\n\n- first\n')
})
