import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createEvent, eventValue, normaliseText, parseEventType } from './event.ts'
import { arbitraryText } from './testing/arbitrary-text.ts'

describe('the data of an event', () => {
  it('is never refused when it is a string, and normalised once', () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        const { data, json } = createEvent(undefined, text)
        assert.equal(json, false)
        assert.ok(!data.includes('\r'))
        assert.ok(data.isWellFormed())
        assert.equal(normaliseText(data), data)
        assert.equal(data, text.replaceAll('\r\n', '\n').replaceAll('\r', '\n').toWellFormed())
      }),
    )
  })

  it('is compact JSON when it is anything else, and comes back as the same value', () => {
    fc.assert(
      fc.property(
        fc.jsonValue().filter((value) => typeof value !== 'string'),
        (value) => {
          const event = createEvent(undefined, value)
          assert.equal(event.json, true)
          assert.equal(event.data, JSON.stringify(value))
          assert.deepEqual(eventValue(event), JSON.parse(JSON.stringify(value)))
        },
      ),
    )
  })

  it('holds no line break and no lone surrogate when it is JSON', () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        const { data } = createEvent(undefined, { [text]: text })
        assert.ok(!/[\r\n]/.test(data) && data.isWellFormed())
      }),
    )
  })

  it('comes back as the string it was, also when it looks like JSON', () => {
    assert.equal(eventValue(createEvent(undefined, '{"a":1}')), '{"a":1}')
  })

  it('is refused when it is missing, or cannot be written as JSON', () => {
    assert.throws(() => createEvent(undefined, undefined), { code: 'data-missing' })
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    for (const data of [cycle, 1n, () => 1, Symbol('s')]) {
      assert.throws(() => createEvent(undefined, data), { code: 'data-invalid' })
    }
    assert.equal(createEvent(undefined, null).data, 'null')
  })
})

describe('the type of an event', () => {
  it('is message when none is named', () => {
    assert.equal(parseEventType(undefined), 'message')
    assert.equal(parseEventType(''), 'message')
  })

  it('is refused for a line break or NUL anywhere', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom('\r', '\n', '\r\n', '\0'),
        fc.string(),
        (before, bad, after) => {
          assert.throws(() => parseEventType(before + bad + after), { code: 'event-type-invalid' })
        },
      ),
    )
  })

  it('is refused when it is no string or longer than 200 bytes', () => {
    for (const type of [1, null, {}, [], 'x'.repeat(201), 'é'.repeat(101)]) {
      assert.throws(() => parseEventType(type), { code: 'event-type-invalid' })
    }
    assert.equal(parseEventType('é'.repeat(100)), 'é'.repeat(100))
  })

  it('is refused when it belongs to the hub or to the browser', () => {
    for (const type of ['error', 'open', 'fanline.', 'fanline.hello', 'fanline.anything']) {
      assert.throws(() => parseEventType(type), { code: 'event-type-reserved' })
    }
    for (const type of ['errors', 'Open', 'fanlines', 'message']) assert.equal(parseEventType(type), type)
  })

  it('never holds a lone surrogate', () => {
    assert.equal(parseEventType('a\ud800b'), 'a\ufffdb')
  })
})
