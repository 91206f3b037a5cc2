// Runs together with the tests of every runtime: a stage named "bun" that ran on Node would prove nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'

const runtime = globalThis.Deno
  ? `deno ${globalThis.Deno.version.deno}`
  : globalThis.Bun
    ? `bun ${globalThis.Bun.version}`
    : `node ${process.versions.node}`

test('the tests run on the runtime that the stage names', () => {
  const expected = process.env.EXPECT_RUNTIME
  assert.ok(expected, 'EXPECT_RUNTIME is not set')
  assert.ok(`${runtime}.`.startsWith(`${expected}.`), `expected ${expected}, running on ${runtime}`)
})
