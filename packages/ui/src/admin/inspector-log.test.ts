import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curlOf, fitting, InspectorLog } from './inspector-log.ts'

Object.assign(globalThis, { location: { origin: 'http://localhost:4000' } })

test('the newest five thousand are kept, and all are counted', () => {
  const log = new InspectorLog()
  for (let i = 0; i < 6; i++) log.add(Array.from({ length: 1000 }, () => ({ at: i, what: 'published' })))
  assert.equal(log.heard, 6000)
  assert.deepEqual([log.lines.length, log.lines[0]?.number, log.lines.at(-1)?.number], [5000, 1001, 6000])
})

test('every word of a filter stands somewhere', () => {
  const log = new InspectorLog()
  log.add([
    { at: 1, what: 'published', channels: ['orders'], event: { type: 'Paid', data: '{}', json: true } },
    { at: 2, what: 'closed', user: 'orders' },
  ])
  assert.deepEqual(
    ['', 'orders', 'PAID ord', 'paid closed'].map((filter) => fitting(log.lines, filter).length),
    [2, 2, 1, 0],
  )
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
  assert.match(curlOf({ ...published, channels: ['@all'] })!, /"all":true/)
  assert.equal(curlOf({ ...published, channels: ['a'], isCut: true }), undefined)
  assert.equal(curlOf({ at: 1, what: 'closed' }), undefined)
})
