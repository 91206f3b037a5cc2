import assert from 'node:assert/strict'
import { it } from 'node:test'
import * as v from 'valibot'
import {
  connect,
  defineEvents,
  eventType,
  InvalidEventError,
  type StandardSchema,
  type StreamEvent,
} from './index.ts'
import { withServer } from './testing/hub-server.ts'

const events = defineEvents({
  paid: v.object({
    number: v.number(),
    at: v.pipe(
      v.string(),
      v.isoTimestamp(),
      v.transform((text) => new Date(text)),
    ),
    note: v.optional(v.string(), 'none'),
  }),
  note: eventType<string>(),
})

const AT = '2026-11-21T10:00:00.000Z'

it('data are as their definition makes them, on both sides', () =>
  withServer({ events }, async ({ hub, url }) => {
    const stream = connect(url, { channels: ['a'], events })
    const heard = new Promise<StreamEvent<'paid', { number: number; at: Date; note: string }>>((resolve) =>
      stream.on('paid', resolve),
    )
    const note = new Promise<string>((resolve) => stream.on('note', ({ data }) => resolve(data.trim())))
    await stream.ready
    await hub.publish({
      channel: 'a',
      event: 'paid',
      data: { number: 7, at: new Date(AT).toISOString(), card: 'nobody’s business' } as never,
    })
    await hub.publish({ channel: 'a', event: 'note', data: ' x ' })
    const { data } = await heard
    assert.deepEqual(data, { number: 7, at: new Date(AT), note: 'none' })
    assert.equal(await note, 'x')
    const { events: kept } = await hub.history('a')
    assert.deepEqual(kept[0]?.data, { number: 7, at: AT, note: 'none' })
    // @ts-expect-error there is no such event
    stream.on('payed', () => undefined)
    stream.close()
  }))

it('an event that does not fit is told to onError, and to no handler, loop or stream', () =>
  withServer({}, async ({ hub, url }) => {
    const errors: unknown[] = []
    const stream = connect(url, { channels: ['a'], events, onError: (error) => errors.push(error) })
    const all = stream.events()
    stream.on('paid', ({ data }) => assert.equal(data.number, 8))
    await stream.ready
    await hub.publish({ channel: 'a', event: 'paid', data: { number: '7', at: 'noon' } })
    await hub.publish({ channel: 'a', event: 'toString', data: 1 })
    await hub.publish({ channel: 'a', event: 'paid', data: { number: 8, at: AT } })
    const { value } = await all.next()
    assert.deepEqual([value?.type, value?.data], ['paid', { number: 8, at: new Date(AT), note: 'none' }])
    assert.equal(errors.length, 2)
    const [wrong, unknown] = errors
    assert.ok(wrong instanceof InvalidEventError && unknown instanceof InvalidEventError)
    assert.equal(wrong.type, 'paid')
    assert.deepEqual(
      wrong.issues.map(({ path }) => path?.map((part) => (typeof part === 'object' ? part.key : part))),
      [['number'], ['at']],
    )
    assert.match(wrong.message, /^"paid": number: .+; at: /)
    assert.deepEqual([unknown.type, unknown.issues], ['toString', []])
    stream.close()
  }))

it('a validator that takes its time is refused on arrival, whatever it answers', () =>
  withServer({}, async ({ hub, url }) => {
    const late = (answer: () => Promise<never>): StandardSchema => ({
      '~standard': { version: 1, vendor: 'by hand', validate: answer },
    })
    const errors: unknown[] = []
    const stream = connect(url, {
      channels: ['a'],
      events: defineEvents({
        never: late(() => new Promise(() => undefined)),
        fails: late(() => Promise.reject(new Error('of the validator'))),
        end: eventType<null>(),
      }),
      onError: (error) => errors.push(String(error)),
    })
    stream.onAny(() => undefined)
    const end = stream.events('end')
    await stream.ready
    for (const event of ['never', 'fails', 'end']) await hub.publish({ channel: 'a', event, data: null })
    await end.next()
    assert.equal(errors.length, 2)
    for (const error of errors) assert.match(String(error), /^TypeError: .*promise/)
    stream.close()
  }))
