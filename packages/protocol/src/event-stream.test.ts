import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import fc from 'fast-check'
import { createEvent, normaliseText } from './event.ts'
import { type Block, encodeBlock, HEARTBEAT } from './event-stream.ts'
import { arbitraryText } from './testing/arbitrary-text.ts'
import { StandardParser } from './testing/standard-parser.ts'

interface Heard {
  readonly type: string
  readonly data: string
  readonly id: string
}

describe('a block that was encoded', () => {
  it('is read as what was written, whatever the data holds', () => {
    const blocks = fc.record(
      {
        id: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }).map(String),
        event: fc.constantFrom('message', 'progress', ' leading space', 'a:b', 'data', 'größe'),
        channel: fc.constantFrom('news', '@all', 'a:b', '@user:ü'),
        data: arbitraryText.map(normaliseText),
        retry: fc.nat(),
      },
      { requiredKeys: ['data'] },
    )
    fc.assert(
      fc.property(fc.array(blocks, { maxLength: 5 }), (written) => assertReadBack(written as Block[])),
      {
        numRuns: 2000,
      },
    )
  })

  it('is read as what was written in the cases that break others', () => {
    const cases = {
      empty: '',
      'LF alone': '\n',
      'trailing line break': 'x\n',
      'several trailing line breaks': 'x\n\n\n',
      'leading spaces': '  x',
      'leading spaces on each line': ' a\n b\n',
      'U+2028 and U+2029': 'a\u2028b\u2029c',
      NUL: 'a\0b',
      'a field in the data': 'data: x\nevent: y\nid: 1\nretry: 1',
      'a comment in the data': ':x\n:y',
      'a byte order mark': '\ufeffx',
      'one megabyte': 'x'.repeat(1_000_000),
      'one megabyte of line breaks': '\n'.repeat(1_000_000),
    }
    for (const data of Object.values(cases)) assertReadBack([{ id: '1', event: 'e', channel: 'c', data }])
  })

  it('is one event, also when its data imitates the end of a block', () => {
    const attack = createEvent(undefined, 'x\n\nevent: evil\ndata: y')
    const [event, ...others] = heardByStandard(encodeBlock({ data: attack.data }))
    assert.deepEqual(others, [])
    assert.deepEqual(event, { type: 'message', data: 'x\n\nevent: evil\ndata: y', id: '' })
  })

  it('tells the reconnection time', () => {
    assert.equal(read(encodeBlock({ retry: 1234, data: '' })).reconnectionTime, 1234)
  })

  it('begins with the fields and ends with the data and an empty line', () => {
    const block = { id: '7', event: 'e', channel: 'c', data: 'a\nb', retry: 5 }
    assert.equal(encodeBlock(block), 'retry: 5\nid: 7\nevent: e\nchannel: c\ndata: a\ndata: b\n\n')
  })
})

describe('a heartbeat', () => {
  it('is heard by nobody, and leaves the block after it whole', () => {
    assert.deepEqual(heardByStandard(HEARTBEAT), [])
    assert.deepEqual(heardByStandard(`${HEARTBEAT}data: x\n\n`), heardByStandard('data: x\n\n'))
  })
})

/** Both parsers hear one event for each block, with its type, its data and the latest id. */
function assertReadBack(blocks: readonly Block[]): void {
  let id = ''
  const expected: Heard[] = blocks.map((block) => {
    id = block.id ?? id
    return { type: block.event ?? 'message', data: block.data, id }
  })
  const text = blocks.map(encodeBlock).join('')
  assert.deepEqual(heardByStandard(text), expected)
  assert.deepEqual(heardByPackage(text), expected)
}

function heardByStandard(text: string): Heard[] {
  return read(text).events.map(({ type, data, lastEventId }) => ({ type, data, id: lastEventId }))
}

function read(text: string): StandardParser {
  return new StandardParser().push(new TextEncoder().encode(text))
}

/** The npm package tells the id of each block only; that it stays is a client's work. */
function heardByPackage(text: string): Heard[] {
  const heard: Heard[] = []
  let id = ''
  const onEvent = (message: EventSourceMessage): void => {
    id = message.id ?? id
    heard.push({ type: message.event ?? 'message', data: message.data, id })
  }
  createParser({ onEvent }).feed(new TextDecoder().decode(new TextEncoder().encode(text)))
  return heard
}
