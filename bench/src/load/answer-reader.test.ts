import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, AnswerReader } from './answer-reader.ts'

const answers: readonly [string, Answer][] = [
  ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"id":"1"}'.slice(0, -1), { status: 200, body: '{"id":"1"' }],
  ['HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n', { status: 204, body: '' }],
  [
    'HTTP/1.1 422 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
    { status: 422, body: 'abcde' },
  ],
]

test('reads answers one after the other, however they are cut', () => {
  for (const size of [1, 5, 1000]) {
    const reader = new AnswerReader()
    for (const [text, expected] of answers) {
      const read: Answer[] = []
      for (let at = 0; at < text.length; at += size) {
        const answer = reader.read(Buffer.from(text.slice(at, at + size)))
        if (answer) read.push(answer)
      }
      assert.deepEqual(read, [expected], `cut every ${size} bytes`)
    }
  }
})
