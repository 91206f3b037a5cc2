import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '../failure.ts'
import { type KeyRecord, keysText, parseKeys } from './key-record.ts'

const KEY: KeyRecord = {
  id: '0123456789ab',
  name: 'shop',
  hash: 'ab'.repeat(32),
  subscribe: ['orders.*'],
  publish: ['@user:*', '@all'],
  role: null,
  createdAt: '2026-11-21T13:00:00.000Z',
  expiresAt: null,
}

test('what was written is read', () => {
  const keys = [KEY, { ...KEY, id: 'ba9876543210', expiresAt: '2027-11-21T13:00:00.000Z' }]
  assert.deepEqual(parseKeys(keysText(keys), 'keys.json'), keys)
  assert.deepEqual(parseKeys('{"keys":[]}', 'keys.json'), [])
})

test('a damaged file is refused by what is wrong with it, and not shown', () => {
  const cases: [text: string, what: RegExp][] = [
    ['', /it is not a JSON object with a list "keys"/],
    ['{"keys":[', /it is not a JSON object/],
    ['null', /it is not a JSON object/],
    ['{"keys":{}}', /it is not a JSON object/],
    [keysText([KEY, KEY]), /two of its keys have the same id/],
    ['{"keys":[5]}', /key 1 of 1 has a wrong shape/],
  ]
  for (const [field, value] of Object.entries({
    id: 'x',
    name: 'a\nb',
    hash: 'ab',
    subscribe: ['@all'],
    publish: 'orders',
    role: 'boss',
    createdAt: 'yesterday',
    expiresAt: 5,
  })) {
    const what = new RegExp(`key 2 of 2 has a wrong ${field}\\.$`)
    const other = { ...KEY, id: 'ba9876543210' }
    cases.push([JSON.stringify({ keys: [other, { ...KEY, [field]: value }] }), what])
    // A field that is missing would be an end, or a limit, that nobody notices is gone.
    cases.push([JSON.stringify({ keys: [other, { ...KEY, [field]: undefined }] }), what])
  }
  cases.push([
    JSON.stringify({ keys: [{ ...KEY, expires: 5 }] }),
    /key 1 of 1 has a wrong field "expires"\.$/,
  ])
  for (const [text, what] of cases) {
    assert.throws(
      () => parseKeys(text, 'keys.json'),
      (error) => {
        assert.ok(error instanceof Failure)
        assert.match(error.message, /^The file of API keys keys\.json is damaged: /)
        assert.match(error.message, what)
        assert.ok(!error.message.includes(KEY.hash))
        return true
      },
      text,
    )
  }
})
