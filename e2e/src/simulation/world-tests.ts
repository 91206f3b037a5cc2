import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { simulate, type WorldName } from './simulation.ts'

/** The tests of one world. */
export interface WorldTests {
  readonly world: WorldName
  /** How many runs, from seed 1 on. */
  readonly seeds: number
  /** Seeds that once failed, each beyond the first ones. */
  readonly regressions?: readonly number[]
}

/** Defines what every world must show. */
export function testWorld({ world, seeds, regressions = [] }: WorldTests): void {
  describe(`simulated hubs, world ${world}`, () => {
    it(`keep their promises under ${seeds} seeds`, async () => {
      let published = 0
      let heard = 0
      let gaps = 0
      for (let seed = 1; seed <= seeds; seed++) {
        const report = await simulate(seed, world)
        assert.deepEqual(report.violations, [], `npm run simulate -- --world ${world} --seed ${seed}`)
        published += report.published
        heard += report.heard
        gaps += report.gaps
      }
      // A simulation in which nothing happens would pass, too.
      assert.ok(published > 100 * seeds, `only ${published} events were published`)
      assert.ok(heard > 50 * seeds, `only ${heard} events were heard`)
      assert.ok(gaps > seeds, `only ${gaps} gaps were announced`)
    })

    if (regressions.length > 0) {
      it('keep them under the seeds that once failed', async () => {
        for (const seed of regressions) {
          const { violations } = await simulate(seed, world)
          assert.deepEqual(violations, [], `npm run simulate -- --world ${world} --seed ${seed}`)
        }
      })
    }

    it('run the same way under the same seed', async () => {
      assert.deepEqual(await trace(4711, world), await trace(4711, world))
    })
  })
}

/** Everything that happened in a run. */
async function trace(seed: number, world: WorldName): Promise<string[]> {
  const lines: string[] = []
  const report = await simulate(seed, world, (line) => lines.push(line))
  return [...lines, JSON.stringify(report)]
}
