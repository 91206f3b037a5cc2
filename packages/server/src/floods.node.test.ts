import { test } from 'node:test'
import { FloodedServer } from './testing/flooded-server.ts'
import { FLOODS } from './testing/floods.ts'

/** In every run others use the machine; the long test says what a server alone can do. */
const MAX_WAIT_MS = 5000

test('a flooded server stays alive and small, and hears honest clients', async (t) => {
  const server = await FloodedServer.start(t)
  for (const flood of FLOODS) {
    await t.test(flood.name, (t) => server.endure(t, flood, flood.short, MAX_WAIT_MS))
  }
})
