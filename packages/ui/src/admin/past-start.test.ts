import assert from 'node:assert/strict'
import { test } from 'node:test'
import { afterOf } from './past-start.ts'

test('a look into the past begins just before an id, a time, or a span', () => {
  const now = Date.parse('2026-11-21T10:00:00Z')
  const after = (text: string) => afterOf(text, now)
  assert.equal(after('1795256957741000'), '1795256957740999')
  assert.equal(after(' 10m '), String((now - 600_000) * 1000 - 1))
  assert.equal(after('2026-11-21T09:00:00Z'), String((now - 3_600_000) * 1000 - 1))
  assert.equal(after('0'), '0')
  for (const wrong of ['', 'yesterday', '10x', '12345678901234567'])
    assert.equal(after(wrong), undefined, wrong)
})
