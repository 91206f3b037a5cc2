import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Happening } from './happenings.ts'
import { createHub, type EmbeddedHub, memoryLog } from './index.ts'
import { LogOwner, workerLog } from './log/worker.ts'
import { eventually } from './testing/deadline.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { wirePair } from './testing/wire-pair.ts'

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

test('who could not ask another hub for a while hears that something is missing', async () => {
  const clock = new FakeClock()
  const owner = new LogOwner(memoryLog(), { clock })
  const join = (nodeName: string): EmbeddedHub => {
    const [wire, other] = wirePair().ends
    owner.join(other, { onStuck: () => assert.fail('no worker is stuck') })
    return createHub({ clock, log: workerLog({ wire, nodeName, clock }) })
  }
  const [a, b] = [join('a'), join('b')]
  await Promise.all([a.ready, b.ready])
  await eventually(() => a.cluster.nodes().length === 2, 'a knows of b')
  let [heard, missed] = [0, 0]
  const stop = a.cluster.watch(
    () => heard++,
    (count) => {
      missed += count
    },
  )
  await eventually(() => b.happenings.areWatched, 'b is looked at')
  await b.publish({ channel: 'news', data: 1 })
  await eventually(() => {
    clock.advance(100)
    return heard === 1
  }, 'the first')
  assert.equal(missed, 0)

  b.cluster.answer = async () => undefined
  await b.publish({ channel: 'news', data: 2 })
  clock.advance(5000)
  assert.equal(b.happenings.areWatched, false, 'b is no longer looked at')
  await b.publish({ channel: 'news', data: 3 })
  Reflect.deleteProperty(b.cluster, 'answer')
  await eventually(() => {
    clock.advance(100)
    return b.happenings.areWatched && missed > 0
  }, 'it')
  assert.deepEqual([heard, missed], [1, 1])
  stop()
  await Promise.all([a.close(), b.close()])
})

test('who is one too many to look gets no answer, not that nothing has happened', async () => {
  const hub = createHub()
  const look = async (n: number): Promise<unknown> => {
    const answer = await hub.cluster.answer({ ask: 'happenings', watcher: `w${n}` })
    return Object(answer).said
  }
  for (let n = 0; n < 50; n++) assert.deepEqual(Object(await look(n)).happenings, [])
  assert.equal(await look(50), undefined)
  await hub.close()
})
