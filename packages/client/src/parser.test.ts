import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeBlock } from '@fanline/protocol'
import fc from 'fast-check'
import { EventStreamParser, type ParsedEvent } from './parser.ts'

// Tests of another package are not among its exports.
const protocol = (file: string): string =>
  new URL(`testing/${file}.js`, import.meta.resolve('@fanline/protocol')).href
const { StandardParser }: typeof import('../../protocol/src/testing/standard-parser.ts') = await import(
  protocol('standard-parser')
)
const { arbitraryText }: typeof import('../../protocol/src/testing/arbitrary-text.ts') = await import(
  protocol('arbitrary-text')
)

/** What was read: events as `type data id-of-the-block`, and what stays afterwards. */
interface Reading {
  readonly events: readonly (readonly [string, string, string?])[]
  readonly lastEventId?: string
  readonly retryMs?: number
  readonly comments?: readonly string[]
}

const BOM = '\ufeff'

/** Lines end in LF here; each vector is also read with CR, with CRLF and with a mix. */
const VECTORS: Record<string, readonly [text: string, reading: Reading]> = {
  'one line': ['data: Hello\n\n', { events: [['message', 'Hello']] }],
  'two lines': ['data: Hello\ndata:World\n\n', { events: [['message', 'Hello\nWorld']] }],
  'empty data': [
    'data:\n\ndata\n\ndata\ndata\n\n',
    {
      events: [
        ['message', ''],
        ['message', ''],
        ['message', '\n'],
      ],
    },
  ],
  'all fields': [
    'event: greeting\nid: abc\ndata: Hi\n\n',
    { events: [['greeting', 'Hi', 'abc']], lastEventId: 'abc' },
  ],
  'all fields, the other way round': [
    'data: Hi\nid: abc\nevent: greeting\n\n',
    { events: [['greeting', 'Hi', 'abc']], lastEventId: 'abc' },
  ],
  'two spaces, of which one is dropped': [
    'event:  greeting\ndata:  Hi\n\n',
    { events: [[' greeting', ' Hi']] },
  ],
  'ids that stay until replaced': [
    'id: a\ndata: 1\n\ndata: 2\n\n',
    {
      events: [
        ['message', '1', 'a'],
        ['message', '2'],
      ],
      lastEventId: 'a',
    },
  ],
  'an id that is taken back': [
    'id: a\ndata: 1\n\nid\ndata: 3\n\n',
    {
      events: [
        ['message', '1', 'a'],
        ['message', '3', ''],
      ],
      lastEventId: '',
    },
  ],
  'an id with NUL after a good one': [
    'id: 123\nid: b\0d\ndata: x\n\n',
    { events: [['message', 'x', '123']], lastEventId: '123' },
  ],
  'an id with NUL alone': ['id: \0\ndata: x\n\n', { events: [['message', 'x']], lastEventId: '' }],
  'an id without data': ['id: 9\n\n', { events: [], lastEventId: '9' }],
  'a block that is never finished': [
    'id: abc\ndata: A\n\nid: def\ndata: B',
    { events: [['message', 'A', 'abc']], lastEventId: 'abc' },
  ],
  'a block that lacks its empty line': [
    'id: abc\ndata: A\n\nid: def\ndata: B\n',
    { events: [['message', 'A', 'abc']], lastEventId: 'abc' },
  ],
  'retry in digits and otherwise': [
    'retry: 03000\nretry: 1000x\nretry\nretry: -1\nretry: 1.5\nretry: ١\n\n',
    { events: [], retryMs: 3000 },
  ],
  'unknown fields': [
    'color: blue\nData: no\nda-ta: no\n data: no\ndata : no\ndata: yes\n\n',
    { events: [['message', 'yes']] },
  ],
  'a value with colons': ['data: a:b: c\n\n', { events: [['message', 'a:b: c']] }],
  comments: [': c1\n:c2\ndata: x\n:\n\n', { events: [['message', 'x']], comments: [' c1', 'c2', ''] }],
  'a type without data': ['event: lost\n\ndata: x\n\n', { events: [['message', 'x']] }],
  'empty lines between': [
    '\n\n\ndata: A\n\n\n\ndata: B\n\n',
    {
      events: [
        ['message', 'A'],
        ['message', 'B'],
      ],
    },
  ],
  'a byte order mark': [`${BOM}data: A\n\n`, { events: [['message', 'A']] }],
  'two byte order marks': [`${BOM}${BOM}data: A\n\ndata: B\n\n`, { events: [['message', 'B']] }],
  'byte order marks inside': [
    `data: A\n\ndata: ${BOM}B\n${BOM}data: C\n\n`,
    {
      events: [
        ['message', 'A'],
        ['message', `${BOM}B`],
      ],
    },
  ],
  'a byte order mark at the end of a line': [`data: A${BOM}\n\n`, { events: [['message', `A${BOM}`]] }],
  'text beyond ASCII': ['data: €豆腐🥌\n\n', { events: [['message', '€豆腐🥌']] }],
  'tab, NUL and the line breaks of others': [
    'data:\t x\n\ndata:\0\n\ndata: \u2028\u0085\v\n\n',
    {
      events: [
        ['message', '\t x'],
        ['message', '\0'],
        ['message', '\u2028\u0085\v'],
      ],
    },
  ],
  'the names of browser events': [
    'event: error\ndata: x\n\nevent: open\ndata: y\n\n',
    {
      events: [
        ['error', 'x'],
        ['open', 'y'],
      ],
    },
  ],
}

