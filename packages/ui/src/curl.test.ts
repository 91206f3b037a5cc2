import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { shellQuote } from './curl.ts'

test('a shell gives back the very word that was quoted', () => {
  for (const text of ["it's", '', `'''`, '$HOME `id` "x" \\ !', 'two\nlines', '{"text":"Ünï ☂"}']) {
    assert.equal(execFileSync('/bin/sh', ['-c', `printf %s ${shellQuote(text)}`], { encoding: 'utf8' }), text)
  }
})
