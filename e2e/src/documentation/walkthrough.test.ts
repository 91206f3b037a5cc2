import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Page } from './page.ts'
import { Walkthrough } from './walkthrough.ts'

// Most of the time a page waits for what it has started.
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
