import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram } from './histogram.ts'

test('a value counts in the first range that ends at it or above it', () => {
  const histogram = new Histogram([1, 5])
  for (const value of [0, 1, 1.5, 5, 6, 100]) histogram.add(value)
  assert.deepEqual(histogram.counts, [2, 2, 2])
  assert.equal(histogram.sum, 113.5)
})
