import assert from 'node:assert/strict'
import { test } from 'node:test'
import { didYouMean } from './did-you-mean.ts'

test('a near name is suggested, a far one is not', () => {
  assert.equal(didYouMean('prot', ['port', 'host']), ' Did you mean port?')
  assert.equal(didYouMean('something', ['port', 'host']), '')
  assert.equal(didYouMean('port', []), '')
})
