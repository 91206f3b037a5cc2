import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Bye,
  type ChannelName,
  type Checkpoint,
  createEvent,
  createJsonEvent,
  eventJson,
  type GapNotice,
  type Hello,
  type HubEvent,
  type Position,
  ProblemError,
} from '@fanline/protocol'
import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { createHub } from '../create-hub.ts'
import type { Dialect } from '../dialect.ts'
import type { Entry } from '../log.ts'
import { CLIENT_ID_DIALECTS } from './client-id-dialect.ts'
import { NOTIFICATION_DIALECTS } from './notification-dialect.ts'
import { SESSION_DIALECTS } from './session-dialect.ts'
import { starterApi } from './starter-api.ts'
import { STARTER_DIALECTS } from './starter-dialect.ts'
import { USER_CHANNEL_DIALECTS } from './user-channel-dialect.ts'

// Tests of another package are not among its exports.
const protocol = (file: string): string =>
  new URL(`testing/${file}.js`, import.meta.resolve('@fanline/protocol')).href
const { StandardParser }: typeof import('../../../protocol/src/testing/standard-parser.ts') = await import(
  protocol('standard-parser')
)
const { arbitraryText }: typeof import('../../../protocol/src/testing/arbitrary-text.ts') = await import(
  protocol('arbitrary-text')
)

const LEVELS = ['strict', 'enhanced'] as const

const DIALECTS = {
  'user-channel': USER_CHANNEL_DIALECTS,
  'client-id': CLIENT_ID_DIALECTS,
  notification: NOTIFICATION_DIALECTS,
  session: SESSION_DIALECTS,
  starter: STARTER_DIALECTS,
} as const

type Name = keyof typeof DIALECTS
const NAMES = Object.keys(DIALECTS) as Name[]

function entryOf(event: HubEvent, position: number | null = 7): Entry {
  return { channel: '@all' as ChannelName, position: position as Position | null, at: 0, event, except: [] }
}

/** What the dialects of a level write, by their names. */
function framesOf(level: (typeof LEVELS)[number], entry: Entry): Readonly<Record<Name, string>> {
  const frames = NAMES.map((name) => [name, DIALECTS[name][level].entry(entry)] as const)
  return Object.fromEntries(frames) as Record<Name, string>
}

describe('the frames of five systems', () => {
  it('of an event with a name and JSON', () => {
    const entry = entryOf(createJsonEvent('n', '{"b":1, "a":12345678901234567890}'))
    const json = '{"b":1, "a":12345678901234567890}'
    assert.deepEqual(framesOf('strict', entry), {
      'user-channel': `event: current-value\nretry: 15000\ndata: {"data":${json}}\n\n`,
      'client-id': `data: ${json}\n\n`,
      notification: `id: 7\ndata: ${json}\n\n`,
      session: `id: 7\nevent: n\ndata: ${json}\n\n`,
      starter: `event: n\ndata: ${json}\n\n`,
    })
    assert.deepEqual(framesOf('enhanced', entry), {
      'user-channel': `event: current-value\nid: 7\nretry: 15000\ndata: {"data":${json}}\n\n`,
      'client-id': `id: 7\ndata: ${json}\n\n`,
      notification: `id: 7\ndata: ${json}\n\n`,
      session: `id: 7\nevent: n\ndata: ${json}\n\n`,
      starter: `event: n\nid: 7\ndata: ${json}\n\n`,
    })
  })

  it('of text without a name, with line breaks', () => {
    const entry = entryOf(createEvent(undefined, 'two\n"lines"'))
    assert.deepEqual(framesOf('strict', entry), {
      'user-channel': 'event: current-value\nretry: 15000\ndata: {"data":"two\\n\\"lines\\""}\n\n',
      'client-id': 'data: two\ndata: "lines"\n\n',
      notification: 'id: 7\ndata: two\ndata: "lines"\n\n',
      session: 'id: 7\nevent: message\ndata: "two\\n\\"lines\\""\n\n',
      starter: 'event: message\ndata: "two\\n\\"lines\\""\n\n',
    })
  })

  it('of an event without a place in the history have no id', () => {
    const entry = entryOf(createEvent('n', 'x'), null)
    for (const level of LEVELS) {
      assert.deepEqual(framesOf(level, entry), {
        'user-channel': 'event: current-value\nretry: 15000\ndata: {"data":"x"}\n\n',
        'client-id': 'data: x\n\n',
        notification: 'data: x\n\n',
        session: 'event: n\ndata: "x"\n\n',
        starter: 'event: n\ndata: "x"\n\n',
      })
    }
  })

  it('of a message with an id and a retry of its own: 004.10', () => {
    const event = createEvent('custom_event', { key: 'value' })
    const entry = entryOf({ ...event, attributes: { id: 'msg-001', retry: '3000' } })
    assert.equal(
      STARTER_DIALECTS.strict.entry(entry),
      'event: custom_event\nid: msg-001\nretry: 3000\ndata: {"key":"value"}\n\n',
    )
    assert.equal(
      STARTER_DIALECTS.enhanced.entry(entry),
      'event: custom_event\nid: 7\nretry: 3000\ndata: {"key":"value"}\n\n',
    )
  })
})

