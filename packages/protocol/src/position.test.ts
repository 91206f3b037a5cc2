import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nextPosition, type Position, parsePosition, positionAt, ZERO } from './position.ts'

const positions = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }).map((value) => value as Position)

describe('a position', () => {
  it('is read back from its id', () => {
    fc.assert(fc.property(positions, (position) => assert.equal(parsePosition(String(position)), position)))
  })

  it('is read from nothing else', () => {
    const others = [
      '',
      '-1',
      '+1',
      '01',
      '00',
      '1.0',
      '1e3',
      ' 1',
      '1 ',
      '0x1',
      'abc',
      'NaN',
      '１',
      '9007199254740992',
      '1'.repeat(17),
    ]
    for (const text of others) assert.equal(parsePosition(text), undefined, text)
    assert.equal(parsePosition('9007199254740991'), Number.MAX_SAFE_INTEGER)
    fc.assert(
      fc.property(fc.string(), (text) => {
        const position = parsePosition(text)
        assert.ok(position === undefined || String(position) === text)
      }),
    )
  })

  it('grows whatever the clock shows, and is never before its time', () => {
    fc.assert(
      fc.property(fc.nat({ max: 4e15 }), fc.integer({ min: 0, max: 4e12 }), (last, nowMs) => {
        const next = nextPosition(last as Position, nowMs)
        assert.ok(next > last && next >= nowMs * 1000 && Number.isSafeInteger(next))
      }),
    )
  })

  it('of a time is the first that an event of that time could have', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (timeMs) => {
        assert.ok(nextPosition(ZERO, timeMs) >= positionAt(timeMs))
        if (timeMs > 0) assert.ok(nextPosition(ZERO, timeMs - 1) < positionAt(timeMs))
      }),
    )
    assert.equal(positionAt(-1), 0)
  })
})
