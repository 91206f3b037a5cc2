import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createHub } from './create-hub.ts'

type Events = {
  progress: { done: number; total: number }
  renamed: string
  message: { text: string }
}

it('a hub with an event map takes what fits, and the compiler refuses the rest', async () => {
  const hub = createHub<Events>()
  await hub.publish({ channel: 'a', event: 'progress', data: { done: 1, total: 2 } })
  await hub.publish({ user: 'u', event: 'renamed', data: 'new name', except: 'v', key: 'k', ephemeral: true })
  await hub.publish({ all: true, event: 'message', data: { text: 'x' } })
  await hub.publish({ all: true, data: { text: 'the name of a message may be left out' } })

  const refused = [
    // @ts-expect-error there is no such event
    () => hub.publish({ channel: 'a', event: 'progres', data: { done: 1, total: 2 } }),
    // @ts-expect-error a field of the data is missing
    () => hub.publish({ channel: 'a', event: 'progress', data: { done: 1 } }),
    // @ts-expect-error a field of the data has the wrong type
    () => hub.publish({ channel: 'a', event: 'progress', data: { done: '1', total: 2 } }),
    // @ts-expect-error the data belongs to another event
    () => hub.publish({ channel: 'a', event: 'renamed', data: { done: 1, total: 2 } }),
    // @ts-expect-error without a name it is a message
    () => hub.publish({ channel: 'a', data: 'new name' }),
    // @ts-expect-error there is no data
    () => hub.publish({ channel: 'a', event: 'renamed' }),
    // @ts-expect-error there is no such field
    () => hub.publish({ chanel: 'a', event: 'renamed', data: 'x' }),
  ]
  assert.equal(refused.length, 7)
  await hub.close()
})

it('a hub without an event map takes any event', async () => {
  const hub = createHub()
  await hub.publish({ channel: 'a', event: 'anything', data: { n: 1 } })
  await hub.publish({ channel: 'a', data: null })
  // @ts-expect-error the fields are checked all the same
  await assert.rejects(hub.publish({ chanel: 'a', data: 1 }), { code: 'publish-invalid' })
  // @ts-expect-error a channel is a string
  await assert.rejects(hub.publish({ channel: 7, data: 1 }), { code: 'channel-invalid' })
  await hub.close()
})

it('without a message in the event map each event must be named', async () => {
  const hub = createHub<{ tick: number }>()
  await hub.publish({ channel: 'a', event: 'tick', data: 1 })
  // @ts-expect-error the name is missing
  await hub.publish({ channel: 'a', data: 1 })
  await hub.close()
})
