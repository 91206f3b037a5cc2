import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Aim, aimText, judge } from './aim.ts'

const factor: Aim = { bound: 'at most', amount: 1.25, relation: 'times', reference: 'control' }
const speed: Aim = { bound: 'at least', amount: 10, relation: 'times', reference: 'better-sse' }
const distance: Aim = { bound: 'at most', amount: 0.5, relation: 'above', reference: 'control' }
const fixed: Aim = { bound: 'at most', amount: 50 }

test('an aim is met up to and including its bound', () => {
  assert.equal(judge(factor, { control: 100, fanline: 125 })?.met, true)
  assert.equal(judge(factor, { control: 100, fanline: 126 })?.met, false)
  assert.equal(judge(speed, { 'better-sse': 5, fanline: 50 })?.met, true)
  assert.equal(judge(speed, { 'better-sse': 5, fanline: 49 })?.met, false)
  assert.equal(judge(distance, { control: 2, fanline: 2.5 })?.met, true)
  assert.equal(judge(distance, { control: 2, fanline: 2.6 })?.met, false)
  assert.equal(judge(fixed, { fanline: 50 })?.met, true)
  assert.equal(judge(fixed, { fanline: 51 })?.met, false)
})

test('a verdict speaks in the terms of its aim, and knows the bound in the unit of the figure', () => {
  assert.deepEqual(judge(factor, { control: 10, fanline: 11 }), {
    aim: factor,
    limit: 12.5,
    reached: 1.1,
    met: true,
  })
  assert.deepEqual(judge(distance, { control: 2, fanline: 5 }), {
    aim: distance,
    limit: 2.5,
    reached: 3,
    met: false,
  })
})

test("an aim may be another subject's", () => {
  const beside: Aim = { ...factor, subject: 'fanline-jwt', reference: 'fanline' }
  assert.equal(judge(beside, { fanline: 100, 'fanline-jwt': 125 })?.met, true)
  assert.equal(judge(beside, { fanline: 100, 'fanline-jwt': 126 })?.met, false)
  assert.equal(judge(beside, { control: 1, fanline: 100 }), undefined)
})

test('nothing is judged that was not measured', () => {
  assert.equal(judge(factor, { fanline: 1 }), undefined)
  assert.equal(judge(fixed, { control: 1 }), undefined)
})

test('an aim can be read', () => {
  assert.equal(aimText(factor, 'µs'), '≤ 1.25 × control')
  assert.equal(aimText(speed, '/s'), '≥ 10 × better-sse')
  assert.equal(aimText(distance, 'µs'), '≤ control + 0.5 µs')
  assert.equal(aimText(fixed, 'ms'), '≤ 50 ms')
})
