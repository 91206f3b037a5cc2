import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProblemError } from '@fanline/protocol'
import fc from 'fast-check'
import { isForm, parseFormFields } from './form-fields.ts'
import { parseJsonFields } from './json-fields.ts'

const RUNS = { numRuns: 2000 }

/** What JSON takes between its tokens. */
const space = fc.string({ unit: fc.constantFrom(' ', '\n', '\r', '\t'), maxLength: 2 })

/** A value as somebody may write it, with digits that no double holds and white space where it is allowed. */
const written = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.json({ maxDepth: 0 }),
    fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
    fc.constantFrom('"\\u0041\\/\\"}]{["', '"\\\\"', '12345678901234567890', '-0', '1.0e+2', 'null', 'true'),
    tie('list'),
    tie('object'),
  ),
  list: fc
    .array(fc.tuple(space, tie('value'), space), { maxLength: 3 })
    .map((items) => `[${items.map((item) => item.join('')).join(',')}]`),
  object: fc
    .array(fc.tuple(space, fc.string(), space, tie('value')), { maxLength: 3 })
    .map(
      (all) => `{${all.map(([a, name, b, value]) => `${a}${JSON.stringify(name)}${b}:${value}`).join(',')}}`,
    ),
})).value

/** Names that differ also where case does not matter. */
const fields = fc.uniqueArray(
  fc.tuple(fc.string({ unit: 'binary' }), written, fc.tuple(space, space, space, space)),
  { selector: ([name]) => name.toLowerCase(), maxLength: 6 },
)

function objectOf(all: readonly [string, string, readonly string[]][]): string {
  const members = all.map(([name, value, [a, b, c, d]]) => `${a}${JSON.stringify(name)}${b}:${c}${value}${d}`)
  return `{${members.join(',')}}`
}

describe('the fields of a JSON object', () => {
  it('are told as they were written', () => {
    fc.assert(
      fc.property(fields, space, (all, before) => {
        const read = parseJsonFields(before + objectOf(all))
        for (const [name, value] of all) {
          assert.equal(read.get(name)?.text, value)
          assert.deepEqual(read.get(name)?.value, JSON.parse(value))
        }
      }),
      RUNS,
    )
  })

  it('are found by their exact name, else by one that differs in case', () => {
    fc.assert(
      fc.property(fields, (all) => {
        const read = parseJsonFields(objectOf(all))
        for (const [name, value] of all) {
          for (const other of [name.toUpperCase(), name.toLowerCase()]) {
            if (other.toLowerCase() === name.toLowerCase()) assert.equal(read.get(other)?.text, value)
          }
        }
      }),
      RUNS,
    )
    const both = parseJsonFields('{"USERID":1,"userId":2,"userID":3}')
    assert.equal(both.get('userID')?.value, 3)
    assert.equal(both.get('userId')?.value, 2)
    assert.equal(parseJsonFields('{"a":1}').get('b'), undefined)
  })

  it('of a name that stands twice are the last, as in JSON', () => {
    const read = parseJsonFields('{"a":1,"b":0,"a": [2 ]}')
    assert.deepEqual(read.get('a'), { value: [2], text: '[2 ]' })
  })

  it('may have names that objects have by themselves', () => {
    const read = parseJsonFields('{"__proto__":{"x":1},"constructor":2}')
    assert.deepEqual(read.get('__proto__'), { value: { x: 1 }, text: '{"x":1}' })
    assert.equal(read.get('constructor')?.value, 2)
    assert.equal(read.get('toString'), undefined)
  })

  it('are those of the first value of a text', () => {
    fc.assert(
      fc.property(fields, fc.string({ unit: 'binary' }), (all, rest) => {
        const read = parseJsonFields(objectOf(all) + rest)
        for (const [name, value] of all) assert.equal(read.get(name)?.text, value)
      }),
      RUNS,
    )
  })

  it('are refused where there is no object, whatever there is', () => {
    const isObject = (text: string): boolean => {
      try {
        const value: unknown = JSON.parse(text)
        return typeof value === 'object' && value !== null && !Array.isArray(value)
      } catch {
        return false
      }
    }
    const almost = fields.chain((all) => {
      const text = objectOf(all)
      return fc.nat(text.length).map((end) => text.slice(0, end) + text.slice(end + 1))
    })
    fc.assert(
      fc.property(fc.oneof(almost, written, fc.string({ unit: 'binary' })), (text) => {
        if (isObject(text)) return
        try {
          parseJsonFields(text)
        } catch (error) {
          assert(error instanceof ProblemError)
          assert.equal(error.code, 'bad-json')
          return
        }
        // What was read is the first value, and something follows it.
        assert.match(text, /^\s*\{.*\}/s)
      }),
      { numRuns: 5000 },
    )
    for (const text of [
      '',
      ' ',
      'junk',
      '[1]',
      '"x"',
      '1',
      'null',
      '{',
      '{"a"}',
      '{"a":}',
      "{'a':1}",
      '{a:1}',
    ]) {
      assert.throws(() => parseJsonFields(text), { code: 'bad-json' }, text)
    }
  })

  it('are found in a long text in no more time than it takes to read it', () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`
    const many = Array.from({ length: 20_000 }, (_, i) => `"n${i}":"${'\\\\'.repeat(20)}"`).join(',')
    const read = parseJsonFields(`{${many},"deep":${deep},"open":"${'{['.repeat(100_000)}"}`)
    assert.equal(read.get('deep')?.text, deep)
    assert.equal(read.get('N19999')?.value, '\\'.repeat(20))
  })
})

describe('the fields of a form', () => {
  it('are texts, under any case of their names', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (user, value) => {
        const text = new URLSearchParams({ userID: user, value }).toString()
        const read = parseFormFields(text)
        assert.equal(read.get('USERid')?.value, user)
        assert.deepEqual(JSON.parse(read.get('value')?.text ?? ''), value)
      }),
      RUNS,
    )
  })

  it('are read from what says that it is a form and does not look like JSON', () => {
    const form = 'application/x-www-form-urlencoded'
    assert(isForm(form, 'userID=1&value=%7B%7D'))
    assert(isForm(`${form}; charset=utf-8`, 'value={"a":"="}'))
    assert(isForm(form.toUpperCase(), '='))
    assert(!isForm(form, '{"userID":"1","value":"a=b"}'))
    assert(!isForm(form, ' {"userID":"="}'))
    assert(!isForm(form, 'junk'))
    assert(!isForm(form, ''))
    assert(!isForm('application/json', 'userID=1'))
    assert(!isForm(undefined, 'userID=1'))
  })
})
