import { test } from 'node:test'
import { restartUnderTabs } from './client-rolling-restart.ts'

test('20 tabs hear everything once and in order while two hubs behind nginx are restarted, one after the other', (t) =>
  restartUnderTabs(t, 20))
