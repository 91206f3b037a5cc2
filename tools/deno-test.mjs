// deno test tools/deno-test.mjs -- FILE: loads one test file, so that nothing that fails in it is lost.
// Deno 2.9 reports neither an error at the top level of a file that has defined a test before, nor what a
// timer or an event throws while a `node:test` runs; Node and Bun fail on both.
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

globalThis.addEventListener('error', (event) => {
  process.stderr.write(`uncaught: ${event.error?.stack ?? event.message}\n`)
  process.exit(1)
})

await import(pathToFileURL(process.argv[2]).href).catch((error) => {
  test('the file loads', () => {
    throw error
  })
})
