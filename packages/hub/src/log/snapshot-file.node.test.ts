import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type ChannelName, createEvent, type Position, parseChannel } from '@fanline/protocol'
import { createHub } from '../create-hub.ts'
import type { Draft, Log, LogPage, LogQuery } from '../log.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { logConformance } from '../testing/log-conformance.ts'
import { compareWithModel } from '../testing/log-model.ts'
import { scratchDirectory } from '../testing/scratch-directory.ts'
import { type MemoryLogOptions, memoryLog } from './memory.ts'
import { snapshotFile } from './snapshot-file.ts'

logConformance({
  name: 'the memory log with a snapshot',
  runner: { describe, it },
  create: (settings) => {
    const clock = new FakeClock()
    const path = newFile()
    const create = () => memoryLog({ ...settings, clock, snapshot: snapshotFile(path) })
    return { log: create(), now: () => clock.now(), advance: (ms) => clock.advance(ms), restart: create }
  },
})

compareWithModel({
  name: 'the memory log with a snapshot',
  runs: 100,
  survives: true,
  create: (settings, clock) => {
    const path = newFile()
    return () => memoryLog({ ...settings, clock, snapshot: snapshotFile(path) })
  },
})

const A = parseChannel('a')
const B = parseChannel('b')

function newFile(): string {
  return join(scratchDirectory(), 'history.snapshot')
}

async function openLog(path: string, options: MemoryLogOptions = {}): Promise<Log> {
  const log = memoryLog({ ...options, snapshot: snapshotFile(path) })
  await log.open({ entries: () => undefined, gap: () => assert.fail('a gap') })
  return log
}

async function publish(log: Log, draft: Partial<Draft> & { readonly data: string }): Promise<Position> {
  const { data, ...rest } = draft
  const event = createEvent(undefined, data)
  const [receipt] = await log.append([
    { channels: [A], event, except: [], key: undefined, ephemeral: false, ...rest },
  ])
  return receipt!.position!
}

function read(log: Log, after: number, channels: readonly ChannelName[] = [A]): Promise<LogPage> {
  return log.read({ channels, after, maxEntries: 1000, maxBytes: 1e9 } as LogQuery)
}

/** Leaves a snapshot with two events in it. Answers the position before them. */
async function leaveSnapshot(path: string, options: MemoryLogOptions = {}): Promise<Position> {
  const log = await openLog(path, options)
  const { through: start } = await log.read({ channels: [A], after: null, maxEntries: 1, maxBytes: 1 })
  await publish(log, { data: 'one' })
  await publish(log, { data: 'two' })
  await log.close()
  return start
}

