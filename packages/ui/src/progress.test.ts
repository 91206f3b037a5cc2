import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Progress, parseProgress, replaces } from './progress.ts'

test('a progress event is read, and clamped to its total', () => {
  const data = JSON.stringify({ task: 'task.a', done: 12, total: 10, step: 'Last' })
  assert.deepEqual(parseProgress(data), { task: 'task.a', done: 10, total: 10, step: 'Last' })
})

test('fields that a bar can do without may be missing', () => {
  assert.deepEqual(parseProgress('{"done":1,"total":4}'), { task: '', done: 1, total: 4, step: 'Working' })
})

test('what no bar could show is left out', () => {
  for (const data of [
    'hello',
    'null',
    '7',
    '{}',
    '{"done":"1","total":4}',
    '{"done":1,"total":0}',
    '{"done":1}',
  ]) {
    assert.equal(parseProgress(data), undefined, data)
  }
})

test('a second task takes the bar when it begins, or when the first one is through', () => {
  const at = (task: string, done: number): Progress => ({ task, done, total: 10, step: '' })
  assert.equal(replaces(undefined, at('b', 4)), true)
  assert.equal(replaces(at('a', 4), at('a', 5)), true)
  assert.equal(replaces(at('a', 4), at('b', 5)), false)
  assert.equal(replaces(at('a', 4), at('b', 0)), true)
  assert.equal(replaces(at('a', 10), at('b', 5)), true)
})
