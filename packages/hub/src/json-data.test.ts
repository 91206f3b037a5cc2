import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { eventStreamDialect, jsonEventStreamDialect } from './dialect.ts'
import { dialectOf } from './http/stream-request.ts'
import { doors, withHub } from './testing/served-hub.ts'
import { json } from './testing/stream-client.ts'

const ASK = { Accept: 'text/event-stream;data=json, application/problem+json' }

/** What a reader of plain text would take for something else, and what would need several lines. */
const VALUES: readonly unknown[] = [
  ...[
    '7',
    '"x"',
    'null',
    'true',
    '',
    ' ',
    '{"a":1}',
    '[1',
    'a\nb',
    '\n',
    '\n\n',
    'a\r\nb\rc',
    '\0',
    '\u2028',
  ],
  ...[7, 0, -1.5, 1e21, null, true, false, [], {}, [null, ['']], { a: { b: 'x\ny', '': [] } }, '豆腐🥌'],
]

for (const door of doors) {
  describe(`data as JSON, by ${door.name}`, () => {
    it('gives every value back as it was published, live and from the log, on one line', () =>
      withHub(door, {}, async (served) => {
        const live = await served.listen('/v1/events/a', ASK)
        assert.equal(live.response.headers.get('content-type'), 'text/event-stream')
        assert.equal((json(live.events[0]!) as { json?: true }).json, true)
        const start = live.lastId!
        for (const data of VALUES) await served.publish({ channel: 'a', data })

        // As after every publish, a line break is LF.
        const published = VALUES.map((value) =>
          typeof value === 'string' ? value.replace(/\r\n?/g, '\n') : value,
        )
        const later = await served.listen('/v1/events/a', { ...ASK, 'Last-Event-ID': start })
        for (const client of [live, later]) {
          const heard = await client.take(VALUES.length)
          assert.deepEqual(heard.map(json), published)
          assert.ok(heard.every(({ data }) => !data.includes('\n')))
        }
      }))

    it('names all channels of an event that the client follows, live and from the log', () =>
      withHub(door, {}, async (served) => {
        const live = await served.listen('/v1/events?channel=a&channel=b&channel=c', ASK)
        const start = live.lastId!
        for (const channels of [['a', 'b', 'other'], ['b'], ['other', 'c', 'a']]) {
          await served.publish({ channels, data: 1 })
        }
        const later = await served.listen('/v1/events?channel=a&channel=b&channel=c', {
          ...ASK,
          'Last-Event-ID': start,
        })
        const plain = await served.listen('/v1/events?channel=a&channel=b', { 'Last-Event-ID': start })
        for (const client of [live, later]) {
          const heard = await client.take(3)
          assert.deepEqual(
            heard.map(({ channel, also }) => [channel, ...(also?.split(',') ?? [])].sort()),
            [['a', 'b'], ['b'], ['a', 'c']],
          )
        }
        assert.deepEqual(
          (await plain.take(3)).map(({ also }) => also),
          [undefined, undefined, undefined],
        )
      }))

    it('leaves streams without the parameter as they were', () =>
      withHub(door, {}, async (served) => {
        const asked = await served.listen('/v1/events/a', ASK)
        const plain = await served.listen('/v1/events/a')
        assert.equal((json(plain.events[0]!) as { json?: true }).json, undefined)
        await served.publish({ channel: 'a', data: { n: 1 } })
        await served.publish({ channel: 'a', data: 'text' })
        assert.deepEqual(
          (await asked.take(2)).map(({ data }) => data),
          ['{"n":1}', '"text"'],
        )
        assert.deepEqual(
          (await plain.take(2)).map(({ data }) => data),
          ['{"n":1}', 'text'],
        )
      }))
  })
}

it('reads the parameter however a media range may be written', () => {
  const asking = [
    'text/event-stream;data=json',
    'TEXT/Event-Stream ; Data=JSON',
    'text/event-stream;q=0.9;data="json"',
    'text/html, text/event-stream; data=json;q=1, */*',
  ]
  for (const accept of asking) assert.equal(dialectOf(accept), jsonEventStreamDialect, accept)
  const notAsking = [
    'text/event-stream',
    'text/event-stream;data=jsonl',
    'text/event-stream;mydata=json',
    'text/event-stream, text/plain;data=json',
    '*/*;data=json',
  ]
  for (const accept of notAsking) assert.equal(dialectOf(accept), eventStreamDialect, accept)
})
