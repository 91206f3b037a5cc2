import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { simulate } from './simulation.ts'

const SEEDS = 2000

/** Seeds that once failed, each beyond the first {@link SEEDS}. */
const REGRESSIONS = [12_662, 9493]

describe('the simulated hub', () => {
  it(`keeps its promises under ${SEEDS} seeds`, async () => {
    let published = 0
    let heard = 0
    let gaps = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const report = await simulate(seed)
      assert.deepEqual(report.violations, [], `npm run simulate -- --seed ${seed}`)
      published += report.published
      heard += report.heard
      gaps += report.gaps
    }
    // A simulation in which nothing happens would pass, too.
    assert.ok(published > 100 * SEEDS, `only ${published} events were published`)
    assert.ok(heard > 50 * SEEDS, `only ${heard} events were heard`)
    assert.ok(gaps > SEEDS, `only ${gaps} gaps were announced`)
  })

  it('keeps them under the seeds that once failed', async () => {
    for (const seed of REGRESSIONS) {
      assert.deepEqual((await simulate(seed)).violations, [], `npm run simulate -- --seed ${seed}`)
    }
  })

  it('gives the same run for the same seed', async () => {
    assert.deepEqual(await simulate(4711), await simulate(4711))
  })
})
