import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { arbitraryText } from './testing/arbitrary-text.ts'
import { utf8Length } from './utf8.ts'

it('utf8Length counts what an encoder would write', () => {
  const encoder = new TextEncoder()
  fc.assert(
    fc.property(arbitraryText, (text) => assert.equal(utf8Length(text), encoder.encode(text).length)),
    { numRuns: 2000 },
  )
})
