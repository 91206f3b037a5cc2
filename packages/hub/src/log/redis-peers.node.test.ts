import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { createClient } from '@redis/client'
import type { Log } from '../log.ts'
import type { PeerSelf, Peers } from '../peers.ts'
import { inTime } from '../testing/deadline.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { redisLog } from './redis.ts'

const server = await RedisServer.start()
after(() => server.stop())
let logs = 0

/** A hub as its peers see it: counts that a test sets, and an answer to everything. */
class Self implements PeerSelf {
  readonly counts = new Map<string, number>()
  readonly asked: unknown[] = []
  log!: Log
  peers!: Peers

  static async open(t: TestContext, prefix: string, name: string): Promise<Self> {
    const self = new Self()
    self.log = redisLog({ client: createClient({ url: server.url }) as never, prefix, nodeName: name })
    self.peers = self.log.peers!
    await self.log.open({ entries: () => undefined, gap: () => undefined })
    t.after(() => self.log.close())
    await self.peers.open(self)
    return self
  }

  set(name: string, count: number): void {
    if (count > 0) this.counts.set(name, count)
    else this.counts.delete(name)
    this.peers.changed(name)
  }

  names(): Iterable<string> {
    return this.counts.keys()
  }

  count(name: string): number {
    return this.counts.get(name) ?? 0
  }

  async answer(question: unknown): Promise<unknown> {
    this.asked.push(question)
    return question === 'silence' ? undefined : { to: question }
  }

  /** What the others have, by their names. */
  async others(...names: string[]): Promise<Record<string, number[]>> {
    const found = await this.peers.count(names)
    const counts = found.map(({ node, counts }) => [node.name, names.map((name) => counts.get(name) ?? 0)])
    return Object.fromEntries(counts)
  }

  /** Waits until the others have this. */
  async sees(expected: Record<string, number[]>, ...names: string[]): Promise<void> {
    let seen: Record<string, number[]> = {}
    let isOver = false
    const reached = async (): Promise<void> => {
      const wanted = JSON.stringify(sorted(expected))
      for (; !isOver && JSON.stringify(sorted(seen)) !== wanted; await setTimeout(5)) {
        // While it connects anew it cannot tell.
        seen = await this.others(...names).catch(() => ({}))
      }
    }
    const what = (): string => `${JSON.stringify(expected)} instead of ${JSON.stringify(seen)}`
    await inTime(reached(), what).finally(() => {
      isOver = true
    })
  }

  takenElsewhere(): void {
    // Hubs on Redis count for themselves.
  }
}

function sorted(counts: Record<string, number[]>): [string, number[]][] {
  return Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))
}

async function some(t: TestContext, ...names: string[]): Promise<Self[]> {
  const prefix = `peers-${++logs}`
  const found: Self[] = []
  for (const name of names) found.push(await Self.open(t, prefix, name))
  return found
}

async function writer(t: TestContext) {
  const client = createClient({ url: server.url })
  await client.connect()
  t.after(() => client.destroy())
  return client
}

test('each hears what the others have, and what has changed', async (t) => {
  const [a, b, c] = (await some(t, 'a', 'b', 'c')) as [Self, Self, Self]
  b.set('orders', 2)
  b.set('@user:7', 1)
  c.set('orders', 3)
  await a.sees({ b: [2, 1], c: [3, 0] }, 'orders', '@user:7')
  await b.sees({ a: [0], c: [3] }, 'orders')
  b.set('orders', 0)
  c.set('orders', 4)
  await a.sees({ b: [0, 1], c: [4, 0] }, 'orders', '@user:7')
  const client = await writer(t)
  const kept = await client.hKeys(`{peers-${logs}}:f:${b.peers.own.id}`)
  assert.deepEqual(kept.sort(), ['', '@user:7'], 'nothing is kept of what is over')
})

test('what changes together is said together', async (t) => {
  const [a, b] = (await some(t, 'a', 'b')) as [Self, Self]
  const client = await writer(t)
  const scriptsRun = async (): Promise<number> =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1])
  const before = await scriptsRun()
  for (let n = 0; n < 3000; n++) b.set(`name-${n}`, 1)
  while ((await client.hLen(`{peers-${logs}}:f:${b.peers.own.id}`)) < 3001) await setTimeout(5)
  const counts = await Promise.all(
    Array.from({ length: 1000 }, (_, n) => a.others(`name-${n}`, `name-${n + 1}`)),
  )
  assert.ok(counts.every(({ b }) => String(b) === '1,1'))
  // 6 with the names, 3 or so with the questions; and both say every second that they are there.
  const run = (await scriptsRun()) - before
  assert.ok(run < 100, `${run} calls for 3,000 names and 1,000 questions`)
})