describe('what the hub says in the words of five systems', () => {
  /** What each dialect of a level writes for a control event. */
  const said = (level: (typeof LEVELS)[number], type: string, data: object, retryMs?: number): string[] =>
    NAMES.map((name) => DIALECTS[name][level].control({ type, data, ...(retryMs ? { retryMs } : {}) }))

  const hello: Hello = { connection: 'c1', user: 'u', channels: [], resumed: false, heartbeatMs: 15_000 }
  const gap: GapNotice = { channel: '@all', from: '1', to: '2', reason: 'trimmed' }
  const notice = '{"channel":"@all","from":"1","to":"2","reason":"trimmed"}'

  it('begins a stream as each of them did', () => {
    for (const level of LEVELS) {
      const first = level === 'strict' ? '' : ':\n\n'
      const [userChannel, clientId, notification, session, starter] = said(
        level,
        'fanline.hello',
        hello,
        2000,
      )
      assert.deepEqual([userChannel, clientId, notification], [first, first, first])
      assert.equal(session, 'retry: 15000\n\n')
      assert.match(starter ?? '', /^event: connected\ndata: \{"client_id":"c1","timestamp":\d{10}\}\n\n$/)
    }
  })

  it('tells a loss, but not where its system would have said nothing', () => {
    assert.deepEqual(said('strict', 'fanline.gap', gap), ['', '', '', '', ''])
    const event = `event: fanline.gap\ndata: ${notice}\n\n`
    assert.deepEqual(said('enhanced', 'fanline.gap', gap), [
      event,
      `: fanline.gap ${notice}\n\n`,
      event,
      event,
      event,
    ])
  })

  it('tells when to come back at the end, and nothing of fanline’s own', () => {
    const bye: Bye = { reason: 'drain', reconnect: true }
    const checkpoint: Checkpoint = { live: true }
    assert.deepEqual(said('strict', 'fanline.bye', bye, 2500), ['', '', '', '', ''])
    assert.deepEqual(said('enhanced', 'fanline.bye', bye, 2500), Array(5).fill('retry: 2500\n\n'))
    for (const level of LEVELS) {
      assert.deepEqual(said(level, 'fanline.bye', bye), ['', '', '', '', ''])
      assert.deepEqual(said(level, 'fanline.checkpoint', checkpoint), ['', '', '', '', ''])
      assert.deepEqual(said(level, 'fanline.expiring', { at: 'then' }), ['', '', '', '', ''])
    }
  })

  it('keeps a quiet stream alive as each of them did', () => {
    const beat = ({ heartbeat }: Dialect): string =>
      typeof heartbeat === 'function' ? heartbeat(1_795_200_000_999) : heartbeat
    const ping = 'event: ping\ndata: {"timestamp":1795200000}\n\n'
    const keepAlive = ': keep-alive\n\n'
    assert.deepEqual(
      NAMES.map((name) => beat(DIALECTS[name].strict)),
      ['', '', '', keepAlive, ping],
    )
    assert.deepEqual(
      NAMES.map((name) => beat(DIALECTS[name].enhanced)),
      [':\n\n', ':\n\n', ':\n\n', keepAlive, ping],
    )
    for (const level of LEVELS) {
      assert.equal(SESSION_DIALECTS[level].heartbeatMs, 10_000)
      assert.equal(STARTER_DIALECTS[level].heartbeatMs, 30_000)
    }
  })
})

interface Heard {
  readonly type: string
  readonly data: string
  readonly id: string
}

