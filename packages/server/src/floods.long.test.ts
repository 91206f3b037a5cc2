import { test } from 'node:test'
import { FloodedServer } from './testing/flooded-server.ts'
import { FLOODS } from './testing/floods.ts'

test('a server under much larger floods stays alive and small, and hears honest clients inside a second', async (t) => {
  const server = await FloodedServer.start(t)
  for (const flood of FLOODS) await t.test(flood.name, (t) => server.endure(t, flood, flood.long, 1000))
})
