import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StandardParser } from './standard-parser.ts'

interface Vector {
  readonly name: string
  readonly text: string
  /** `type data id` of each event. */
  readonly events: readonly (readonly [string, string, string])[]
  readonly retry?: number
  readonly lastEventId?: string
}

const VECTORS: readonly Vector[] = [
  { name: 'one line', text: 'data: Hello\n\n', events: [['message', 'Hello', '']] },
  {
    name: 'two lines, one without space',
    text: 'data: Hello\ndata:World\n\n',
    events: [['message', 'Hello\nWorld', '']],
  },
  {
    name: 'empty data',
    text: 'data:\n\ndata\n\ndata\ndata\n\n',
    events: [
      ['message', '', ''],
      ['message', '', ''],
      ['message', '\n', ''],
    ],
  },
  {
    name: 'fields in any order',
    text: 'data: Hi\nid: abc\nevent: greeting\n\n',
    events: [['greeting', 'Hi', 'abc']],
  },
  {
    name: 'one space is dropped',
    text: 'event:  greeting\ndata:  Hi\n\n',
    events: [[' greeting', ' Hi', '']],
  },
  {
    name: 'ids stay until replaced',
    text: 'id: a\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n',
    events: [
      ['message', '1', 'a'],
      ['message', '2', 'a'],
      ['message', '3', ''],
    ],
  },
  {
    name: 'an id with NUL is no id',
    text: 'id: 123\nid: b\0d\ndata: x\n\n',
    events: [['message', 'x', '123']],
  },
  { name: 'an id alone', text: 'id: 9\n\n', events: [], lastEventId: '9' },
  {
    name: 'an unfinished block',
    text: 'id: abc\ndata: A\n\nid: def\ndata: B',
    events: [['message', 'A', 'abc']],
    lastEventId: 'abc',
  },
  {
    name: 'retry takes digits only',
    text: 'retry: 03000\nretry: 1000x\nretry\nretry: -1\nretry: 1.5\n\n',
    events: [],
    retry: 3000,
  },
  {
    name: 'unknown fields',
    text: 'color: blue\nData: no\nda-ta: no\n data: no\ndata: yes\n\n',
    events: [['message', 'yes', '']],
  },
  { name: 'comments', text: ': c1\n:c2\ndata: x\n\n', events: [['message', 'x', '']] },
  {
    name: 'empty lines between',
    text: '\n\n\ndata: A\n\n\n\ndata: B\n\n',
    events: [
      ['message', 'A', ''],
      ['message', 'B', ''],
    ],
  },
  { name: 'one byte order mark', text: '\ufeffdata: A\n\n', events: [['message', 'A', '']] },
  {
    name: 'two byte order marks',
    text: '\ufeff\ufeffdata: A\n\ndata: B\n\n',
    events: [['message', 'B', '']],
  },
  {
    name: 'a byte order mark inside',
    text: 'data: A\n\ndata: \ufeffB\n\n',
    events: [
      ['message', 'A', ''],
      ['message', '\ufeffB', ''],
    ],
  },
  { name: 'text beyond ASCII', text: 'data: €豆腐🥌\n\n', events: [['message', '€豆腐🥌', '']] },
  {
    name: 'tab and NUL in data',
    text: 'data:\t x\n\ndata:\0\n\n',
    events: [
      ['message', '\t x', ''],
      ['message', '\0', ''],
    ],
  },
  {
    name: 'names of browser events',
    text: 'event: error\ndata: x\n\nevent: open\ndata: x\n\n',
    events: [
      ['error', 'x', ''],
      ['open', 'x', ''],
    ],
  },
]

describe('the parser that the tests compare with', () => {
  for (const vector of VECTORS) {
    for (const [lineEnd, ends] of [
      ['LF', '\n'],
      ['CR', '\r'],
      ['CRLF', '\r\n'],
    ] as const) {
      it(`reads ${vector.name}, lines ending in ${lineEnd}, however it is split`, () => {
        const bytes = new TextEncoder().encode(vector.text.replaceAll('\n', ends))
        check(vector, [bytes])
        check(
          vector,
          Array.from(bytes, (byte) => Uint8Array.of(byte)),
        )
        for (let at = 1; at < bytes.length; at++) check(vector, [bytes.subarray(0, at), bytes.subarray(at)])
      })
    }
  }

  it('dispatches at once when a block ends in CR CR', () => {
    const parser = new StandardParser().push(new TextEncoder().encode('data: A\r\r'))
    assert.deepEqual(
      parser.events.map(({ data }) => data),
      ['A'],
    )
  })

  it('reads bytes that are no UTF-8 as U+FFFD', () => {
    const parser = new StandardParser().push(
      Uint8Array.of(...new TextEncoder().encode('data: '), 0xff, 10, 10),
    )
    assert.deepEqual(
      parser.events.map(({ data }) => data),
      ['\ufffd'],
    )
  })
})

function check({ events, retry, lastEventId }: Vector, parts: readonly Uint8Array[]): void {
  const parser = new StandardParser()
  for (const part of parts) parser.push(part)
  assert.deepEqual(
    parser.events.map((event) => [event.type, event.data, event.lastEventId]),
    events,
  )
  assert.equal(parser.reconnectionTime, retry)
  if (lastEventId !== undefined) assert.equal(parser.lastEventId, lastEventId)
}
