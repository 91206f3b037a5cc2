import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curlOf, fuzzy, InspectorLog } from './inspector-log.ts'
import { sees, sightOf } from './sight.ts'

Object.assign(globalThis, { location: { origin: 'http://localhost:4000' } })

test('the newest five thousand are kept, and all are counted', () => {
  const log = new InspectorLog()
  for (let i = 0; i < 11; i++) log.add(Array.from({ length: 1000 }, () => ({ at: i, what: 'published' })))
  assert.equal(log.heard, 11_000)
  assert.deepEqual([log.lines.length, log.lines[0]?.number, log.lines.at(-1)?.number], [5000, 6001, 11_000])
  log.show(({ happening }) => happening.at === 6)
  assert.deepEqual([log.size, log.newest(2).map(({ number }) => number)], [1000, [6999, 7000]])
  log.add(Array.from({ length: 4500 }, () => ({ at: 11, what: 'published' })))
  assert.equal(log.size, 0, 'what is not kept does not fit')
  log.add([{ at: 6, what: 'published' }])
  assert.equal(log.size, 1)
})

test('a copy stays as it is, and can be searched', () => {
  const log = new InspectorLog()
  log.add([{ at: 1, what: 'published' }])
  const copy = log.copy()
  log.add([{ at: 2, what: 'closed' }])
  copy.show(fuzzy('closed'))
  assert.equal(copy.size, 0)
  copy.show(undefined)
  assert.deepEqual([copy.size, copy.heard, log.size], [1, 1, 2])
})

test('every word of a filter stands somewhere, letters may be left out', () => {
  const log = new InspectorLog()
  log.add([
    { at: 1, what: 'published', channels: ['orders.eu'], event: { type: 'Paid', data: '{}', json: true } },
    { at: 2, what: 'closed', user: 'orders' },
  ])
  const counts = ['', 'orders', 'PAID ord', 'paid closed', 'ordeu', 'pblsh', 'oe', 'pishd', 'orderspaid'].map(
    (filter) => {
      log.show(fuzzy(filter))
      return log.size
    },
  )
  assert.deepEqual(counts, [2, 2, 1, 0, 1, 1, 0, 1, 0])
})

test('a user sees what is for everybody, for them, and what their streams follow', () => {
  const sight = sightOf('u', [{ id: 'c1', channels: ['orders'] }], 'chat.* chat.')
  const published = (channel: string, except: string[] = []) =>
    sees(sight, { at: 1, what: 'published', channels: [channel], except })
  const seen = ['@all', '@user:u', '@connection:c1', 'orders', 'chat.7']
  assert.deepEqual(
    [...seen, '@user:v', '@connection:c2', 'news', 'chat'].filter((name) => published(name)),
    seen,
  )
  assert.equal(published('orders', ['u']), false)
  assert.equal(published('orders', ['c1']), false)
  assert.equal(sees(sight, { at: 1, what: 'closed', user: 'u' }), true)
  assert.equal(sees(sight, { at: 1, what: 'closed', user: 'v' }), false)
})

test('what was published can be published again', () => {
  const event = { type: 'paid', data: '{"n":1}', json: true }
  const published = { at: 1, what: 'published', event }
  const end = ` http://localhost:4000/v1/publish`
  assert.equal(
    curlOf({ ...published, channels: ['a', 'b'] }),
    `curl -d '{"channels":["a","b"],"event":"paid","data":{"n":1}}'${end}`,
  )
  assert.match(curlOf({ ...published, channels: ['@user:é'] })!, /"user":"é"/)
  assert.match(
    curlOf({ ...published, channels: ['@user:u', '@user:v', 'a'] })!,
    /"users":\["u","v"\],"channel":"a"/,
  )
  assert.match(curlOf({ ...published, channels: ['@connection:c'] })!, /"connection":"c"/)
  assert.match(curlOf({ ...published, channels: ['@all'] })!, /"all":true/)
  assert.match(curlOf({ ...published, channels: ['a'], except: ['u'] })!, /"except":\["u"\]/)
  assert.equal(curlOf({ ...published, channels: ['a'], isCut: true }), undefined)
  assert.equal(curlOf({ at: 1, what: 'closed' }), undefined)
})
