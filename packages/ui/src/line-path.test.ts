import assert from 'node:assert/strict'
import { test } from 'node:test'
import { areaPath, linePath, niceCeiling, unbroken } from './line-path.ts'

const frame = { from: 0, to: 100, max: 10, width: 200, height: 50 }
const runs = [
  [
    { at: 0, value: 0 },
    { at: 50, value: 5 },
  ],
  [{ at: 100, value: 20 }],
]

test('samples far apart are not joined', () => {
  assert.deepEqual(unbroken(runs.flat(), 50), [runs.flat()])
  assert.deepEqual(unbroken([...runs.flat(), { at: 151, value: 1 }], 50), [
    runs.flat(),
    [{ at: 151, value: 1 }],
  ])
  assert.deepEqual(unbroken([], 50), [])
})

test('the line has one stroke for each run, a dot for a lone sample, and stays inside its frame', () => {
  assert.equal(linePath(runs, frame), 'M0 50L100 25M200 0h0')
  assert.equal(linePath([], frame), '')
})

test('the area reaches down to the lower edge', () => {
  assert.equal(areaPath([runs[0]!], frame), 'M0 50L0 50L100 25L100 50Z')
})

test('a scale ends at a round number', () => {
  for (const [value, expected] of [
    [0, 1],
    [1, 1],
    [1.2, 2],
    [3, 5],
    [6, 10],
    [10, 10],
    [101, 200],
    [4_999, 5_000],
  ] as const) {
    assert.equal(niceCeiling(value), expected, String(value))
  }
})
