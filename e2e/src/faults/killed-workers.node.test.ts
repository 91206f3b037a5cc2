import { test } from 'node:test'
import { killWorkers } from './killed-workers.ts'

test('workers that are killed are replaced, and nobody misses an event', (t) =>
  killWorkers(t, {
    workers: 3,
    clients: 100,
    channels: 50,
    perSecond: 200,
    durationMs: 3000,
    killEveryMs: 1500,
  }))
