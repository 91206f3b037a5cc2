import { describe, it } from 'node:test'
import { comeAndGo, pingStalledClient } from '../testing/client-id-load.ts'

for (const level of ['strict', 'enhanced'] as const) {
  describe(`clients of ayo-awe’s go-sse, ${level}`, () => {
    it('001.8 a client that never reads harms nobody (100,000 pings)', (t) =>
      pingStalledClient(t, level, 100_000))

    it('001.9 forty loops of clients that come and go leave nothing behind (30 s)', (t) =>
      comeAndGo(t, level, 30_000))
  })
}
