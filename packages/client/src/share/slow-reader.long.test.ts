import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Stream } from '../stream.ts'
import { FakeBrowser, type FakeTab } from '../testing/fake-tabs.ts'
import { serveHub } from '../testing/hub-server.ts'
import { share } from './share.ts'

/** Longer than a host may take to answer. */
const LONG_MS = 7000

test('a tab that holds itself up hears its host answer, and does not take its place', async () => {
  const server = await serveHub()
  const browser = new FakeBrowser()
  const open = (tab: FakeTab): Stream => {
    const options = { channels: ['a'], fetch: tab.fetch }
    return new Stream((listener) => share(server.url, options, listener, tab), options)
  }
  const first = browser.tab()
  const streams = [open(first)]
  await streams[0]!.caughtUp
  const slow = open(browser.tab())
  streams.push(slow)
  await slow.caughtUp
  const events = slow.events(undefined, { overflow: 'wait', limit: 1 })
  for (let i = 0; i < 5; i++) await server.hub.publish({ channel: 'a', data: i })
  first.hidden = false // which calls the other one
  await pause(LONG_MS)
  assert.equal(browser.host, first)
  for (let i = 0; i < 5; i++) assert.equal((await events.next()).value?.data, i)
  for (const stream of streams) stream.close()
  await server.close()
})
