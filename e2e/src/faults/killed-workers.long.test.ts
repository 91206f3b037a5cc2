import { test } from 'node:test'
import { killWorkers } from './killed-workers.ts'

test('a worker is killed every five seconds for two minutes', (t) =>
  killWorkers(t, {
    workers: 4,
    clients: 1000,
    channels: 200,
    perSecond: 1000,
    durationMs: 120_000,
    killEveryMs: 5000,
  }))
