import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NAMED_OPTIONS } from './named-options.ts'

test('names follow from the path', () => {
  const option = NAMED_OPTIONS.find(({ path }) => path === 'history.maxEvents')
  assert.equal(option?.variable, 'FANLINE_HISTORY_MAX_EVENTS')
  assert.equal(option?.flag, '--history-max-events')
  const port = NAMED_OPTIONS.find(({ path }) => path === 'port')
  assert.equal(port?.variable, 'FANLINE_PORT')
  assert.equal(port?.flag, '--port')
})

test('no two options share a name', () => {
  for (const key of ['path', 'variable', 'flag'] as const) {
    assert.equal(new Set(NAMED_OPTIONS.map((option) => option[key])).size, NAMED_OPTIONS.length)
  }
})

test('every default lies inside its own bounds', () => {
  for (const { path, row } of NAMED_OPTIONS) {
    if (row.kind === 'number' && row.default !== undefined)
      assert(row.default >= row.min && row.default <= row.max, path)
    if (row.kind === 'choice') assert(row.choices.includes(row.default), path)
  }
})
