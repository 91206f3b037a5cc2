import assert from 'node:assert/strict'
import { stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createEvent, parseChannel, ZERO } from '@fanline/protocol'
import { systemClock } from '../clock.ts'
import { logConformance } from '../testing/log-conformance.ts'
import { compareWithModel } from '../testing/log-model.ts'
import { scratchDirectory } from '../testing/scratch-directory.ts'
import { diskLog } from './disk.ts'

// `os` is `interval` with another interval.
for (const durability of ['group', 'interval'] as const) {
  logConformance({
    name: `the disk log at "${durability}"`,
    runner: { describe, it },
    create: (settings) => {
      let offset = 0
      const clock = { ...systemClock, now: () => Date.now() + offset }
      const path = scratchDirectory()
      const create = () => diskLog({ path, durability, clock, ...settings })
      return {
        log: create(),
        now: () => clock.now(),
        advance: (ms) => {
          offset += ms
        },
        restart: create,
      }
    },
  })
}

for (const durability of ['group', 'interval'] as const) {
  compareWithModel({
    name: `the disk log at "${durability}"`,
    runs: 30,
    survives: true,
    create: (settings, clock) => {
      const path = scratchDirectory()
      return () => diskLog({ path, durability, clock, ...settings })
    },
  })
}

describe('a disk log whose file was cut off', () => {
  const listener = { entries: () => undefined, gap: () => undefined }

  /** Writes some events, and keeps the last `maxEvents` of each channel. Answers the directory. */
  async function written(maxEvents: number): Promise<string> {
    const path = scratchDirectory()
    const log = diskLog({ path, history: { maxEvents } })
    await log.open(listener)
    const event = createEvent(undefined, 'x'.repeat(500))
    for (let round = 0; round < 8; round++) {
      const channels = [parseChannel(`c${round % 4}`)]
      const draft = { channels, event, except: [], key: undefined, ephemeral: false }
      await log.append(Array.from({ length: 100 }, () => draft))
    }
    await log.close()
    return path
  }

  const cuts: [where: string, length: (size: number) => number][] = [
    ['in its first page', () => 2000],
    ['behind its first page', () => 4096],
    ['in its middle', (size) => size / 2],
    ['shortly before its end', (size) => size - 3 * 4096],
  ]
  for (const [where, length] of cuts) {
    it(`${where} is refused, and takes no process with it`, async () => {
      const path = await written(1000)
      const file = join(path, 'events.mdb')
      await truncate(file, Math.floor(length((await stat(file)).size)))
      await assert.rejects(diskLog({ path }).open(listener), { message: /cannot be used: .*cut off/ })
      // Not even by the second attempt.
      await assert.rejects(diskLog({ path }).open(listener), { message: /cannot be used: .*cut off/ })
    })
  }

  it('where nothing lay is whole', async () => {
    const path = await written(2)
    const file = join(path, 'events.mdb')
    await truncate(file, (await stat(file)).size - 4096)
    const log = diskLog({ path })
    await log.open(listener)
    const channels = ['c0', 'c1', 'c2', 'c3'].map(parseChannel)
    const page = await log.read({ channels, after: ZERO, maxEntries: 100, maxBytes: 1e6 })
    assert.equal(page.entries.length, 8)
    await log.close()
  })
})
