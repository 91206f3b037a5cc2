import assert from 'node:assert/strict'
import { after, afterEach, beforeEach, test } from 'node:test'
import { createHub, type EmbeddedHub } from '@fanline/hub'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { type Demo, type Load, startDemo } from './demo.ts'

interface Progress {
  readonly task: string
  readonly done: number
  readonly total: number
  readonly step: string
}

let hub: EmbeddedHub
let demo: Demo

beforeEach(() => {
  hub = createHub()
  demo = startDemo(hub, { stepMs: 1, loadMs: 5 })
})

afterEach(async () => {
  demo.close()
  await hub.close({ drainMs: 0 })
})

// The demo's timers keep no process alive, so a test that waits for them must.
const alive = setInterval(() => undefined, 1_000)
after(() => clearInterval(alive))

test('a task publishes its progress from nothing to all, and the overview shows it', async () => {
  const events = await follow<Progress>('demo.tasks', 'progress')
  const { channel } = demo.startTask()
  const seen = await takeUntil(events, ({ done, total }) => done === total)
  assert.ok(
    seen.every(({ task, total, step }) => task === channel && total === seen[0]?.total && step !== ''),
  )
  assert.equal(seen[0]?.done, 0)
  assert.ok(seen.every(({ done }, index) => index === 0 || done > seen[index - 1]!.done))
})

test('the task has a channel of its own, whose history tells all of it', async () => {
  const events = await follow<Progress>('demo.tasks', 'progress')
  const { channel } = demo.startTask()
  const seen = await takeUntil(events, ({ done, total }) => done === total)
  const history = await hub.history(channel, { limit: 1_000 })
  assert.deepEqual(
    history.events.map(({ data }) => data),
    seen,
  )
})

test('no more than 20 tasks run at once', () => {
  const channels = Array.from({ length: 25 }, () => demo.startTask().channel)
  assert.equal(new Set(channels).size, 20)
  assert.deepEqual(new Set(channels.slice(20)), new Set([channels[19]]))
})

test('load is published while somebody follows it, and leaves no history', async () => {
  assert.equal(hub.stats().published, 0)
  const events = await follow<Load>('demo.load', 'load')
  const [first, second] = await takeUntil(events, (_, count) => count === 2)
  assert.ok(first && second)
  assert.equal(first.connections, 1)
  assert.ok(first.memoryMb > 1 && first.cpuPercent >= 0 && first.lagMs >= 0)
  assert.ok(second.at > first.at)
  assert.deepEqual((await hub.history('demo.load')).events, [])
})

test('nobody listens: nothing is published', async () => {
  const events = await follow<Load>('demo.load', 'load')
  await takeUntil(events, (_, count) => count === 1)
  await new Promise<void>((resolve) => {
    const poll = setInterval(() => {
      if (hub.stats().connections > 0) return
      clearInterval(poll)
      resolve()
    }, 1)
  })
  const { published } = hub.stats()
  const other = await follow<Progress>('demo.tasks', 'progress')
  demo.startTask()
  const seen = await takeUntil(other, ({ done, total }) => done === total)
  assert.equal(hub.stats().published, published + seen.length, 'only the task was published meanwhile')
})

/** The data of one type of event of a channel, from now on. Leaving the loop closes the stream. */
async function follow<Data>(channel: string, type: string): Promise<AsyncGenerator<Data>> {
  const response = await hub.fetch(new Request('http://localhost/'), { channels: [channel] })
  const blocks = response
    .body!.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
  return (async function* () {
    for await (const { event, data } of blocks) if (event === type) yield JSON.parse(data) as Data
  })()
}

async function takeUntil<Data>(
  events: AsyncGenerator<Data>,
  isLast: (data: Data, count: number) => boolean,
): Promise<Data[]> {
  const taken: Data[] = []
  for await (const data of events) {
    taken.push(data)
    if (isLast(data, taken.length)) break
  }
  return taken
}
