import { test } from 'node:test'
import { restartAllTheTime } from './rolling-restart.ts'

test('two nodes are restarted twenty times with 2,000 clients', (t) =>
  restartAllTheTime(t, {
    clients: 2000,
    channels: 200,
    perSecond: 100,
    rounds: 20,
    connectionsPerSecond: 500,
    drainMs: 5000,
    caughtUpP99Ms: 5000,
  }))