const LINE_ENDS: Record<string, (text: string) => string> = {
  LF: (text) => text,
  CR: (text) => text.replaceAll('\n', '\r'),
  CRLF: (text) => text.replaceAll('\n', '\r\n'),
  // In a mix no LF may follow a CR of another line.
  'LF, CRLF and CR in turn': (text) => {
    let n = 0
    return text.replaceAll('\n', () => ['\n', '\r\n', '\r', '\r\n'][n++ % 4] as string)
  },
}

describe('the parser', () => {
  for (const [name, [text, reading]] of Object.entries(VECTORS)) {
    for (const [ends, endLines] of Object.entries(LINE_ENDS)) {
      it(`reads ${name}, lines ending in ${ends}, however it is split`, () => {
        for (const pieces of splits(bytesOf(endLines(text)))) assertReads(pieces, reading)
      })
    }
  }

  it('takes an LF for a part of the line end before it, also in a piece of its own', () => {
    const { events } = read(['data: A\r', '\ndata: B\r', '\n\r\n'].map(bytesOf))
    assert.deepEqual(events.map(brief), [['message', 'A\nB']])
  })

  it('takes an LF for a line of its own when something stands between', () => {
    const parser = new EventStreamParser()
    assert.deepEqual(parser.push(bytesOf('data: A\r')), [])
    assert.deepEqual(parser.push(bytesOf('')), [])
    assert.deepEqual(parser.push(bytesOf('\n')), [])
    assert.deepEqual(parser.push(bytesOf('\n')).map(brief), [['message', 'A']])
  })

  it('gives an event at once when its block ends in CR CR', () => {
    const parser = new EventStreamParser()
    assert.deepEqual(parser.push(bytesOf('data: A\r\r')).map(brief), [['message', 'A']])
    assert.deepEqual(parser.push(bytesOf('\ndata: B\r\n\r')).map(brief), [['message', 'B']])
  })

  it('reads bytes that are no UTF-8 as U+FFFD', () => {
    const bytes = Uint8Array.of(...bytesOf('data: a'), 0xff, 0xc3, ...bytesOf('\n\n'))
    for (const pieces of splits(bytes)) {
      assertReads(pieces, { events: [['message', 'a\ufffd\ufffd']] })
    }
  })

  it('reads the channels of fanline', () => {
    const { events } = read([bytesOf('channel: news\nalso: a,b\ndata: x\n\ndata: y\n\n')])
    assert.deepEqual(events, [eventOf({ data: 'x', channel: 'news', also: 'a,b' }), eventOf({ data: 'y' })])
  })

  it('reads the trace of an event, and not that of the one before', () => {
    const { events } = read([bytesOf('traceparent: 00-1-2-01\ndata: x\n\ndata: y\n\n')])
    assert.deepEqual(events, [eventOf({ data: 'x', traceparent: '00-1-2-01' }), eventOf({ data: 'y' })])
  })

  it('begins with the last id that it is given', () => {
    const parser = new EventStreamParser({ lastEventId: '7' })
    assert.equal(parser.push(bytesOf('data: x\n\n'))[0]?.id, undefined)
    assert.equal(parser.lastEventId, '7')
    parser.push(bytesOf('id: 8\n'))
    assert.equal(parser.lastEventId, '7', 'the block is not finished')
    parser.push(bytesOf('\n'))
    assert.equal(parser.lastEventId, '8')
  })

  it('gives 100 events of one piece in order', () => {
    const numbers = Array.from({ length: 100 }, (_, n) => String(n))
    const { events } = read([bytesOf(numbers.map((n) => `id: ${n}\ndata: ${n}\n\n`).join(''))])
    assert.deepEqual(
      events.map(({ id, data }) => [id, data]),
      numbers.map((n) => [n, n]),
    )
  })

  it('reads any bytes as the standard says, however they are split', () => {
    const piece = fc.oneof(
      fc.constantFrom('\n', '\r', '\r\n', 'data', ':', ' ', 'id: 7', 'event: e', 'retry: 5', '\0', BOM, '💚'),
      arbitraryText,
    )
    const bytes = fc.oneof(
      fc.array(piece, { maxLength: 40 }).map((pieces) => bytesOf(pieces.join(''))),
      fc.uint8Array({ maxLength: 60 }),
    )
    const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 8 })
    fc.assert(
      fc.property(bytes, cuts, (bytes, cuts) => {
        const standard = new StandardParser().push(bytes)
        const { events, parser } = read(cutAt(bytes, cuts))
        assert.deepEqual(
          events.map(({ type, data, lastEventId }) => ({ type, data, lastEventId })),
          standard.events,
        )
        assert.equal(parser.lastEventId, standard.lastEventId)
        assert.equal(parser.retryMs, standard.reconnectionTime)
      }),
      { numRuns: 3000 },
    )
  })

  it('reads what the encoder wrote', () => {
    const block = fc.record({
      id: fc.option(fc.constantFrom('0', '17', 'e-1'), { nil: undefined }),
      event: fc.constantFrom('message', 'progress', ' leading space', 'a:b', 'data', 'größe'),
      channel: fc.option(fc.constantFrom('news', '@all', '@user:ü'), { nil: undefined }),
      data: arbitraryText.map((text) => text.replace(/\r\n?/g, '\n').toWellFormed()),
    })
    fc.assert(
      fc.property(fc.array(block, { maxLength: 5 }), fc.array(fc.nat({ max: 500 })), (blocks, cuts) => {
        let lastEventId = ''
        const written = blocks.map(({ event: type, ...rest }) => {
          lastEventId = rest.id ?? lastEventId
          return eventOf({ type, lastEventId, ...rest })
        })
        assert.deepEqual(read(cutAt(bytesOf(blocks.map(encodeBlock).join('')), cuts)).events, written)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a parser that is fed too much', () => {
  const small = { maxEventLength: 10 }
  const after = 'data: after\n\n'
  const cases: Record<string, readonly [text: string, ...events: ParsedEvent[]]> = {
    'keeps data of just the length': ['data: 0123456789\n\n', eventOf({ data: '0123456789' })],
    'drops a line that is longer': ['data: 0123456789x\n\n', eventOf({ isTooLarge: true })],
    'drops lines that are longer together': ['data: 01234\ndata: 56789\n\n', eventOf({ isTooLarge: true })],
    'keeps what else the block says': [
      'event: e\nid: 5\ndata: 0123456789x\nchannel: c\n\n',
      eventOf({ type: 'e', id: '5', lastEventId: '5', channel: 'c', isTooLarge: true }),
    ],
    'drops the data before and after': [
      'data: 0\ndata: 0123456789x\ndata: 1\n\n',
      eventOf({ isTooLarge: true }),
    ],
    'takes no part of an id': [
      'id: 5\nid: 0123456789abcdefgh\ndata: x\n\n',
      eventOf({ id: '5', lastEventId: '5', isTooLarge: true }),
    ],
    'passes over a comment': [`:${'x'.repeat(99)}\ndata: x\n\n`, eventOf({ data: 'x' })],
    'passes over an unknown field': [`data${'x'.repeat(99)}\ndata: x\n\n`, eventOf({ data: 'x' })],
    'passes over an endless retry': [`retry: ${'1'.repeat(99)}\ndata: x\n\n`, eventOf({ data: 'x' })],
  }
  for (const [name, [text, ...events]] of Object.entries(cases)) {
    it(`${name}, and reads on`, () => {
      for (const pieces of splits(bytesOf(text + after))) {
        const parser = new EventStreamParser(small)
        const heard = pieces.flatMap((piece) => parser.push(piece))
        assert.deepEqual(heard, [...events, eventOf({ data: 'after', lastEventId: parser.lastEventId })])
        assert.equal(parser.retryMs, undefined)
      }
    })
  }

  it('reads a line of 10 MB in 1,000 pieces, in time linear in its length', () => {
    const piece = bytesOf('x'.repeat(10_000))
    const parser = new EventStreamParser()
    const began = performance.now()
    parser.push(bytesOf('data: '))
    for (let n = 0; n < 1000; n++) assert.deepEqual(parser.push(piece), [])
    const [long] = parser.push(bytesOf('\n\n'))
    assert.equal(long?.data.length, 10_000_000)
    const tookMs = performance.now() - began
    assert.ok(tookMs < 2000, `${tookMs} ms`) // looking at all of it for each piece takes 10 s
  })

  it('reads a megabyte of each kind of line end in linear time', () => {
    const began = performance.now()
    for (const end of ['\n', '\r', '\r\n']) read([bytesOf(end.repeat(1_000_000)), bytesOf(`data:${end}`)])
    const tookMs = performance.now() - began
    assert.ok(tookMs < 5000, `${tookMs} ms`)
  })
})

function eventOf(fields: Partial<ParsedEvent>): ParsedEvent {
  return {
    type: 'message',
    data: '',
    id: undefined,
    lastEventId: '',
    channel: undefined,
    also: undefined,
    isTooLarge: false,
    ...fields,
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Whole, byte by byte, in pieces of two and of three bytes, and at every single point. */
function* splits(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield [bytes]
  for (const size of [1, 2, 3]) {
    yield Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
      bytes.subarray(n * size, (n + 1) * size),
    )
  }
  for (let at = 1; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)]
}

function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const points = [...cuts].sort((a, b) => a - b)
  return [...points, bytes.length].map((end, n) => bytes.subarray(n === 0 ? 0 : points[n - 1], end))
}

function read(pieces: readonly Uint8Array[]) {
  const comments: string[] = []
  const parser = new EventStreamParser({ onComment: (text) => comments.push(text) })
  const events = pieces.flatMap((piece) => parser.push(piece))
  return { parser, events, comments }
}

function brief({ type, data, id }: ParsedEvent): [string, string, string?] {
  return id === undefined ? [type, data] : [type, data, id]
}

function assertReads(pieces: readonly Uint8Array[], reading: Reading): void {
  const { events, parser, comments } = read(pieces)
  assert.deepEqual(events.map(brief), reading.events)
  assert.deepEqual(comments, reading.comments ?? [])
  assert.equal(parser.retryMs, reading.retryMs)
  assert.equal(parser.lastEventId, reading.lastEventId ?? '')
}
