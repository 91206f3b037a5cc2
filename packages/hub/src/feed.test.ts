import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type ChannelName, createEvent, type Position } from '@fanline/protocol'
import { Feed } from './feed.ts'
import type { Entry } from './log.ts'

function entry(position: number, except: readonly string[]): Entry {
  return {
    channel: 'a' as ChannelName,
    position: position as Position,
    at: 0,
    event: createEvent(undefined, 'x'),
    except,
  }
}

it('a feed forgets by all that its entries hold, also the ids that must not get them', () => {
  const feed = new Feed(1000, 10_000)
  for (let position = 1; position <= 100; position++) feed.push([entry(position, ['u'.repeat(1000)])])
  assert.ok(feed.after(0 as Position).length <= 10)
  assert.equal(feed.end, 100)
})
