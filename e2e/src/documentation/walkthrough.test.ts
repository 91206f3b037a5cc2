import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { Page, ROOT } from './page.ts'
import { Walkthrough } from './walkthrough.ts'

// Most of the time a page waits for what it has started.
test('npx finds the program in the workspace, of which the pages use a short cut', () => {
  const args = ['--no-install', 'fanline', 'version']
  assert.match(execFileSync('npx', args, { cwd: ROOT, encoding: 'utf8' }), /^\d+\.\d+\.\d+/)
})

describe('what a page tells its reader to do works as the page shows it', { concurrency: 3 }, () => {
  const walked = Page.all().filter(Walkthrough.isFor)

  test('there are such pages', () => {
    const paths = walked.map(({ path }) => path)
    for (const path of ['README.md', 'docs/getting-started.md', 'docs/reference/api.md'])
      assert.ok(paths.includes(path), path)
  })

  // The longest first, so that it does not run on alone when all others have ended.
  for (const page of walked.toSorted((a, b) => b.fences.length - a.fences.length))
    test(page.path, { skip: Walkthrough.hindranceTo(page) }, () => Walkthrough.through(page))
})
