import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHub } from './create-hub.ts'
import {
  HUB_OPTIONS,
  type HubOption,
  type HubOptionsInput,
  type NumberOption,
  parseHubOptions,
} from './options.ts'

/** Each option that is a number, with its section and name. */
const numbers = Object.entries<Record<string, HubOption>>(HUB_OPTIONS).flatMap(([section, rows]) =>
  Object.entries(rows).flatMap(([name, row]): (readonly [string, string, NumberOption])[] =>
    row.kind === 'number' ? [[section, name, row]] : [],
  ),
)

describe('options', () => {
  it('have defaults inside their bounds, a unit and a description', () => {
    const options = parseHubOptions() as unknown as Record<string, Record<string, number>>
    for (const [section, name, row] of numbers) {
      assert.equal(options[section]![name], row.default)
      assert.ok(row.min <= row.default && row.default <= row.max, `${section}.${name}`)
      assert.ok(row.unit !== '' && row.description.endsWith('.'), `${section}.${name}`)
      assert.ok(row.unit === 'ms' ? name.endsWith('Ms') : !name.endsWith('Ms'), `${section}.${name}`)
      assert.ok(row.unit === 'bytes' ? name.endsWith('Bytes') : !name.endsWith('Bytes'), `${section}.${name}`)
    }
    assert.equal(parseHubOptions().delivery.compress, false)
    assert.equal(parseHubOptions({ delivery: { compress: true } }).delivery.compress, true)
    assert.throws(() => parseHubOptions({ delivery: { compress: 'yes' as never } }), {
      code: 'option-invalid',
    })
  })

  it('are taken up to their bounds, and refused beyond', () => {
    for (const [section, name, { min, max }] of numbers) {
      for (const value of [min - 1, max + 1, min + 0.5, Number.NaN, Infinity, String(min)]) {
        const input = { [section]: { [name]: value } } as HubOptionsInput
        const what = `${section}.${name} ${value}`
        assert.throws(() => parseHubOptions(input), { code: 'option-invalid' }, what)
      }
    }
  })

  it('are refused when nobody knows them', () => {
    for (const input of [
      { histroy: {} },
      { history: { maxEvent: 1 } },
      { history: { constructor: 1 } },
      { toString: {} },
    ]) {
      assert.throws(
        () => parseHubOptions(input as HubOptionsInput),
        { code: 'option-invalid' },
        JSON.stringify(input),
      )
      assert.throws(() => createHub(input as HubOptionsInput), { code: 'option-invalid' })
    }
  })

  it('are refused when they contradict each other', () => {
    assert.throws(() => parseHubOptions({ history: { maxBytes: 65_537, totalBytes: 65_536 } }), {
      code: 'option-invalid',
    })
    assert.throws(() => parseHubOptions({ limits: { dataBytes: 2048, bodyBytes: 1024 } }), {
      code: 'option-invalid',
    })
  })
})
