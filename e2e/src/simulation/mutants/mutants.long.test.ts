import assert from 'node:assert/strict'
import { test } from 'node:test'
import { huntMutants } from './hunt.ts'
import { MUTANTS } from './mutants.ts'

test('the simulation finds every mutant', async () => {
  assert.ok(MUTANTS.length >= 12)
  const survivors: string[] = []
  for await (const { mutant, caughtBy } of huntMutants())
    if (caughtBy === undefined) survivors.push(mutant.name)
  assert.deepEqual(survivors, [])
})
