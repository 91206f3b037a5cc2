import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { withOptionReference } from './option-reference.ts'

test('docs/reference/configuration.md is up to date; `npm run reference -w fanline` writes it', () => {
  const page = readFileSync(new URL('../../../../docs/reference/configuration.md', import.meta.url), 'utf8')
  assert.equal(page, withOptionReference(page))
})
