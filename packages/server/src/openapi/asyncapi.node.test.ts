import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import { defineEvents, eventType } from '@fanline/hub'
import { describeStreams } from '@fanline/hub/asyncapi'
import { Ajv } from 'ajv'
import { closedServer, listenerToken } from '../testing/closed-server.ts'
import { openStream } from '../testing/heard-stream.ts'

interface Message {
  readonly payload: object
  readonly headers: { readonly properties: Readonly<Record<string, object>> }
}

interface Described {
  readonly components: { readonly messages: Readonly<Record<string, Message>> }
}

/** The schema that those who made AsyncAPI publish. */
const SPECIFICATION = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0.json')
const isAsyncApi = new Ajv({
  strict: false,
  validateFormats: false,
  meta: false,
  validateSchema: false,
}).compile(SPECIFICATION)

const events = defineEvents({
  paid: eventType<{ number: number }>(),
  'größe: 1': eventType(),
  message: eventType(),
})
const PAID = { type: 'object', properties: { number: { type: 'number' } } }

describe('the document is AsyncAPI 3.0', () => {
  const documents = {
    'of a server': describeStreams(),
    'of typed events': describeStreams({
      title: 'Orders',
      version: '2',
      basePath: '/push',
      events,
      schemaOf: (_, type) => (type === 'paid' ? PAID : undefined),
    }),
  }
  for (const [name, document] of Object.entries(documents)) {
    test(name, () => {
      assert.ok(isAsyncApi(JSON.parse(JSON.stringify(document))), JSON.stringify(isAsyncApi.errors))
    })
  }

  test('typed events have the schemas of their data', () => {
    const { messages } = (documents['of typed events'] as unknown as Described).components
    assert.deepEqual(messages.paid?.payload, PAID)
    assert.deepEqual(Object.keys(messages).slice(-3), ['paid', 'gr_f6_dfe_3a_201', 'message'])
    assert.equal(
      isAsyncApi({ ...documents['of a server'], channels: [] }),
      false,
      'the check refuses something',
    )
  })
})

test('what a server says on streams fits the document that it serves', async (t) => {
  const server = await closedServer(t)
  const origin = `http://127.0.0.1:${server.port}`
  const document = (await (await fetch(`${origin}/asyncapi.json`)).json()) as Described
  assert.deepEqual(document, JSON.parse(JSON.stringify(describeStreams())))
  const token = await listenerToken({ sub: 'alice', fanline: { subscribe: ['news'] } })
  // Its cursor is too old, so a gap comes, and then a checkpoint; and its token ends soon.
  const stream = await openStream(t, `${origin}/v1/events/news?lastEventId=1`, {
    Authorization: `Bearer ${token}`,
  })
  await stream.until(/fanline\.checkpoint/)
  await stream.until(/fanline\.expiring/)
  await server.hub.stream('news', ReadableStream.from(['a']))
  await stream.until(/"end":"complete"/)
  server.hub.disconnect({ user: 'alice' })
  await stream.over

  const ajv = new Ajv({ strict: false, validateFormats: false })
  const heard = new Set<string>()
  for (const { event, data } of stream.events) {
    heard.add(event)
    const fits = ajv.compile(document.components.messages[event]?.payload ?? false)
    assert.ok(fits(JSON.parse(data)), `${event}: ${data}: ${JSON.stringify(fits.errors)}`)
  }
  const described = Object.keys(document.components.messages).filter((type) => type.startsWith('fanline.'))
  assert.deepEqual([...heard].sort(), described.sort())
})

test('every line of a block but its data is among the headers', async (t) => {
  const server = await closedServer(t)
  const token = await listenerToken({ sub: 'alice', fanline: { subscribe: ['news', 'more'] } })
  const stream = await openStream(t, `http://127.0.0.1:${server.port}/v1/events/news?channel=more`, {
    Accept: 'text/event-stream;data=json',
    Authorization: `Bearer ${token}`,
  })
  await stream.until(/fanline\.hello/)
  await server.hub.publish({ channels: ['news', 'more'], event: 'paid', data: 7 })
  const [block] = await stream.until(/(?:.+\n)+data: 7\n/)
  const names = [...block.matchAll(/^(\w+):/gm)].map(([, name]) => name).filter((name) => name !== 'data')
  assert.deepEqual(names, ['id', 'event', 'channel', 'also'])
  const { event } = (describeStreams() as unknown as Described).components.messages
  assert.deepEqual(Object.keys(event?.headers.properties ?? {}), [...names, 'traceparent'])
})
