import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryLog } from '../log/memory.ts'
import type { Entry, Log, LogListener } from '../log.ts'
import { FakeClock } from './fake-clock.ts'
import { type LogConformance, logConformance } from './log-conformance.ts'

/** Which promises a log breaks: the suite is run by a runner that only takes down what fails. */
async function brokenPromises(sabotage: (log: Log) => Partial<Log>): Promise<string[]> {
  const bodies: [string, () => Promise<void>][] = []
  const runner = {
    describe: (_name: string, body: () => void) => body(),
    it: Object.assign((name: string, body: () => Promise<void>) => void bodies.push([name, body]), {
      skip: () => undefined,
    }),
  }
  logConformance({ ...driver(sabotage), runner })
  const broken: string[] = []
  for (const [name, body] of bodies) {
    const late = new Promise<never>((_, reject) => setTimeout(reject, 300, new Error('It waits for ever.')))
    // Nobody waits for this one when the body was quicker.
    late.catch(() => undefined)
    await Promise.race([body(), late]).catch(() => broken.push(name))
  }
  return broken
}

function driver(sabotage: (log: Log) => Partial<Log>): Omit<LogConformance, 'runner'> {
  return {
    name: 'a log',
    create: (settings) => {
      const clock = new FakeClock()
      const create = (): Log => {
        const log = memoryLog({ ...settings, clock })
        const honest: Log = {
          open: (listener) => log.open(listener),
          append: (drafts) => log.append(drafts),
          read: (query) => log.read(query),
          watch: (channel) => log.watch(channel),
          unwatch: (channel) => log.unwatch(channel),
          removeRevocations: (positions) => log.removeRevocations(positions),
          stats: () => log.stats!(),
          close: () => log.close(),
        }
        return { ...honest, ...sabotage(log) }
      }
      return { log: create(), now: () => clock.now(), advance: (ms) => clock.advance(ms), restart: create }
    },
  }
}

/** A log that does something to what it announces. */
function announcing(
  change: (batch: readonly Entry[], listener: LogListener) => void,
): (log: Log) => Partial<Log> {
  return (log) => ({
    open: (listener) =>
      log.open({ entries: (batch) => change(batch, listener), gap: (gap) => listener.gap(gap) }),
  })
}

describe('the conformance suite', () => {
  it('finds nothing wrong with an honest log', async () => {
    assert.deepEqual(await brokenPromises(() => ({})), [])
  })

  const sabotages: Record<
    string,
    { readonly sabotage: (log: Log) => Partial<Log>; readonly broken: string }
  > = {
    'announces twice': {
      sabotage: announcing((batch, listener) => listener.entries([...batch, ...batch])),
      broken: 'entries of watched channels are announced once, in position order',
    },
    'announces backwards': {
      sabotage: announcing((batch, listener) => listener.entries(batch.toReversed())),
      broken: 'entries of watched channels are announced once, in position order',
    },
    'announces nothing': {
      sabotage: announcing(() => undefined),
      broken: 'announcements start with watch, and may start again after unwatch',
    },
    'forgets keys': {
      sabotage: (log) => ({
        append: (drafts) => log.append(drafts.map((draft) => ({ ...draft, key: undefined }))),
      }),
      broken: 'the same key gives the first receipt again, and stores nothing',
    },
    'stores what has no history': {
      sabotage: (log) => ({
        append: (drafts) => log.append(drafts.map((draft) => ({ ...draft, ephemeral: false }))),
      }),
      broken: 'an event without history is announced, and neither stored nor counted',
    },
    'says nothing of losses': {
      sabotage: (log) => ({ read: async (query) => ({ ...(await log.read(query)), gaps: [] }) }),
      broken: 'what was trimmed by count is named by a gap',
    },
    'sees losses everywhere': {
      sabotage: (log) => ({
        read: async (query) => {
          const page = await log.read(query)
          const after = query.after ?? page.through
          const gaps = query.channels.map((channel) => ({
            channel,
            after,
            through: page.through,
            reason: 'trimmed' as const,
          }))
          return { ...page, gaps }
        },
      }),
      broken: 'a channel that nobody wrote to has lost nothing',
    },
    'drops the end of a page': {
      sabotage: (log) => ({
        read: async (query) => {
          const page = await log.read(query)
          return { ...page, entries: page.entries.slice(0, 3) }
        },
      }),
      broken: 'pages are merged, distinct, bounded, and complete up to their end',
    },
    'takes appends in any order': {
      sabotage: (log) => ({
        append: async (drafts) => {
          if (drafts[0]!.event.data.charCodeAt(0) % 2 === 0)
            await new Promise((resolve) => setImmediate(resolve))
          return log.append(drafts)
        },
      }),
      broken: 'appends keep the order of their calls, each in one step',
    },
  }
  for (const [name, { sabotage, broken }] of Object.entries(sabotages)) {
    it(`finds out a log that ${name}`, async () => {
      assert.ok((await brokenPromises(sabotage)).includes(broken))
    })
  }

  it('takes a skip with a reason, and nothing else', () => {
    const named: string[] = []
    const skipped: string[] = []
    const runner = {
      describe: (_name: string, body: () => void) => body(),
      it: Object.assign((name: string) => void named.push(name), {
        skip: (name: string) => void skipped.push(name),
      }),
    }
    const suite = (skips: Record<string, string>): void =>
      logConformance({ ...driver(() => ({})), runner, skips })
    const promise = 'a key is forgotten after its window'
    suite({ [promise]: 'time cannot be moved on' })
    assert.deepEqual(skipped, [`${promise} (skipped: time cannot be moved on)`])
    assert.ok(!named.includes(promise))
    assert.throws(() => suite({ [promise]: '' }), /without a reason/)
    assert.throws(() => suite({ 'a promise that nobody made': 'because' }), /no promise/)
  })
})
