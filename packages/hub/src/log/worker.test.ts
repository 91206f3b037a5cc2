import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ALL_CHANNEL, createEvent, ProblemError, parseChannel } from '@fanline/protocol'
import type { Draft, Entry, Log } from '../log.ts'
import type { PeerSelf } from '../peers.ts'
import { eventually } from '../testing/deadline.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { logConformance } from '../testing/log-conformance.ts'
import { type WirePair, wirePair } from '../testing/wire-pair.ts'
import { memoryLog } from './memory.ts'
import { LogOwner, workerLog } from './worker.ts'

/** A worker, and what it heard. */
interface Worker {
  readonly log: Log
  readonly wires: WirePair
  readonly heard: Entry[]
  leave(): void
}

const SILENT: PeerSelf = {
  names: () => [],
  count: () => 0,
  answer: async () => undefined,
  takenElsewhere: () => undefined,
}

const NOBODY_IS_STUCK = { onStuck: () => assert.fail('a worker is stuck') }

function join(owner: LogOwner, nodeName: string, fate = NOBODY_IS_STUCK as { onStuck: () => void }): Worker {
  const wires = wirePair()
  const [own, others] = wires.ends
  const leave = owner.join(others, fate)
  return { log: workerLog({ wire: own, nodeName }), wires, heard: [], leave }
}

async function open(worker: Worker): Promise<Worker> {
  await worker.log.open({
    entries: (batch) => worker.heard.push(...batch),
    gap: () => assert.fail('a gap'),
  })
  return worker
}

function draft(data: string, ...channels: string[]): Draft {
  return {
    channels: channels.map(parseChannel),
    event: createEvent(undefined, data),
    except: [],
    key: undefined,
    ephemeral: false,
  }
}

logConformance({
  name: 'a log of another process',
  runner: { describe, it },
  create: (settings) => {
    const clock = new FakeClock()
    const create = (): Log => join(new LogOwner(memoryLog({ ...settings, clock })), 'a').log
    return { log: create(), now: () => clock.now(), advance: (ms) => clock.advance(ms), restart: create }
  },
})

