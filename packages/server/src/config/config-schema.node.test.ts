import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { configSchemaText } from './config-schema.ts'

test('config.schema.json is up to date; `npm run schema -w fanline` writes it', () => {
  const committed = readFileSync(new URL('../../config.schema.json', import.meta.url), 'utf8')
  assert.equal(committed, configSchemaText())
})
