import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defineEvents, eventType, type StandardSchema } from '@fanline/protocol'
import { createHub } from './create-hub.ts'
import { doors, nativeDoor, withHub } from './testing/served-hub.ts'

interface Paid {
  number: number
  total?: number
}

/** What a validator of a library does: checks, fills in, and leaves out what it does not know. */
const paid: StandardSchema<Paid, Required<Paid>> = {
  '~standard': {
    version: 1,
    vendor: 'by hand',
    validate(value) {
      const { number, total = 0 } = (value ?? {}) as Partial<Paid>
      if (typeof number === 'number') return { value: { number, total } }
      return {
        issues: [{ message: 'A number is missing.', path: [{ key: 'number' }] }, { message: 'So no.' }],
      }
    },
  },
}

/** Answers in its own time. */
const slow: StandardSchema<string> = {
  '~standard': {
    version: 1,
    vendor: 'by hand',
    validate: async (value) => (value === 'good' ? { value } : { issues: [{ message: 'Not good.' }] }),
  },
}

const broken: StandardSchema = {
  '~standard': {
    version: 1,
    vendor: 'by hand',
    validate() {
      throw new Error('a secret of the application')
    },
  },
}

const events = defineEvents({ paid, slow, broken, message: eventType<string>() })

for (const door of doors) {
  describe(`events with definitions, by ${door.name}`, () => {
    it('are published as their validator made them, also when it takes its time', () =>
      withHub(door, { events }, async (served) => {
        const client = await served.listen('/v1/events/a')
        await served.publish({ channel: 'a', event: 'paid', data: { number: 7, card: 'nobody’s business' } })
        await served.publish({ channel: 'a', event: 'slow', data: 'good' })
        await served.publish({ channel: 'a', data: 'any text' })
        const heard = await client.take(3)
        assert.deepEqual(
          heard.map(({ event, data }) => [event, data]),
          [
            ['paid', '{"number":7,"total":0}'],
            ['slow', 'good'],
            ['message', 'any text'],
          ],
        )
      }))

    it('are refused with what is wrong and where, and nothing of them is kept', () =>
      withHub(door, { events }, async (served) => {
        const { status, json: problem } = await served.publish({ channel: 'a', event: 'paid', data: null })
        assert.equal(status, 422)
        assert.equal(problem.code, 'event-data-invalid')
        assert.equal(problem.detail, 'number: A number is missing.; So no.')
        const late = await served.publish({ channel: 'a', event: 'slow', data: 'bad' })
        assert.equal(late.json.detail, 'Not good.')
        const unknown = await served.publish({ channel: 'a', event: 'payed', data: { number: 7 } })
        assert.equal(unknown.json.code, 'event-type-unknown')
        assert.equal((await served.publish({ channel: 'a', event: 'constructor', data: 1 })).status, 422)
        assert.deepEqual((await served.hub.history('a')).events, [])
      }))

    it('are checked line by line, and a validator that throws tells a client nothing', () =>
      withHub(door, { events, onProblem: () => undefined }, async (served) => {
        const lines = [
          { channel: 'a', event: 'paid', data: { number: 1 } },
          { channel: 'a', event: 'paid', data: { number: '1' } },
          { channel: 'a', event: 'broken', data: 1 },
        ]
        const body = lines.map((line) => JSON.stringify(line)).join('\n')
        const { text } = await served.call('POST', '/v1/publish', body, {
          'Content-Type': 'application/x-ndjson',
        })
        const answers = text.trimEnd().split('\n')
        assert.deepEqual(
          answers.map((answer) => JSON.parse(answer).code),
          [undefined, 'event-data-invalid', 'internal'],
        )
        assert.doesNotMatch(text, /secret/)
      }))
  })
}

it('a raw body is text, so a validator that wants an object refuses it', () =>
  withHub(nativeDoor, { events }, async (served) => {
    const { json } = await served.call('POST', '/v1/publish/a?event=paid', '{"number":8}')
    assert.equal(json.code, 'event-data-invalid')
  }))

it('publishes that are not waited for keep their order, and those before a close are kept', async () => {
  const hub = createHub({ events })
  await hub.ready
  const receipts = [1, 2, 3].map((number) =>
    number === 2
      ? hub.publish({ channel: 'a', data: 'two' })
      : hub.publish({ channel: 'a', event: 'paid', data: { number } }),
  )
  const late = assert.rejects(hub.publish({ channel: 'a', event: 'slow', data: 'good' }), {
    code: 'shutting-down',
  })
  const closed = hub.close()
  const ids = (await Promise.all(receipts)).map(({ id }) => Number(id))
  assert.deepEqual(
    ids,
    ids.toSorted((a, b) => a - b),
  )
  await late
  await closed
})

it('the compiler knows the events by their definitions', async () => {
  const hub = createHub({ events })
  await hub.publish({ channel: 'a', event: 'paid', data: { number: 7 } })
  await hub.publish({ channel: 'a', data: 'text' })
  const refused = [
    // @ts-expect-error there is no such event
    () => hub.publish({ channel: 'a', event: 'payed', data: { number: 7 } }),
    // @ts-expect-error a field of the data has the wrong type
    () => hub.publish({ channel: 'a', event: 'paid', data: { number: '7' } }),
  ]
  for (const publish of refused) await assert.rejects(publish, { name: 'ProblemError' })
  await hub.close()
})

it('a hub does not begin with definitions under which nothing could be published', () => {
  const wrong = [{ error: eventType() }, { 'fanline.bye': eventType() }, { paid: {} }, { paid: () => true }]
  for (const events of wrong) {
    assert.throws(() => createHub({ events: defineEvents(events as never) }), { code: 'option-invalid' })
  }
  assert.throws(() => createHub({ events: { paid } as never }), { code: 'option-invalid' })
})

it('an error does not grow with what it complains about', async () => {
  const all: StandardSchema = {
    '~standard': {
      version: 1,
      vendor: 'by hand',
      validate: () => ({
        issues: Array.from({ length: 10_000 }, (_, i) => ({ message: 'wrong', path: ['items', i] })),
      }),
    },
  }
  const hub = createHub({ events: defineEvents({ all }) })
  await assert.rejects(hub.publish({ channel: 'a', event: 'all', data: 1 }), {
    detail: 'items.0: wrong; items.1: wrong; items.2: wrong; items.3: wrong; items.4: wrong; and 9995 more',
  })
  await hub.close()
})
