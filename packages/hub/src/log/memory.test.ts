import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createEvent, parseChannel } from '@fanline/protocol'
import type { Draft } from '../log.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { logConformance } from '../testing/log-conformance.ts'
import { compareWithModel } from '../testing/log-model.ts'
import { memoryLog } from './memory.ts'

logConformance({
  name: 'the memory log',
  runner: { describe, it },
  create: (settings) => {
    const clock = new FakeClock()
    const create = () => memoryLog({ ...settings, clock })
    return { log: create(), now: () => clock.now(), advance: (ms) => clock.advance(ms), restart: create }
  },
})

compareWithModel({
  name: 'the memory log',
  runs: 500,
  survives: false,
  create: (settings, clock) => () => memoryLog({ ...settings, clock }),
})

const WINDOW_MS = 5000

describe('the keys of the memory log', () => {
  it('are forgotten from the oldest on when there are too many', async () => {
    const log = memoryLog({ idempotency: { maxKeys: 3 }, clock: new FakeClock() })
    await log.open({ entries: () => undefined, gap: () => assert.fail('a gap') })
    const give = async (key: string): Promise<boolean> => {
      const [receipt] = await log.append([draft(key)])
      return receipt!.duplicate
    }
    for (const key of ['1', '2', '3', '4']) assert.equal(await give(key), false)
    for (const key of ['2', '3', '4']) assert.equal(await give(key), true)
    assert.equal(await give('1'), false)
    assert.equal(await give('2'), false)
    assert.equal(await give('4'), true)
    await log.close()
  })

  it('given anew after their window are young again', async () => {
    const clock = new FakeClock()
    const log = memoryLog({ idempotency: { maxKeys: 2, windowMs: WINDOW_MS }, clock })
    await log.open({ entries: () => undefined, gap: () => assert.fail('a gap') })
    const give = async (key: string): Promise<boolean> => {
      const [receipt] = await log.append([draft(key)])
      return receipt!.duplicate
    }
    await give('1')
    clock.advance(WINDOW_MS + 2000)
    assert.equal(await give('1'), false)
    clock.advance(1)
    await give('2')
    // The sweep passes the first age of 1, and must leave the second.
    clock.advance(WINDOW_MS - 1000)
    assert.equal(await give('1'), true)
    assert.equal(await give('2'), true)
    await log.close()
  })
})

describe('the bytes of the memory log', () => {
  it('are also those of the ids that must not get an entry', async () => {
    const totalBytes = 64 * 1024
    const log = memoryLog({ history: { maxBytes: totalBytes, totalBytes }, clock: new FakeClock() })
    await log.open({ entries: () => undefined, gap: () => undefined })
    const except = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(100, '0'))
    for (let i = 0; i < 100; i++) await log.append([{ ...draft(`${i}`), except }])
    assert.equal(log.stats?.()?.events, 5)
    await log.close()
  })
})

function draft(key: string): Draft {
  const event = createEvent(undefined, '')
  return { channels: [parseChannel('a')], event, except: [], key, ephemeral: false }
}