test('more names than one call takes are all told and all counted', async (t) => {
  const [a, b] = (await some(t, 'a', 'b')) as [Self, Self]
  const names = Array.from({ length: 2500 }, (_, n) => `name-${n}`)
  for (const [n, name] of names.entries()) b.set(name, n + 1)
  await a.sees({ b: names.map((_, n) => n + 1) }, ...names)
})

test('what was said is said again when Redis has lost it', async (t) => {
  const [a, b] = (await some(t, 'a', 'b')) as [Self, Self]
  b.set('orders', 2)
  b.set('@user:7', 1)
  await a.sees({ b: [2, 1] }, 'orders', '@user:7')
  const client = await writer(t)
  await client.sendCommand(['FLUSHALL'])
  await a.sees({ b: [2, 1] }, 'orders', '@user:7')
  await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
  b.set('orders', 5)
  await a.sees({ b: [5, 1] }, 'orders', '@user:7')
})

test('whoever closes is gone at once', async (t) => {
  const [a, b, c] = (await some(t, 'a', 'b', 'c')) as [Self, Self, Self]
  b.set('orders', 2)
  c.set('orders', 3)
  await a.sees({ b: [2], c: [3] }, 'orders')
  await b.log.close()
  assert.deepEqual(await a.others('orders'), { c: [3] })
  const { answers, silent } = await a.peers.ask('who is there?')
  assert.deepEqual([answers.map(({ node }) => node.name), silent], [['c'], []])
})

test('a question is answered by all others, and not by who asks', async (t) => {
  const [a, b, c] = (await some(t, 'a', 'b', 'c')) as [Self, Self, Self]
  const { answers, silent } = await b.peers.ask({ n: 1 })
  assert.deepEqual(answers.map(({ node, answer }) => [node.name, answer]).sort(), [
    ['a', { to: { n: 1 } }],
    ['c', { to: { n: 1 } }],
  ])
  assert.deepEqual([silent, b.asked], [[], [null]])
  assert.deepEqual([a.asked.at(-1), c.asked.at(-1)], [{ n: 1 }, { n: 1 }])
  assert.deepEqual(
    b.peers
      .nodes()
      .map(({ name }) => name)
      .sort(),
    ['a', 'b', 'c'],
  )
})

test('who does not answer is named as silent', async (t) => {
  const [a] = (await some(t, 'a', 'b', 'c')) as [Self]
  const { answers, silent } = await a.peers.ask('silence')
  assert.deepEqual([answers, silent.map(({ name }) => name).sort()], [[], ['b', 'c']])
})

test('one hub alone is asked where the asker says so', async (t) => {
  const [a, b, c] = (await some(t, 'a', 'b', 'c')) as [Self, Self, Self]
  const { answers, silent } = await a.peers.ask(7, { only: c.peers.own.id })
  assert.deepEqual([answers.map(({ node }) => node.name), silent], [['c'], []])
  assert.equal(b.asked.includes(7), false)
})

test('one answer is enough where the asker says so', async (t) => {
  const [a, b] = (await some(t, 'a', 'b', 'c')) as [Self, Self]
  b.answer = () => new Promise(() => undefined)
  const waiting = a.peers.ask('anything')
  const asking = a.peers.ask('anything', { isEnough: (answer) => answer !== null })
  assert.equal(await Promise.race([waiting, asking]), await asking, 'it did not wait for the other')
  const { answers, silent } = await asking
  assert.deepEqual([answers.map(({ node }) => node.name), silent.map(({ name }) => name)], [['c'], ['b']])
})

test('junk on the channels between hubs harms nobody, and is no answer', async (t) => {
  const [a, b] = (await some(t, 'a', 'b')) as [Self, Self]
  const client = await writer(t)
  const prefix = `{peers-${logs}}`
  const from = '00000000-0000-4000-8000-000000000000'
  const junk = ['', '{', 'null', '7', '[]', '{"from":1}', '{"from":"x y","number":"1","question":1}']
  junk.push(JSON.stringify({ from, number: '1', answer: 'forged' }), JSON.stringify({ from, number: {} }))
  let questions = 0
  b.answer = async () => {
    questions++
    for (const text of junk) await client.sendCommand(['PUBLISH', `${prefix}:a:${a.peers.own.id}`, text])
    return 'true'
  }
  for (const text of junk) await client.sendCommand(['PUBLISH', `${prefix}:q`, text])
  const { answers } = await a.peers.ask('?', { isEnough: () => true })
  assert.deepEqual(
    answers.map(({ node, answer }) => [node.name, answer]),
    [['b', 'true']],
  )
  // One more is a question as a hub would put it, of a hub that is not there.
  assert.equal(questions, 2)
  await client.sendCommand(['HSET', `${prefix}:f:${b.peers.own.id}`, '', 'junk', 'orders', 'many'])
  // A name that cannot be read leaves the id, and a figure that is none counts as none.
  assert.deepEqual(await a.others('orders'), { [b.peers.own.id]: [0] })
})
