import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesText, countText, spanText } from './quantity.ts'

test('quantities are written for people', () => {
  assert.deepEqual([0, 1023, 1024, 1536 * 1024, 2 ** 50].map(bytesText), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 MiB',
    '1024.0 TiB',
  ])
  assert.deepEqual([0, 12345].map(countText), ['0', '12,345'])
  assert.deepEqual([0, 999, 61_000, 3_600_000, 90_061_000].map(spanText), [
    '0s',
    '0s',
    '1m 1s',
    '1h',
    '1d 1h',
  ])
})
