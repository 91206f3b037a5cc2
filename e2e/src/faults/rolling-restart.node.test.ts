import { test } from 'node:test'
import { restartAllTheTime } from './rolling-restart.ts'

test('both nodes are restarted one after the other, and nobody misses an event', (t) =>
  restartAllTheTime(t, {
    clients: 100,
    channels: 50,
    perSecond: 100,
    rounds: 1,
    connectionsPerSecond: 100,
    drainMs: 1000,
  }))
