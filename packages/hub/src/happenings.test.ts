import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Happening } from './happenings.ts'
import { createHub } from './index.ts'

test('who looks hears of publishes and refusals, until they no longer look', async () => {
  const hub = createHub()
  const heard: Happening[] = []
  const stop = hub.happenings.watch((happening) => heard.push(happening))
  const { id } = await hub.publish({ channel: 'orders', event: 'paid', data: { n: 1 } })
  await hub.publish({ channel: 'orders', data: 'x'.repeat(2001) })
  hub.problemOf(await hub.publish({ channel: '@wrong', data: 1 }).catch((error) => error))
  stop()
  await hub.publish({ channel: 'orders', data: 'unseen' })
  await hub.close()
  assert.equal(hub.happenings.areWatched, false)
  assert.deepEqual(
    heard.map(({ what, channels, event, reason }) => [what, channels, event?.data.length, reason]),
    [
      ['published', ['orders'], 7, undefined],
      ['published', ['orders'], 2000, undefined],
      ['refused', undefined, undefined, 'channel-reserved'],
    ],
  )
  assert.equal(heard[0]?.receipt?.id, id)
  assert.equal(heard[1]?.isCut, true)
})
