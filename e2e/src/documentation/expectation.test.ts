import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Expectation } from './expectation.ts'

test('an id of a page stands for one id of the run, in what is printed and in commands', () => {
  const expectation = new Expectation()
  assert.equal(expectation.fit(['id: 1795256876361000'], ['id: 1800000000000001']), 1)
  assert.equal(
    expectation.fill('curl -H Last-Event-ID:1795256876361000'),
    'curl -H Last-Event-ID:1800000000000001',
  )
  assert.equal(expectation.fit(['id: 1795256876361000'], ['id: 1800000000000002']), undefined)
})

test('an id that nothing printed is sent as it stands, and then stands for itself', () => {
  const expectation = new Expectation()
  assert.equal(expectation.fill('from=1700000000000000'), 'from=1700000000000000')
  assert.equal(expectation.fit(['"1700000000000000"'], ['"1800000000000001"']), undefined)
})

test('times and reconnection times may be any, everything else is compared', () => {
  const fits = (shown: string, line: string) => new Expectation().fit([shown], [line]) === 1
  assert.ok(fits('"at":"2026-11-21T10:28:54.064Z"', '"at":"2027-01-01T00:00:00.000Z"'))
  assert.ok(fits('retry: 1988', 'retry: 2'))
  assert.ok(fits('{"retry":1988}', '{"retry":2}'))
  assert.ok(!fits('{"delivered":1}', '{"delivered":2}'))
  assert.ok(!fits('data: (a)', 'data: a'))
})

test('… stands for anything, on a line of its own for any lines', () => {
  const fit = (shown: readonly string[]) => new Expectation().fit(shown, ['a: 1', 'b: 2', 'c: 3'])
  assert.equal(fit(['a: …', 'b: 2']), 2)
  assert.equal(fit(['…', 'c: 3']), 3)
  assert.equal(fit(['a: 1', '…']), 3)
  assert.equal(fit(['…', 'd: 4']), undefined)
  assert.equal(fit(['a: 1', 'c: 3']), undefined)
})

test('what did not fit teaches nothing', () => {
  const expectation = new Expectation()
  assert.equal(expectation.fit(['1795256876361000', 'x'], ['1800000000000001', 'y']), undefined)
  assert.equal(expectation.fit(['1795256876361000'], ['1800000000000002']), 1)
})
