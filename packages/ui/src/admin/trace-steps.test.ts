import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventTrace } from './event-trace.ts'
import { sinceText, stepsOf } from './trace-steps.ts'

const FATES = { lost: 0, left: 0, waiting: 0, 'caught-up': 1, written: 1 }

test('an event is published, appended, written, and read by who caught up', () => {
  const trace: EventTrace = {
    id: '1000000',
    type: 'paid',
    length: 12,
    channels: ['orders'],
    except: [],
    hubs: [
      {
        publishes: [
          {
            at: 999,
            by: { user: 'u', credential: { kind: 'key', id: 'k' } },
            matched: 2,
            isDuplicate: false,
          },
        ],
        passages: [{ channel: 'orders', at: 1001, writtenAt: 1002, live: 1, others: 1 }],
        fates: FATES,
        connections: [
          {
            id: 'slow-connection',
            user: null,
            state: 'live',
            cursor: '1000000',
            fate: 'caught-up',
            at: 1500,
          },
          { id: 'x', user: 'v', state: 'live', cursor: '1000000', fate: 'written', at: null },
        ],
        isComplete: true,
      },
    ],
  }
  assert.deepEqual(
    stepsOf(trace).map(({ at, title, detail }) => `${sinceText(at, 999)} ${title} ${detail}`),
    [
      '+0 ms Published by u, with a key k, for 2 connections',
      '+1 ms Appended to the log in orders, 12 characters of data',
      '+3 ms Written to 1 connection of orders, in 1 ms, and not yet to 1 connection: behind, or catching up',
      '+501 ms Read from the log by slow-con, which had caught up',
    ],
  )
})
