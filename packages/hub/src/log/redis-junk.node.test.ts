import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createEvent, type Position } from '@fanline/protocol'
import { createClient } from '@redis/client'
import type { Draft, Entry, Gap, Log } from '../log.ts'
import { eventually } from '../testing/deadline.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { redisLog } from './redis.ts'

const CHANNEL = 'a' as never

/** What no hub would publish, and what one would, far from the truth. */
const JUNK = [
  '',
  'hello',
  '[',
  '[]',
  '{}\n{}',
  'null',
  '[1,2,3]\n{}',
  '["x","","1","2","a","0"]\n{"e":{"type":"message","data":"junk","json":false},"x":[]}',
  '["9007199254740993","","1","2","a","0"]\n{"e":{"type":"message","data":"junk","json":false},"x":[]}',
  '["8000000000000000","","1","BORN","a","0"]\n{"e":{"type":"message","data":"junk","json":false},"x":[]}',
  '["POSITION","","1","8000000000000000","a","0"]\n{"e":{"type":"message","data":"junk","json":false},"x":[]}',
  '["POSITION","","1","BORN","a","8000000000000000"]\n{"e":{"type":"message","data":"junk","json":false},"x":[]}',
  '["POSITION","","1","BORN","a","0"]\n{"e":{"type":"message"},"x":[]}',
  '["POSITION","","1","BORN","a","0"]\n{"e":{"type":"message","data":"junk","json":false}}',
  '["POSITION","","1","BORN","a","0"]\nnull',
  '["POSITION","","1","BORN","a","0"]',
  '["POSITION","","1","BORN","@connection:x","0"]\n{"e":{"type":"message","data":"junk","json":false},"x":[]}',
  '["","x","1","BORN","a",""]\n{"e":{"type":"message","data":"junk","json":false},"x":[]}',
  '["","7","1","BORN","a",""]\n{}',
  '1 8000000000000000',
  '8000000000000000 1',
  '8000000000000000 BORN 1 run',
  'NaN NaN',
]

async function openLog(test: TestContext) {
  const server = await RedisServer.start()
  test.after(() => server.stop())
  const log: Log = redisLog({ client: createClient({ url: server.url }) as never })
  const heard: Entry[] = []
  const gaps: Gap[] = []
  await log.open({ entries: (batch) => heard.push(...batch), gap: (gap) => gaps.push(gap) })
  test.after(() => log.close())
  await log.watch(CHANNEL)
  const admin = createClient({ url: server.url })
  admin.on('error', () => undefined) // the server ends first
  await admin.connect()
  test.after(() => admin.destroy())
  const append = async (data: string): Promise<Position> => {
    const [receipt] = await log.append([draft(data)])
    return receipt!.position!
  }
  return { log, heard, gaps, admin, append }
}

function draft(data: string): Draft {
  const event = createEvent(undefined, data)
  return { channels: [CHANNEL], event, except: [], key: undefined, ephemeral: false }
}

test('junk on live channels is no event, ends no node, and keeps nothing back', async (t) => {
  const { heard, gaps, admin, append } = await openLog(t)
  const expected: Position[] = [await append('before')]
  const born = await admin.hGet('{fanline}:meta', 'born')
  for (const junk of JUNK) {
    const channels = await admin.pubSubChannels('{fanline}:*')
    assert.ok(channels.length >= 3)
    const position = String(expected.at(-1)! + 1)
    const text = junk.replace('BORN', born!).replace('POSITION', position)
    for (const channel of channels) await admin.publish(channel, text)
    expected.push(await append(`after ${junk}`))
  }
  await eventually(() => heard.at(-1)?.position === expected.at(-1), 'the last one is heard')
  assert.deepEqual(
    heard.map(({ position }) => position),
    expected,
  )
  assert.deepEqual(gaps, [])
})

test('junk in a stream is no event, and keeps nothing back', async (t) => {
  const { log, admin, append } = await openLog(t)
  const before = await append('before')
  for (const [n, fields] of [{ a: '1', d: 'junk' }, { other: 'junk' }, { a: 'x', d: '{"e":{}}' }].entries()) {
    await admin.xAdd('{fanline}:s:a', `${before + n + 1}-0`, fields)
  }
  // A young log is ahead of time; an older one would go on behind the junk by itself.
  await admin.hSet('{fanline}:meta', 'last', String(before + 10))
  const after = await append('after')
  const page = await log.read({
    channels: [CHANNEL],
    after: (before - 1) as Position,
    maxEntries: 100,
    maxBytes: 1e6,
  })
  assert.deepEqual(
    page.entries.map(({ position }) => position),
    [before, after],
  )
  assert.equal(page.reachedHead, true)
})