describe('a log of another process', () => {
  it('tells each worker what it watches, as long as it does', async () => {
    const owner = new LogOwner(memoryLog())
    const [a, b] = await Promise.all(['a', 'b'].map((name) => open(join(owner, name))))
    const [news, sports] = ['news', 'sports'].map(parseChannel)
    await Promise.all([a!.log.watch(news!), a!.log.watch(sports!), b!.log.watch(news!)])
    await b!.log.append([draft('1', 'news', 'sports')])
    await eventually(() => a!.heard.length === 2 && b!.heard.length === 1, 'both have heard')
    assert.equal(a!.heard[0]!.event, a!.heard[1]!.event, 'one event is one object')
    b!.log.unwatch(news!)
    await b!.log.append([draft('2', 'news')])
    await eventually(() => a!.heard.length === 3, 'who still watches hears it')
    await b!.log.watch(news!)
    await a!.log.append([draft('3', 'news')])
    await eventually(() => b!.heard.length === 2, 'who watches again hears it')
    assert.deepEqual(
      b!.heard.map(({ event }) => event.data),
      ['1', '3'],
    )
  })

  it('forgets a worker that has died, and another takes its place', async () => {
    const owner = new LogOwner(memoryLog())
    const a = await open(join(owner, 'a'))
    const b = await open(join(owner, 'b'))
    await b.log.peers?.open({ ...SILENT, names: () => ['x'], count: () => 1 })
    await eventually(async () => (await a.log.peers?.count(['x']))?.length === 1, 'a knows of b')
    assert.deepEqual(
      a.log.peers?.nodes().map(({ name }) => name),
      ['a', 'b'],
    )
    await b.log.watch(ALL_CHANNEL)
    b.wires.cut()
    b.leave()
    await eventually(() => a.log.peers?.nodes().length === 1, 'a is alone')
    assert.deepEqual(await a.log.peers?.count(['x']), [])
    assert.deepEqual(await a.log.peers?.ask('anybody there?'), { answers: [], silent: [] })
    const c = await open(join(owner, 'c'))
    const [receipt] = await c.log.append([draft('1', 'news')])
    const page = await c.log.read({
      channels: [parseChannel('news')],
      after: null,
      maxEntries: 1,
      maxBytes: 1,
    })
    assert.equal(page.through, receipt?.position)
  })

  it('does not wait for the answer of a worker that dies', async () => {
    const owner = new LogOwner(memoryLog())
    const a = await open(join(owner, 'a'))
    const b = await open(join(owner, 'b'))
    await b.log.peers?.open({ ...SILENT, answer: () => new Promise(() => undefined) })
    await eventually(() => a.log.peers?.nodes().length === 2, 'a knows of b')
    const asked = performance.now()
    const answers = a.log.peers!.ask('anything')
    b.leave()
    assert.deepEqual(
      (await answers).silent.map(({ name }) => name),
      ['b'],
    )
    assert.ok(performance.now() - asked < 1500, 'before the time of an answer is over')
  })

  it('does not wait for the answer of a worker that has said nothing for a while', async () => {
    const clock = new FakeClock()
    const owner = new LogOwner(memoryLog(), { clock })
    const a = await open(join(owner, 'a'))
    const b = await open(join(owner, 'b'))
    await eventually(() => a.log.peers?.nodes().length === 2, 'a knows of b')
    b.wires.cut()
    clock.advance(4000)
    await eventually(() => a.log.peers!.nodes()[1]!.heardMsAgo > 3000, 'a knows that b is quiet')
    // Time stands still for whoever has the log: nothing more is told.
    const asked = performance.now()
    const { silent } = await a.log.peers!.ask('anybody there?')
    assert.deepEqual(
      silent.map(({ name }) => name),
      ['b'],
    )
    assert.ok(performance.now() - asked < 1500, 'before the time of an answer is over')
  })

  it('gives up a worker that no longer hears, before what waits for it takes too much room', async () => {
    const owner = new LogOwner(memoryLog())
    const a = await open(join(owner, 'a'))
    let stuck = 0
    const b = await open(join(owner, 'b', { onStuck: () => stuck++ }))
    const news = parseChannel('news')
    await b.log.watch(news)
    b.wires.cut()
    const megabyte = 'x'.repeat(1024 * 1024)
    for (let sent = 1; sent <= 64; sent++) await a.log.append([draft(megabyte, 'news')])
    assert.equal(stuck, 0)
    for (let sent = 1; sent <= 3; sent++) await a.log.append([draft(megabyte, 'news')])
    assert.equal(stuck, 1)
  })

  it('tells all workers together what publishers took of their rates in a turn', async () => {
    const owner = new LogOwner(memoryLog())
    const [a, b] = await Promise.all(['a', 'b'].map((name) => open(join(owner, name))))
    const heard: unknown[] = []
    await a!.log.peers?.open({ ...SILENT, takenElsewhere: () => assert.fail('it knows what it told') })
    await b!.log.peers?.open({ ...SILENT, takenElsewhere: (taken) => heard.push(taken) })
    await eventually(() => a!.log.peers?.nodes().length === 2, 'a knows of b')
    for (const publisher of ['u', 'v', 'u']) a!.log.peers?.tellTaken?.({ publisher, limit: 9, events: 1 })
    await eventually(() => heard.length === 2, 'b has heard')
    assert.deepEqual(heard, [
      { publisher: 'u', limit: 9, events: 2 },
      { publisher: 'v', limit: 9, events: 1 },
    ])
  })

  it('passes on why something cannot be done', async () => {
    const log = memoryLog()
    log.append = () => Promise.reject(new RangeError('a secret path'))
    const reported: Error[] = []
    const owner = new LogOwner(log, { onProblem: (problem) => reported.push(problem) })
    const a = await open(join(owner, 'a'))
    await assert.rejects(a.log.append([draft('1', 'news')]), { code: 'internal', detail: undefined })
    assert.deepEqual(
      reported.map(({ cause }) => cause),
      [new RangeError('a secret path')],
      'its cause is known where the log is',
    )
    log.append = () => Promise.reject(new ProblemError('log-full'))
    await assert.rejects(a.log.append([draft('1', 'news')]), { code: 'log-full' })
    assert.equal(reported.length, 1, 'what says all by itself is not reported')
  })

  it('answers nobody who still waits when it is closed', async () => {
    const a = await open(join(new LogOwner(memoryLog()), 'a'))
    a.wires.cut()
    const appending = a.log.append([draft('1', 'news')])
    await a.log.close()
    await assert.rejects(appending, { code: 'log-unavailable' })
  })
})
