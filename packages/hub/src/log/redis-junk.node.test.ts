import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Position } from '@fanline/protocol'
import { createClient } from '@redis/client'
import { eventually } from '../testing/deadline.ts'
import { CHANNEL, LogNode } from '../testing/log-node.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { redisLog } from './redis.ts'

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

async function oneNode(test: TestContext) {
  const server = await RedisServer.start()
  test.after(() => server.stop())
  const log = redisLog({ client: createClient({ url: server.url }) as never })
  return { node: await new LogNode(log).open(test), admin: await server.commands(test) }
}

test('junk on live channels is no event, ends no node, and keeps nothing back', async (t) => {
  const { node, admin } = await oneNode(t)
  const expected: Position[] = [await node.publish('before')]
  const born = await admin.hGet('{fanline}:meta', 'born')
  for (const junk of JUNK) {
    const channels = await admin.pubSubChannels('{fanline}:*')
    assert.ok(channels.length >= 3)
    const position = String(expected.at(-1)! + 1)
    const text = junk.replace('BORN', born!).replace('POSITION', position)
    for (const channel of channels) await admin.publish(channel, text)
    expected.push(await node.publish(`after ${junk}`))
  }
  await eventually(() => node.positions.at(-1) === expected.at(-1), 'the last one is heard')
  assert.deepEqual(node.positions, expected)
  assert.deepEqual(node.gaps, [])
})

test('junk in a stream is no event, and keeps nothing back', async (t) => {
  const { node, admin } = await oneNode(t)
  const before = await node.publish('before')
  for (const [n, fields] of [{ a: '1', d: 'junk' }, { other: 'junk' }, { a: 'x', d: '{"e":{}}' }].entries()) {
    await admin.xAdd('{fanline}:s:a', `${before + n + 1}-0`, fields)
  }
  // A young log is ahead of time; an older one would go on behind the junk by itself.
  await admin.hSet('{fanline}:meta', 'last', String(before + 10))
  const after = await node.publish('after')
  const page = await node.log.read({
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
