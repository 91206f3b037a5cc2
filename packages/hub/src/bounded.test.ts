import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Bounded } from './bounded.ts'

/** Gives items at 1, 2, 3 … with these lengths; answers when those that are kept were given. */
function kept(items: Bounded<{ readonly at: number }>, lengths: readonly number[]): number[] {
  lengths.forEach((length, i) => {
    items.push({ at: i + 1 }, length)
  })
  return [...items].map(({ at }) => at)
}

describe('the newest items', () => {
  const rows: [what: string, maxItems: number, maxLength: number, lengths: number[], kept: number[]][] = [
    ['all, when they are few', 4, 100, [1, 1, 1, 1], [1, 2, 3, 4]],
    ['at least half as many, when there were more', 4, 100, [1, 1, 1, 1, 1], [3, 4, 5]],
    ['at most as many', 4, 100, [1, 1, 1, 1, 1, 1], [3, 4, 5, 6]],
    ['all, when they are short', 100, 40, [20, 20], [1, 2]],
    ['no more than the length', 100, 40, [20, 20, 1], [2, 3]],
    ['one that is longer than all may be', 100, 40, [20, 20, 50], [2, 3]],
    ['what comes after such a one', 100, 40, [50, 1, 1], [1, 2, 3]],
  ]
  for (const [what, maxItems, maxLength, lengths, expected] of rows) {
    it(what, () => {
      const items = new Bounded<{ readonly at: number }>(maxItems, maxLength)
      assert.deepEqual(kept(items, lengths), expected)
      const isComplete = expected.length === lengths.length
      assert.equal(items.forgottenAt, isComplete ? Number.NEGATIVE_INFINITY : expected[0]! - 1)
    })
  }
})
