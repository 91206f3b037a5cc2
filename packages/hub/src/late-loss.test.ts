import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Position } from '@fanline/protocol'
import { memoryLog } from './log/memory.ts'
import type { Log, LogListener } from './log.ts'
import { doors, withHub } from './testing/served-hub.ts'
import { json } from './testing/stream-client.ts'

/** A log that finds out late what it has lost, as one does whose server was replaced. */
function lateLog(): { log: Log; admit(channel: string, after: number, through: number): void } {
  const memory = memoryLog()
  let listener: LogListener | undefined
  const log: Log = {
    open(heard) {
      listener = heard
      return memory.open(heard)
    },
    append: (drafts) => memory.append(drafts),
    read: (query) => memory.read(query),
    watch: (channel) => memory.watch(channel),
    unwatch: (channel) => memory.unwatch(channel),
    removeRevocations: (positions) => memory.removeRevocations(positions),
    close: () => memory.close(),
  }
  return {
    log,
    admit: (channel, after, through) =>
      listener?.gap({
        channel: channel as never,
        after: after as Position,
        through: through as Position,
        reason: 'rollback',
      }),
  }
}

for (const door of doors) {
  it(`a loss that is found late is told once to streams that were there, by ${door.name}`, () => {
    const { log, admit } = lateLog()
    return withHub(door, { log }, async (served) => {
      const client = await served.listen('/v1/events/a')
      const ids: number[] = []
      for (let n = 0; n < 3; n++) ids.push(Number((await served.publish({ channel: 'a', data: n })).json.id))
      await client.take(3)
      const newcomer = await served.listen('/v1/events/a')
      admit('a', ids[0]!, ids[1]!)
      admit('a', ids[0]!, ids[1]!)
      await served.publish({ channel: 'a', data: 'after' })
      const heard = await client.takeUntil(({ data }) => data === 'after')
      const gaps = heard.filter(({ event }) => event === 'fanline.gap').map((event) => json(event))
      assert.equal(gaps.length, 1)
      assert.deepEqual(gaps[0], {
        channel: 'a',
        from: String(ids[0]),
        to: String(ids[1]),
        reason: 'rollback',
      })
      const others = await newcomer.takeUntil(({ data }) => data === 'after')
      assert.deepEqual(
        others.filter(({ event }) => event === 'fanline.gap'),
        [],
      )
    })
  })
}
