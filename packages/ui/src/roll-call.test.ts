import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rollCall } from './roll-call.ts'

const published = ['11', '12', '13']

test('complete: each once, in order, whatever else came between', () => {
  assert.equal(rollCall(published, ['11', '7', '12', '13', '99']), 'complete')
})

test('waiting: right so far', () => {
  assert.equal(rollCall(published, []), 'waiting')
  assert.equal(rollCall(published, ['11', '12']), 'waiting')
})

test('broken: one too early, one twice, one left out', () => {
  assert.equal(rollCall(published, ['12']), 'broken')
  assert.equal(rollCall(published, ['11', '11']), 'broken')
  assert.equal(rollCall(published, ['11', '13']), 'broken')
  assert.equal(rollCall(published, ['11', '12', '13', '13']), 'broken')
})