/** Both parsers hear the same one event and no more of it; answers it. */
function onlyEventIn(frame: string): Heard {
  // An event before and one after: nothing may leak into them.
  const text = `data: before\n\n${frame}data: after\n\n`
  const bytes = new TextEncoder().encode(text)
  const standard = new StandardParser().push(bytes).events
  let lastId = ''
  const other: Heard[] = []
  const parser = createParser({
    onEvent: ({ id, event = 'message', data }) => {
      lastId = id ?? lastId
      other.push({ type: event, data, id: lastId })
    },
  })
  parser.feed(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
  const heard = standard.map(({ type, data, lastEventId }): Heard => ({ type, data, id: lastEventId }))
  assert.deepEqual(other, heard)
  const [before, event, after, ...more] = heard
  assert.deepEqual(before, { type: 'message', data: 'before', id: '' })
  assert.deepEqual(after, { type: 'message', data: 'after', id: event?.id })
  assert.deepEqual(more, [])
  return event as Heard
}

/** What a client of each system hears of an event, as a value. */
const VALUES: Readonly<Record<Name, (data: string) => unknown>> = {
  'user-channel': (data) => {
    const { data: value, ...rest } = JSON.parse(data)
    assert.deepEqual(rest, {})
    return value
  },
  'client-id': (data) => data,
  notification: (data) => data,
  session: JSON.parse,
  starter: JSON.parse,
}

const TYPES: Readonly<Record<Name, (type: string) => string>> = {
  'user-channel': () => 'current-value',
  'client-id': () => 'message',
  notification: () => 'message',
  session: (type) => type,
  starter: (type) => type,
}

const names = fc.oneof(
  arbitraryText,
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', 'n', ' n', ':', 'data'),
)
const values = fc.oneof(
  arbitraryText,
  fc.jsonValue(),
  fc.object({ key: arbitraryText, values: [arbitraryText] }),
)
const positions = fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }))

describe('10.7 any event is heard as the same one event', () => {
  it('10.7 whatever its name, its data and its place', () => {
    fc.assert(
      fc.property(names, values, positions, (name, value, position) => {
        let event: HubEvent
        try {
          event = createEvent(name, value)
        } catch (error) {
          // What no frame can say is refused at the border.
          assert(error instanceof ProblemError)
          assert.match(error.code, /^event-type-(invalid|reserved)$/)
          return
        }
        assertHeard(event, position)
      }),
      { numRuns: 3000 },
    )
  })

  it('10.7 also when its publisher wrote the JSON', () => {
    const spaced = fc
      .tuple(fc.jsonValue(), fc.constantFrom('', '\n', '\r\n\t', '  '))
      .map(([value, space]) => {
        return JSON.stringify(value, null, space.replaceAll('\r', '')).replaceAll(
          '\n',
          space.includes('\r') ? '\r\n' : '\n',
        )
      })
    fc.assert(
      fc.property(spaced, positions, (text, position) => {
        const event = createJsonEvent('n', text)
        assert.deepEqual(JSON.parse(eventJson(event)), JSON.parse(text))
        assertHeard(event, position)
      }),
      { numRuns: 3000 },
    )
  })

  it('10.7 whatever id and retry a message of starter has', async () => {
    const hub = createHub()
    const api = starterApi(hub, { level: 'strict' })
    const { body } = await api.fetch(new Request('http://hub.test/'), '1')
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    await reader.read() // connected
    const ids = fc.oneof(arbitraryText, fc.string({ unit: 'binary' }))
    await fc.assert(
      fc.asyncProperty(ids, fc.integer(), values, async (id, retry, data) => {
        try {
          await api.getHub().sendToUser(1, { event: 'n', data, id, retry })
        } catch (error) {
          assert(error instanceof ProblemError)
          assert.equal(error.code, 'publish-invalid')
          assert.match(id, /[\r\n\0]/)
          return
        }
        const { value } = await reader.read()
        const heard = onlyEventIn(new TextDecoder('utf-8', { ignoreBOM: true }).decode(value))
        assert.deepEqual(
          { ...heard, data: JSON.parse(heard.data) },
          {
            type: 'n',
            data: JSON.parse(eventJson(createEvent('n', data))),
            id: id.toWellFormed(),
          },
        )
      }),
      { numRuns: 1000 },
    )
    await reader.cancel()
    await hub.close()
  })
})

function assertHeard(event: HubEvent, position: number | null): void {
  for (const level of LEVELS) {
    const frames = framesOf(level, entryOf(event, position))
    for (const name of NAMES) {
      const heard = onlyEventIn(frames[name])
      assert.equal(heard.type, TYPES[name](event.type), name)
      const isText = name === 'client-id' || name === 'notification'
      assert.deepEqual(VALUES[name](heard.data), isText ? event.data : JSON.parse(eventJson(event)), name)
      const hasId =
        position !== null && (level === 'enhanced' || name === 'notification' || name === 'session')
      assert.equal(heard.id, hasId ? String(position) : '', name)
    }
  }
}