describe('a snapshot', () => {
  it('holds events as they are, once for all their channels', async () => {
    const path = newFile()
    const before = await openLog(path)
    const data = 'line\u2028separators\u2029, "quotes", é, 🥌\nand lines'
    const event = { ...createEvent('greeting', { data }), attributes: { level: 'info' } }
    await before.append([
      { channels: [A, B], event, except: ['u'], key: undefined, ephemeral: false },
      {
        channels: [B],
        event: createEvent(undefined, data),
        except: [],
        key: undefined,
        ephemeral: false,
      },
    ])
    const pages = [await read(before, 0, [A]), await read(before, 0, [B]), await read(before, 0, [A, B])]
    await before.close()
    assert.equal(readFileSync(path, 'utf8').split('greeting').length - 1, 1)
    const after = await openLog(path)
    for (const [i, channels] of [[A], [B], [A, B]].entries()) {
      assert.deepEqual((await read(after, 0, channels)).entries, pages[i]!.entries)
    }
    await after.close()
  })

  it('is only for its owner, and leaves nothing else behind', async () => {
    const path = newFile()
    await leaveSnapshot(path)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(join(path, '..')), ['history.snapshot'])
  })

  it('is used once: after a crash nobody takes it for what was acknowledged since', async () => {
    const path = newFile()
    const clock = new FakeClock()
    const start = await leaveSnapshot(path, { clock })
    clock.advance(1)
    const crashes = await openLog(path, { clock })
    const lost = await publish(crashes, { data: 'lost' })
    clock.advance(1)
    const next = await openLog(path, { clock })
    for (const cursor of [start, lost]) {
      const { entries, gaps } = await read(next, cursor)
      assert.deepEqual([entries.length, gaps.map(({ reason }) => reason)], [0, ['restarted']])
    }
    await next.close()
  })

  it('that was put back by hand is told to those who saw what came after it', async () => {
    const path = newFile()
    const clock = new FakeClock()
    const before = await openLog(path, { clock })
    const kept = await publish(before, { data: 'kept' })
    await before.close()
    const copy = readFileSync(path)
    clock.advance(1000)
    const since = await openLog(path, { clock })
    const lost = await publish(since, { data: 'lost' })
    await since.close()
    writeFileSync(path, copy)
    clock.advance(1000)
    const next = await openLog(path, { clock })
    const newest = await publish(next, { data: 'newest' })
    const reasons = async (cursor: Position) => (await read(next, cursor)).gaps.map(({ reason }) => reason)
    assert.deepEqual(await reasons(lost), ['rollback'])
    assert.deepEqual(await reasons(kept), [])
    assert.deepEqual(await reasons(newest), [])
    await next.close()
  })

  it('is written by the process that took it over last', async () => {
    const path = newFile()
    const older = await openLog(path)
    const newer = await openLog(path)
    await publish(older, { data: 'of the older' })
    await assert.rejects(older.close(), /another process's now/)
    await publish(newer, { data: 'of the newer' })
    await newer.close()
    const next = await openLog(path)
    const { entries } = await read(next, 0)
    assert.deepEqual(
      entries.map(({ event }) => event.data),
      ['of the newer'],
    )
    await next.close()
  })

  it('that is damaged anywhere is refused, and stays as it is', async () => {
    const path = newFile()
    await leaveSnapshot(path)
    const good = readFileSync(path)
    const step = Math.ceil(good.length / 40)
    for (let at = 1; at < good.length; at += step) {
      const flipped = Buffer.from(good)
      flipped[at]! ^= 1
      for (const bad of [flipped, good.subarray(0, at)]) {
        writeFileSync(path, bad)
        await assert.rejects(
          openLog(path),
          new RegExp(`${path}.* (is damaged|is no snapshot|another version)`),
        )
        assert.deepEqual(readFileSync(path), bad)
      }
    }
    writeFileSync(path, good)
    await (await openLog(path)).close()
  })

  it('of another version, and a file of somebody else, are refused by name', async () => {
    const path = newFile()
    writeFileSync(path, 'fanline snapshot 2\n{}\n')
    await assert.rejects(openLog(path), /was written by another version of fanline/)
    writeFileSync(path, 'port: 4000\n')
    await assert.rejects(openLog(path), /is no snapshot of fanline/)
  })

  it('cannot be where nothing can be written, and that shows at the start', async () => {
    const path = join(scratchDirectory(), 'nowhere', 'history.snapshot')
    await assert.rejects(openLog(path), /cannot be written/)
    assert.equal(existsSync(path), false)
  })

  it('keeps within the bounds of the log that goes on from it', async () => {
    const path = newFile()
    const before = await openLog(path)
    const positions: Position[] = []
    for (let i = 0; i < 10; i++) positions.push(await publish(before, { data: String(i) }))
    await before.close()
    const after = await openLog(path, { history: { maxEvents: 3 } })
    const { entries, gaps } = await read(after, positions[0]!)
    assert.deepEqual(
      entries.map(({ position }) => position),
      positions.slice(-3),
    )
    assert.deepEqual(gaps, [{ channel: A, after: positions[0], through: positions[6], reason: 'trimmed' }])
    await after.close()
  })
})

describe('a hub with a snapshot', () => {
  const hubOn = (path: string) => createHub({ log: memoryLog({ snapshot: snapshotFile(path) }) })

  it('keeps revocations, keys and history over a restart', async () => {
    const path = newFile()
    const before = hubOn(path)
    const { id } = await before.publish({ channel: 'a', data: 'one', key: 'k' })
    const revocation = await before.revoke({ jti: 'stolen' })
    await before.close()
    const after = hubOn(path)
    await after.ready
    assert.deepEqual(after.revocations(), [revocation])
    assert.deepEqual(await after.publish({ channel: 'a', data: 'again', key: 'k' }), {
      id,
      delivered: 0,
      duplicate: true,
    })
    const next = await after.publish({ channel: 'a', data: 'two' })
    assert.ok(Number(next.id) > Number(id))
    const { events } = await after.history('a')
    assert.deepEqual(
      events.map((event) => event.data),
      ['one', 'two'],
    )
    await after.close()
  })
})
