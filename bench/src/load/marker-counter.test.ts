import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MarkerCounter } from './marker-counter.ts'

const block = (id: number): string => `id: ${id}\ndata: ${'x'.repeat(149)}~\n\n`
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

test('counts every event once, however the stream is cut and framed', () => {
  const alone = Array.from({ length: 40 }, (_, n) => chunk(block(1000 + n))).join('')
  const together = chunk(Array.from({ length: 64 }, (_, n) => block(2000 + n)).join(''))
  const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n\r\n${alone}5\r\n: hi\n\r\n${together}${alone}`)
  for (const size of [1, 7, 150, 173, 174, 1000, 4096, bytes.length]) {
    const counter = new MarkerCounter()
    let events = 0
    for (let at = 0; at < bytes.length; at += size) events += counter.count(bytes.subarray(at, at + size))
    assert.equal(events, 144, `cut every ${size} bytes`)
  }
})

test('a guess that misses does not lose the shorter event that follows', () => {
  const counter = new MarkerCounter()
  assert.equal(counter.count(Buffer.from('........~.......~')), 2)
  assert.equal(counter.count(Buffer.from('..~..~..~..~')), 4)
})
