import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cursorAfter, cursorSince } from './cursor.ts'

const NOW_MS = 1_700_000_000_000

describe('a cursor since a time', () => {
  it('counts back from now in seconds, minutes, hours and days', () => {
    const spans = { '1s': 1000, '90s': 90_000, '10m': 600_000, '2h': 7_200_000, '1d': 86_400_000 }
    for (const [since, spanMs] of Object.entries(spans)) {
      assert.deepEqual(cursorSince(since, NOW_MS), {
        after: (NOW_MS - spanMs) * 1000,
        expects: ['restarted'],
      })
    }
  })

  it('is the beginning for start, and for a span before all time', () => {
    assert.equal(cursorSince('start', NOW_MS).after, 0)
    assert.equal(cursorSince('999999999d', NOW_MS).after, 0)
  })

  it('is refused for anything else', () => {
    for (const since of ['', '10', 'm', '-1m', '1.5h', '1w', '1 m', 'START', '1m1s', '9999999999s', '１m']) {
      assert.throws(() => cursorSince(since, NOW_MS), { code: 'since-invalid' }, since)
    }
  })
})

describe('a cursor after an id', () => {
  it('is never refused', () => {
    assert.equal(cursorAfter('12').after, 12)
    // Beyond every log, which answers with a gap.
    for (const id of ['x', '', '-1', '1e3', '9'.repeat(30)])
      assert.equal(cursorAfter(id).after, Number.MAX_SAFE_INTEGER)
  })
})
