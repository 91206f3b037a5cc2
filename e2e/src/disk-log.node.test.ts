import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { canTrace, traceFlushes } from './flush-order.ts'
import { killUnderLoad } from './killed-disk-server.ts'

test('five kills under load lose nothing that was acknowledged, and repeat nothing', (t) =>
  killUnderLoad(t, 5))

const skip = (await canTrace()) ? false : 'no process may be traced here (ptrace)'

describe('as the system calls of the program show', { skip }, () => {
  test('at "group" no answer leaves before its event is flushed, and that counts', async (t) => {
    for (const { data, written, flushed, counted, answered } of await traceFlushes(t, 'group')) {
      const steps = [written, flushed, counted, answered]
      for (let i = 1; i < steps.length; i++) {
        const [before, after] = [steps[i - 1], steps[i]]
        assert.ok(before && after && before.ended < after.began, `${data}, step ${i}`)
      }
    }
  })

  for (const durability of ['interval', 'os']) {
    test(`at "${durability}" the operating system has an event before its answer, which does not wait for the flush`, async (t) => {
      const fates = await traceFlushes(t, durability)
      for (const { data, noted, counted, answered } of fates) {
        assert.ok(noted && answered && noted.ended < answered.began, data)
        assert.ok(counted, `${data} was never flushed`)
      }
      assert.ok(fates.some(({ answered, counted }) => answered!.began < counted!.began))
    })
  }
})
